//! Checksums from a lock file of cargo's.

use std::collections::HashMap;

use serde::Deserialize;

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// The checksum of each package that has one, by name and version.
pub(crate) fn checksums(text: &str) -> HashMap<(String, String), String> {
    let lock: Lock = toml::from_str(text).unwrap_or(Lock { package: Vec::new() });
    lock.package.into_iter().filter_map(|p| Some(((p.name, p.version), p.checksum?))).collect()
}
