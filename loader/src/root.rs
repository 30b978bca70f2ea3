//! The synthetic root: the package whose dependencies cargo resolves for a unikernel.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::Sdk;

/// Another package that the generated main may name, on some target or for some value of a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RootCrate {
    /// The package's name.
    pub package: String,
    /// Where it is when it doesn't come from the SDK: a `Cargo.toml` dependency's value.
    pub requirement: Option<String>,
}

/// A root package to be written for cargo.
#[derive(Debug)]
pub struct Root<'a> {
    /// The application's package name.
    pub application: &'a str,
    /// The application's folder.
    pub folder: &'a Path,
    /// What a main may name besides it, for all targets and keys, so that one lock file serves them all. Each is an
    /// optional dependency: a feature of its name turns it on.
    pub crates: &'a [RootCrate],
}

/// Settings of every library and image. One optimisation level, so that targets share crates; for size, since an image is
/// loaded whole at every boot. Given as `--config` too, which no
/// configuration file outranks.
pub(crate) const PROFILE: [&str; 8] = [
    "profile.release.opt-level=\"s\"",
    "profile.release.codegen-units=1",
    "profile.release.debug=\"line-tables-only\"",
    "profile.release.panic=\"abort\"",
    "profile.release.strip=\"none\"",
    "profile.release.build-override.opt-level=0",
    "profile.release.build-override.codegen-units=1",
    "profile.release.build-override.debug=false",
];

impl Root<'_> {
    /// The text of its `Cargo.toml`.
    pub fn manifest(&self, sdk: &Sdk) -> String {
        let quoted = |path: &Path| toml::Value::String(path.display().to_string()).to_string();
        // Keys with dots stand before the first table.
        let mut text = PROFILE.join("\n");
        text.push_str(
            "\n\n[package]\nname = \"uk-root\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n[dependencies]\n",
        );
        // Writing to a String can't fail.
        let _ = writeln!(text, "{} = {{ path = {} }}", self.application, quoted(self.folder));
        let _ = writeln!(text, "uk-device = {:?}", Sdk::VERSION);
        for krate in self.crates {
            let version = || format!("version = {:?}", Sdk::VERSION);
            let requirement = krate.requirement.clone().unwrap_or_else(version);
            let _ = writeln!(text, "{} = {{ {requirement}, optional = true }}", krate.package);
        }
        text.push_str("\n[patch.crates-io]\n");
        for (package, folder) in sdk.packages() {
            let _ = writeln!(text, "{package} = {{ path = {} }}", quoted(&folder));
        }
        text
    }

    /// Where the root stands for a project: outside of every source set.
    pub fn place(state: &Path) -> PathBuf {
        state.join("cargo/root")
    }
}
