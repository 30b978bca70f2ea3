//! Lock files of cargo's.

use std::collections::{BTreeMap, BTreeSet, HashMap};

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
    source: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: BTreeSet<String>,
}

/// Checksums by name, version and source: two registries may have packages of one name and version.
pub(crate) type Checksums = HashMap<(String, String, String), String>;

/// The checksum of each package that has one.
pub(crate) fn checksums(text: &str) -> Checksums {
    let lock: Lock = toml::from_str(text).unwrap_or(Lock { package: Vec::new() });
    lock.package.into_iter().filter_map(|p| Some(((p.name, p.version, p.source?), p.checksum?))).collect()
}

/// What the lock file `theirs` lacks of `wanted`, has besides, or has otherwise: a sentence a fact, sorted by crate.
pub(crate) fn differences(wanted: &str, theirs: &str) -> Vec<String> {
    let read = |text: &str| {
        let lock: Lock = toml::from_str(text).unwrap_or(Lock { package: Vec::new() });
        let mut all: BTreeMap<String, BTreeMap<String, Locked>> = BTreeMap::new();
        for package in lock.package {
            all.entry(package.name.clone()).or_default().insert(package.version.clone(), package);
        }
        all
    };
    let (wanted, theirs) = (read(wanted), read(theirs));
    let nothing = BTreeMap::new();
    let mut found = Vec::new();
    for name in wanted.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
        let (wanted, theirs) = (wanted.get(name).unwrap_or(&nothing), theirs.get(name).unwrap_or(&nothing));
        let new: Vec<&String> = wanted.keys().filter(|v| !theirs.contains_key(*v)).collect();
        let gone: Vec<&String> = theirs.keys().filter(|v| !wanted.contains_key(*v)).collect();
        if let ([new], [gone]) = (&new[..], &gone[..]) {
            found.push(format!("it has `{name} {gone}`, and `{name} {new}` is wanted"));
        } else {
            found.extend(new.iter().map(|version| format!("it lacks `{name} {version}`")));
            found.extend(gone.iter().map(|version| format!("nothing needs `{name} {version}` any more")));
        }
        for (version, wanted) in wanted {
            let Some(theirs) = theirs.get(version) else { continue };
            if wanted.checksum != theirs.checksum {
                found.push(format!("it has another checksum for `{name} {version}`"));
            }
            for more in wanted.dependencies.difference(&theirs.dependencies) {
                found.push(format!("it doesn't say that `{name} {version}` needs `{more}`"));
            }
            for less in theirs.dependencies.difference(&wanted.dependencies) {
                found.push(format!("`{name} {version}` doesn't need `{less}` any more"));
            }
        }
    }
    found
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
    fn differences_name_each_crate() {
        let package = |name: &str, version: &str, sum: &str, needs: &[&str]| {
            format!(
                "[[package]]\nname = {name:?}\nversion = {version:?}\nchecksum = {sum:?}\ndependencies = {needs:?}\n"
            )
        };
        let theirs = [
            package("b", "1.0.0", "1", &[]),
            package("c", "1.0.0", "2", &["b", "d"]),
            package("d", "1.0.0", "3", &[]),
        ];
        let wanted = [
            package("a", "0.1.0", "4", &[]),
            package("b", "1.0.1", "5", &[]),
            package("c", "1.0.0", "6", &["a", "b"]),
        ];
        assert_eq!(
            differences(&wanted.concat(), &theirs.concat()),
            [
                "it lacks `a 0.1.0`",
                "it has `b 1.0.0`, and `b 1.0.1` is wanted",
                "it has another checksum for `c 1.0.0`",
                "it doesn't say that `c 1.0.0` needs `a`",
                "`c 1.0.0` doesn't need `d` any more",
                "nothing needs `d 1.0.0` any more",
            ]
        );
        assert_eq!(differences(LOCK, LOCK), [""; 0]);
    }

    #[test]
    fn checksums_are_found_by_name_version_and_source() {
        let package = |source: &str, sum: &str| {
            format!(
                "[[package]]\nname = \"log\"\nversion = \"0.4.35\"\nsource = {source:?}\nchecksum = {sum:?}\n"
            )
        };
        let all = checksums(&[package("registry+a", "5d"), package("sparse+b", "6e")].concat());
        for (source, sum) in [("registry+a", "5d"), ("sparse+b", "6e")] {
            assert_eq!(all[&("log".to_owned(), "0.4.35".to_owned(), source.to_owned())], sum);
        }
    }
}
