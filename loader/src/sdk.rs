//! The SDK: the crates that images are made of, embedded in `uk` and published into the store.

use std::path::{Path, PathBuf};

use uk_action::{Digest, Entry, EntryKind, Tree};
use uk_diagnostic::{Code, Diagnostic};
use uk_store::Store;

use crate::{DeviceText, Result};

/// Path, content and the content's digest, known since `uk` was built.
static FILES: &[(&str, &[u8], Digest)] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// The embedded SDK, unpacked.
#[derive(Debug)]
pub struct Sdk {
    root: PathBuf,
    crates: Vec<Crate>,
}

#[derive(Debug)]
struct Crate {
    package: String,
    folder: &'static str,
    digest: Digest,
}

impl Sdk {
    /// The version that applications ask for.
    pub const VERSION: &str = env!("CARGO_PKG_VERSION");

    /// Unpacks the SDK into the store, unless it is there.
    ///
    /// # Errors
    /// Those of the store.
    pub fn publish(store: &Store) -> std::result::Result<Self, uk_store::StoreError> {
        let files = FILES.iter().map(|(path, bytes, _)| (*path, *bytes));
        let root = store.fixed_tree("sdk", Self::id(), files)?;
        Ok(Self { root, crates: crates() })
    }

    /// What names it in a store.
    pub fn id() -> Digest {
        tree(FILES.iter()).digest()
    }

    /// Looks whether all of it is still there, before cargo is asked about it.
    ///
    /// # Errors
    /// `UK0503` names what is missing or was changed in size.
    pub fn check(&self) -> Result<()> {
        let damaged = FILES.iter().find(|(path, bytes, _)| {
            std::fs::metadata(self.root.join(path)).map_or(true, |m| m.len() != bytes.len() as u64)
        });
        match damaged {
            None => Ok(()),
            Some((path, ..)) => Err(Box::new(
                Diagnostic::error(
                    Code::StoreCorrupt,
                    format!(
                        "`{}` of the SDK in the store is missing or damaged",
                        self.root.join(path).display()
                    ),
                )
                .help(format!(
                    "remove the folder, and `uk` unpacks it again: `rm -rf {}`",
                    self.root.display()
                )),
            )),
        }
    }

    /// Its packages and their folders.
    pub fn packages(&self) -> impl Iterator<Item = (&str, PathBuf)> {
        self.crates.iter().map(|c| (c.package.as_str(), self.root.join(c.folder)))
    }

    /// The digest of the SDK crate in `folder`, if there is one.
    pub fn digest(&self, folder: &Path) -> Option<Digest> {
        self.crates.iter().find(|c| self.root.join(c.folder) == folder).map(|c| c.digest)
    }

    /// The names of its packages.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FILES.iter().filter_map(|(path, bytes, _)| {
            path.strip_suffix("/Cargo.toml").and(std::str::from_utf8(bytes).ok())?.lines().find_map(named)
        })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The `device.kdl` of every SDK crate that carries one.
    pub fn devices() -> Vec<DeviceText> {
        FILES
            .iter()
            .filter_map(|(path, bytes, _)| {
                let folder = path.strip_suffix("/device.kdl")?;
                Some(DeviceText {
                    package: package(folder),
                    requirement: None,
                    name: format!("<sdk>/{path}"),
                    text: String::from_utf8_lossy(bytes).into_owned(),
                })
            })
            .collect()
    }
}

/// The folder of `path`'s crate: what stands before its `Cargo.toml`.
fn crates() -> Vec<Crate> {
    FILES
        .iter()
        .filter_map(|(path, ..)| path.strip_suffix("/Cargo.toml"))
        .map(|folder| {
            let inside = |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
            let files = FILES.iter().filter(|(path, ..)| inside(path));
            Crate { package: package(folder), folder, digest: tree(files).digest() }
        })
        .collect()
}

fn package(folder: &str) -> String {
    let manifest = format!("{folder}/Cargo.toml");
    let bytes = FILES.iter().find(|(path, ..)| *path == manifest).map_or(&b""[..], |(_, bytes, _)| bytes);
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    text.lines().find_map(named).unwrap_or_default().to_owned()
}

/// The name in a line `name = "..."` of a manifest.
fn named(line: &str) -> Option<&str> {
    line.strip_prefix("name = \"")?.strip_suffix('"')
}

fn tree<'f>(files: impl Iterator<Item = &'f (&'f str, &'f [u8], Digest)>) -> Tree {
    let entry = |(path, _, digest): &(&str, &[u8], Digest)| Entry {
        path: (*path).to_owned(),
        kind: EntryKind::File { digest: *digest, executable: false },
    };
    Tree::new(files.map(entry).collect()).expect("the embedded paths are distinct and relative")
}
