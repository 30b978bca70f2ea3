//! `cargo xtask test`: everything that must pass.

use std::fs;

use crate::corpus;
use crate::setup;
use crate::step::{self, Done, cargo, repository};

/// Runs every check and test; nothing is skipped.
pub fn run() -> Done {
    setup::run()?;
    step::run("rustfmt", cargo().args(["fmt", "--all", "--check"]))?;
    step::run(
        "clippy",
        cargo().args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
    )?;
    let mut tests = cargo();
    tests.args(["test", "--workspace", "--no-fail-fast"]);
    // A boot test that can't run is a failure.
    tests.env("UK_REQUIRE_TARGETS", "unix,virtio");
    step::run("tests", &mut tests)?;
    // The parsers of what users write are fed random and damaged texts for a minute each; the other soaks had a second.
    let mut soaks = cargo();
    soaks.args(["test", "--quiet", "--package", "uk-planner", "--package", "uk-keys", "--tests", "soak_"]);
    step::run_chosen("soaks of the parsers", soaks.env("UK_SOAK_SECONDS", "60"))?;
    corpus::run(&corpus::TESTED)?;
    for example in examples()? {
        // One target folder for all: they are made of the same crates.
        let target = repository().join("target/examples");
        let test = |words: &[&str]| {
            let mut command = cargo();
            command
                .args(words)
                .arg("--manifest-path")
                .arg(example.join("Cargo.toml"))
                .env("CARGO_TARGET_DIR", &target);
            command
        };
        let name = example.display();
        step::run(&format!("{name}: rustfmt"), &mut test(&["fmt", "--all", "--check"]))?;
        step::run(&format!("{name}: cargo test"), &mut test(&["test", "--quiet"]))?;
        step::run(&format!("{name}: clippy"), test(&["clippy", "--quiet"]).args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

/// Folders of crates that are workspaces of their own.
fn examples() -> Result<Vec<std::path::PathBuf>, String> {
    let mut all = Vec::new();
    for parent in ["examples", "tests/guests", "xtask/guests"] {
        let folder = repository().join(parent);
        let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            let path = entry.map_err(|error| error.to_string())?.path();
            if path.join("Cargo.toml").exists() {
                all.push(path);
            }
        }
    }
    all.sort();
    Ok(all)
}
