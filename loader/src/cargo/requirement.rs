//! Dependencies of the root on crates that the application has.

use cargo_metadata::Package;

use super::package_folder;

/// How a root package depends on a package that the application's resolution already holds.
pub(super) fn requirement(package: &Package) -> String {
    let folder = package_folder(package);
    match &package.source {
        Some(source) if source.repr.starts_with("git+") => {
            let url = source.repr.trim_start_matches("git+");
            let (address, revision) = url.split_once('#').unwrap_or((url, ""));
            let address = address.split('?').next().unwrap_or(address);
            format!("git = {address:?}, rev = {revision:?}")
        }
        Some(source) if source.is_crates_io() => format!("version = \"={}\"", package.version),
        Some(source) => {
            // An index that is a git repository has no word of its own in a manifest.
            let index = source.repr.strip_prefix("registry+").unwrap_or(&source.repr);
            format!("version = \"={}\", registry-index = {index:?}", package.version)
        }
        None => format!("path = {}", toml::Value::String(folder.display().to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_required_from_where_it_was_found() {
        let cases = [
            ("registry+https://github.com/rust-lang/crates.io-index", "version = \"=1.2.3\""),
            (
                "sparse+https://crates.example/index/",
                "version = \"=1.2.3\", registry-index = \"sparse+https://crates.example/index/\"",
            ),
            (
                "registry+https://crates.example/index",
                "version = \"=1.2.3\", registry-index = \"https://crates.example/index\"",
            ),
            (
                "git+https://git.example/x?branch=main#0123456789",
                "git = \"https://git.example/x\", rev = \"0123456789\"",
            ),
        ];
        for (source, required) in cases {
            let package = serde_json::json!({
                "name": "x", "version": "1.2.3", "id": "x", "source": source, "dependencies": [], "targets": [],
                "features": {}, "manifest_path": "/x/Cargo.toml",
            });
            let package: Package =
                serde_json::from_value(package).expect("it is what cargo says of packages");
            assert_eq!(requirement(&package), required);
        }
    }
}
