//! What is kept of a package between builds.

use std::path::{Path, PathBuf};

use cargo_metadata::Package;
use serde::{Deserialize, Serialize};
use uk_action::{Digest, Seal};
use uk_planner::units::{self, Origin, PackageFacts};

use super::ask::Resolution;
use super::{graph, lints, package_folder, sealed};
use crate::Result;
use crate::lock::Checksums;

/// A package as a memo keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Known {
    facts: PackageFacts,
    /// The folder of its sources, or the archive that holds them.
    pub(super) folder: PathBuf,
    /// Its own folder in that.
    inside: String,
    /// `None` for a path package.
    fixed: Option<(String, Digest, Seal)>,
}

impl Known {
    /// What is to be kept of a package. `sdk` gives the digest of a folder of the SDK.
    pub(super) fn of(
        package: &Package,
        resolution: &Resolution,
        sdk: impl Fn(&Path) -> Option<Digest>,
        checksums: &Checksums,
    ) -> Result<Self> {
        let folder = package_folder(package);
        let (mut inside, mut lints) = (String::new(), Vec::new());
        let mut place = folder.clone();
        let fixed = match (&package.source, sdk(&folder)) {
            (_, Some(digest)) => Some(("sdk".to_owned(), digest, Seal::Tree(digest))),
            (None, None) => {
                lints = lints::arguments(&folder)?;
                None
            }
            (Some(source), None) => {
                let git = source.repr.starts_with("git+");
                if git {
                    (place, inside) = checkout(&folder);
                }
                // A git source's text holds its revision.
                let held = sealed::seal(package, &place, checksums, &source.repr)?;
                place = held.place;
                Some((if git { "git" } else { "registry" }.to_owned(), held.identity, held.seal))
            }
        };
        Ok(Known {
            facts: graph::facts(package, resolution.rust_version(package), lints),
            folder: place,
            inside,
            fixed,
        })
    }

    /// The package; `local` finds the sources of one that is the user's own.
    pub(super) fn package(
        self,
        primary: bool,
        local: impl FnOnce(&Path) -> Result<Origin>,
    ) -> Result<units::Package> {
        let Known { facts, folder, inside, fixed } = self;
        let origin = match fixed {
            Some((source, identity, seal)) => {
                let source =
                    ["registry", "git", "sdk"].into_iter().find(|s| *s == source).unwrap_or("registry");
                Origin::Fixed { source, path: folder, identity, seal }
            }
            None => local(&folder)?,
        };
        Ok(units::Package { facts, origin, inside, primary })
    }
}

/// The repository that cargo checked a git package out in, and the package's folder in that: a crate may include what is
/// beside it. Cargo's place for them is `git/checkouts/NAME/REVISION`.
fn checkout(folder: &Path) -> (PathBuf, String) {
    let parts: Vec<_> = folder.components().collect();
    let at =
        parts.windows(2).rposition(|pair| pair[0].as_os_str() == "git" && pair[1].as_os_str() == "checkouts");
    match at.map(|at| at + 4).filter(|end| *end <= parts.len()) {
        Some(end) => {
            let inside: PathBuf = parts[end..].iter().collect();
            (parts[..end].iter().collect(), inside.display().to_string())
        }
        None => (folder.to_owned(), String::new()),
    }
}
