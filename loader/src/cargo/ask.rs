//! Starting cargo, and what its refusals mean.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{Metadata, Package};
use serde::Deserialize;
use uk_diagnostic::{Code, Diagnostic};
use uk_planner::lower::Host;
use uk_store::Cancel;

use super::{Cargo, package_folder, refusal};
use crate::{Result, Sdk, shown, toolchain};

/// What cargo answers in `folder`: its standard output, or how it refuses.
pub(super) fn ask(
    cancel: &Cancel,
    host: &Host,
    offline: bool,
    folder: &Path,
    args: &[&str],
) -> Result<std::result::Result<String, String>> {
    let (program, rustc) = toolchain::programs(host);
    let mut command = Command::new(&program);
    command.args(args).args(offline.then_some("--offline")).current_dir(folder);
    // What a person's shell sets for other builds has no part in this one.
    for name in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_TARGET_DIR",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
    ] {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os() {
        let theirs = ["CARGO_PROFILE_", "CARGO_BUILD_", "CARGO_TARGET_"];
        if name.to_str().is_some_and(|name| theirs.iter().any(|start| name.starts_with(start))) {
            command.env_remove(name);
        }
    }
    command.env("RUSTC", rustc).env("CARGO_TERM_COLOR", "never");
    if args.contains(&"--unit-graph") {
        // The one unstable output that is read; see docs/adr/0001-unit-graph.md.
        command.env("RUSTC_BOOTSTRAP", "1");
    }
    let output = cancel.output(&mut command).map_err(|error| match error.kind() {
        std::io::ErrorKind::Interrupted => Cancel::diagnostic(),
        _ => {
            Diagnostic::error(Code::NoToolchain, format!("`{}` can't be started: {error}", program.display()))
                .help("install cargo with the toolchain: https://rustup.rs")
        }
    })?;
    if output.status.success() {
        return Ok(Ok(String::from_utf8_lossy(&output.stdout).into_owned()));
    }
    Ok(Err(error(&String::from_utf8_lossy(&output.stderr)).to_owned()))
}

/// What `said` has from its error on: before it stand progress, and warnings of what the root patches in.
fn error(said: &str) -> &str {
    let said = said.trim();
    let first = said.strip_prefix("error: ");
    first.or_else(|| Some(said.split_once("\nerror: ")?.1)).unwrap_or(said)
}

impl Cargo<'_> {
    /// Standard output of cargo in `folder`.
    pub(super) fn cargo(&self, folder: &Path, args: &[&str]) -> Result<String> {
        let said = match ask(self.cancel, self.host, self.locking.offline, folder, args)? {
            Ok(text) => return Ok(text),
            Err(said) => said,
        };
        if let Some((name, place)) = self.collision(&said) {
            return Err(two_sdks(&name, &place));
        }
        if let Some(known) = refusal::explain(&said, &self.project.lock()) {
            return Err(Box::new(known));
        }
        let file = shown(&self.at_fault(&said));
        Err(Box::new(
            Diagnostic::error(Code::CargoFailed, "cargo could not resolve the crates of the application")
                .note(said)
                .help(format!("look at `{file}`")),
        ))
    }

    /// The file that cargo's words are about: the application's manifest, or one of cargo's configuration.
    fn at_fault(&self, said: &str) -> PathBuf {
        // The flags that cargo then gives to rustc are of its configuration alone.
        let flags = said.contains("to learn about target-specific information");
        let names = |file: &PathBuf| said.contains(&format!("`{}`", file.display()));
        let config = self.configs().into_iter().find(|file| names(file) || (flags && file.is_file()));
        config.unwrap_or_else(|| self.project.folder.join("Cargo.toml"))
    }

    pub(super) fn check_sdk(&self, metadata: &Metadata) -> Result<()> {
        let other = metadata.packages.iter().find(|p| {
            self.sdk.packages().any(|(name, _)| name == p.name.as_str())
                && self.sdk.digest(&package_folder(p)).is_none()
        });
        other.map_or(Ok(()), |other| Err(two_sdks(&other.name, &package_folder(other))))
    }

    /// The package of the SDK that there are two of, and where the other one is, if that is what cargo says: "package
    /// collision in the lockfile: packages NAME vVERSION (FOLDER) and NAME vVERSION (FOLDER) are different".
    fn collision(&self, said: &str) -> Option<(String, PathBuf)> {
        let (_, packages) = said.split_once("package collision in the lockfile: packages ")?;
        let (packages, _) = packages.split_once(" are different")?;
        packages.split(" and ").find_map(|package| {
            let (name, rest) = package.split_once(' ')?;
            let place = PathBuf::from(rest.split_once('(')?.1.trim_end_matches(')'));
            let ours = self.sdk.packages().any(|(known, _)| known == name);
            (ours && self.sdk.digest(&place).is_none()).then(|| (name.to_owned(), place))
        })
    }

    /// `--locked` forbids a change of the lock file; `differences` are what would change.
    pub(super) fn stale(&self, what: &str, differences: &[String]) -> Box<Diagnostic> {
        let fault =
            Diagnostic::error(Code::StaleLock, format!("{what}, and `--locked` forbids to change it"));
        let mut fault = fault.note(format!("in `{}`", self.project.folder.display()));
        fault.notes.extend(differences.iter().take(STALE).cloned());
        if let Some(more) = differences.len().checked_sub(STALE).filter(|more| *more > 0) {
            fault.notes.push(format!("and {more} more crates"));
        }
        Box::new(fault.help("run `uk plan` without `--locked` and commit `unikernel.lock`"))
    }
}

/// How many crates a message names.
const STALE: usize = 8;

fn two_sdks(name: &str, place: &Path) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(Code::TwoSdks, "the application brings a copy of the SDK of its own")
            .note(format!("one `{name}` is at `{}`, the other is the one in `uk`", place.display()))
            .help(format!(
                "depend on the SDK by version, `uk-device = \"{}\"`: `uk` provides it",
                Sdk::VERSION
            )),
    )
}

/// What `cargo metadata` said.
pub(super) struct Resolution {
    pub metadata: Metadata,
    /// Each package's `rust-version` as it is written, by id: `cargo_metadata` completes it (`1.80` to `1.80.0`).
    rust_versions: HashMap<String, String>,
}

impl Resolution {
    /// A package's `rust-version`; empty for none.
    pub fn rust_version(&self, package: &Package) -> String {
        self.rust_versions.get(&package.id.repr).cloned().unwrap_or_default()
    }
}

/// Reads what `cargo metadata` said.
pub(super) fn parse(text: &str) -> Result<Resolution> {
    #[derive(Deserialize)]
    struct Written {
        packages: Vec<WrittenPackage>,
    }
    #[derive(Deserialize)]
    struct WrittenPackage {
        id: String,
        rust_version: Option<String>,
    }
    let unreadable = |cause: String| {
        Box::new(Diagnostic::error(Code::CargoFailed, "what `cargo metadata` said can't be read").note(cause))
    };
    let metadata =
        cargo_metadata::MetadataCommand::parse(text).map_err(|error| unreadable(error.to_string()))?;
    let written: Written = serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
    let versions = written.packages.into_iter().filter_map(|p| Some((p.id, p.rust_version?)));
    Ok(Resolution { metadata, rust_versions: versions.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_begins_a_line() {
        assert_eq!(error("error: no such crate\n\nCaused by:\n  x\n"), "no such crate\n\nCaused by:\n  x");
        let warned = "   Updating x\nwarning: unused manifest key: error: x\nerror: no such crate\nerror: y";
        assert_eq!(error(warned), "no such crate\nerror: y");
        assert_eq!(error(" killed "), "killed");
    }
}
