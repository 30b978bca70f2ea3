//! Lock files of cargo's.

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

/// The lock file without the list of patches that nothing uses: the SDK is patched in whole, and what it holds besides
/// must not change a user's lock file. Cargo writes that list last.
pub(crate) fn without_unused(text: &str) -> &str {
    text.split("\n[[patch.unused]]").next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str =
        "version = 4\n\n[[package]]\nname = \"log\"\nversion = \"0.4.35\"\nchecksum = \"5d\"\n";

    #[test]
    fn unused_patches_are_left_out() {
        let whole = format!(
            "{LOCK}\n[[patch.unused]]\nname = \"uk-args\"\nversion = \"0.1.0\"\n\n[[patch.unused]]\nname = \"b\"\n"
        );
        assert_eq!(without_unused(&whole), LOCK);
        assert_eq!(without_unused(LOCK), LOCK);
    }

    #[test]
    fn checksums_are_found_by_name_and_version() {
        let all = checksums(LOCK);
        assert_eq!(all[&("log".to_owned(), "0.4.35".to_owned())], "5d");
    }
}
