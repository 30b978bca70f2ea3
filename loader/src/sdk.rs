//! The SDK: the crates that images are made of, embedded in `uk` and published into the store.

use std::path::{Path, PathBuf};

use uk_action::Digest;
use uk_diagnostic::{Code, Diagnostic};
use uk_store::Store;

use crate::{DeviceText, Result};

/// Paths and contents, sorted within each crate.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// What every command needs to know of the SDK, found when `uk` was built.
static CRATES: &[Crate] = include!(concat!(env!("OUT_DIR"), "/crates.rs"));

/// The embedded SDK, unpacked.
#[derive(Debug)]
pub struct Sdk {
    root: PathBuf,
}

struct Crate {
    package: &'static str,
    folder: &'static str,
    digest: Digest,
}

impl Sdk {
    /// What names it in a store.
    pub const ID: Digest = include!(concat!(env!("OUT_DIR"), "/id.rs"));

    /// The version that applications ask for.
    pub const VERSION: &str = env!("CARGO_PKG_VERSION");

    /// Unpacks the SDK into the store, unless it is there.
    ///
    /// # Errors
    /// Those of the store.
    pub fn publish(store: &Store) -> std::result::Result<Self, uk_store::StoreError> {
        Ok(Self { root: store.fixed_tree(Self::ID, FILES.iter().copied())? })
    }

    /// Looks whether all of it is still there, before cargo is asked about it.
    ///
    /// # Errors
    /// `UK0503` names what is missing or was changed in size.
    pub fn check(&self) -> Result<()> {
        let damaged = FILES.iter().find(|(path, bytes)| {
            std::fs::metadata(self.root.join(path)).map_or(true, |m| m.len() != bytes.len() as u64)
        });
        match damaged {
            None => Ok(()),
            Some((path, _)) => Err(Box::new(
                Diagnostic::error(
                    Code::StoreCorrupt,
                    format!(
                        "`{}` of the SDK in the store is missing or damaged",
                        self.root.join(path).display()
                    ),
                )
                .help(format!(
                    "remove the folder, and `uk` unpacks it again: `rm -rf {}`",
                    crate::typed(&self.root)
                )),
            )),
        }
    }

    /// Its packages and their folders.
    pub fn packages(&self) -> impl Iterator<Item = (&str, PathBuf)> {
        CRATES.iter().map(|c| (c.package, self.root.join(c.folder)))
    }

    /// The digest of the SDK crate in `folder`, if there is one.
    pub fn digest(&self, folder: &Path) -> Option<Digest> {
        let folder = folder.strip_prefix(&self.root).ok()?;
        CRATES.iter().find(|c| Path::new(c.folder) == folder).map(|c| c.digest)
    }

    /// The names of its packages.
    pub fn names() -> impl Iterator<Item = &'static str> {
        CRATES.iter().map(|c| c.package)
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
                let krate = CRATES.iter().find(|c| c.folder == folder)?;
                Some(DeviceText {
                    package: krate.package.to_owned(),
                    requirement: None,
                    name: format!("<sdk>/{path}"),
                    text: String::from_utf8_lossy(bytes).into_owned(),
                })
            })
            .collect()
    }
}
