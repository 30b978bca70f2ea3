//! The SDK: the crates that images are made of, embedded in `uk` and published into the store.

use std::path::{Path, PathBuf};

use uk_action::{Digest, Entry, EntryKind, Tree};
use uk_store::Store;

use crate::DeviceText;

static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

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
    pub fn publish(store: &Store) -> Result<Self, uk_store::StoreError> {
        let root = store.fixed_tree("sdk", tree(FILES).digest(), FILES.iter().copied())?;
        Ok(Self { root, crates: crates() })
    }

    /// Its packages and their folders.
    pub fn packages(&self) -> impl Iterator<Item = (&str, PathBuf)> {
        self.crates.iter().map(|c| (c.package.as_str(), self.root.join(c.folder)))
    }

    /// The digest of the SDK crate in `folder`, if there is one.
    pub fn digest(&self, folder: &Path) -> Option<Digest> {
        self.crates.iter().find(|c| self.root.join(c.folder) == folder).map(|c| c.digest)
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The `device.kdl` of every SDK crate that carries one.
    pub fn devices() -> Vec<DeviceText> {
        FILES
            .iter()
            .filter_map(|(path, bytes)| {
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
        .filter_map(|(path, _)| path.strip_suffix("/Cargo.toml"))
        .map(|folder| {
            let inside = |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
            let files: Vec<_> = FILES.iter().filter(|(path, _)| inside(path)).copied().collect();
            Crate { package: package(folder), folder, digest: tree(&files).digest() }
        })
        .collect()
}

fn package(folder: &str) -> String {
    let manifest = format!("{folder}/Cargo.toml");
    let text = FILES.iter().find(|(path, _)| *path == manifest).map_or(&b""[..], |(_, bytes)| bytes);
    let line = text.split(|b| *b == b'\n').find_map(|l| l.strip_prefix(b"name = \"")).unwrap_or_default();
    String::from_utf8_lossy(line).trim_end_matches('"').to_owned()
}

fn tree(files: &[(&str, &[u8])]) -> Tree {
    let entry = |(path, bytes): &(&str, &[u8])| Entry {
        path: (*path).to_owned(),
        kind: EntryKind::File { digest: Digest::of(bytes), executable: false },
    };
    Tree::new(files.iter().map(entry).collect()).expect("the embedded paths are distinct and relative")
}
