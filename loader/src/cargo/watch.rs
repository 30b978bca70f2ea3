//! What an answer of cargo's depends on.

use std::path::{Path, PathBuf};

use cargo_metadata::Metadata;

use super::{Cargo, package_folder, sealed};
use crate::memo::Watch;

impl Cargo<'_> {
    /// What any answer of cargo's depends on, besides the packages: its configuration, its environment, the lock file.
    pub(super) fn watch(&self) -> Watch {
        let mut watch = Watch::default();
        for name in ["CARGO_HOME", "HOME", "CARGO_BUILD_TARGET", "CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS"]
        {
            watch.variable(name);
        }
        watch.existence(self.sdk.root());
        self.configs().into_iter().for_each(|file| watch.file(file));
        // A workspace above the application can add to what its package inherits.
        self.project.folder.ancestors().for_each(|f| watch.file(f.join("Cargo.toml")));
        watch
    }

    /// Where cargo looks for its configuration, the nearest first.
    pub(super) fn configs(&self) -> Vec<PathBuf> {
        let mut homes: Vec<PathBuf> = self.project.folder.ancestors().map(|f| f.join(".cargo")).collect();
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        homes.extend(home.or_else(|| std::env::var_os("HOME").map(|h| Path::new(&h).join(".cargo"))));
        homes.iter().flat_map(|home| ["config.toml", "config"].map(|name| home.join(name))).collect()
    }

    /// The files of path packages whose presence or content changes what the units are.
    pub(super) fn watch_packages(&self, watch: &mut Watch, metadata: &Metadata) {
        for package in &metadata.packages {
            let folder = package_folder(package);
            // The root's text is part of the question.
            if folder == self.root() {
                continue;
            }
            if package.source.is_some() || self.sdk.digest(&folder).is_some() {
                // What the package is built of; beside a list, it is vendored.
                let archive = sealed::archive(&folder).filter(|_| package.source.is_some());
                watch.existence(archive.unwrap_or_else(|| package.manifest_path.clone().into()));
                let list = folder.join(sealed::LIST);
                if list.is_file() {
                    watch.file(list);
                }
                continue;
            }
            watch.file(package.manifest_path.as_std_path());
            folder.ancestors().skip(1).for_each(|f| watch.file(f.join("Cargo.toml")));
            for file in ["src/lib.rs", "src/main.rs", "build.rs"] {
                watch.existence(folder.join(file));
            }
        }
    }
}
