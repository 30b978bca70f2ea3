//! `cargo xtask corpus`: applications of crates.io, built by the engine and by cargo, and compared.

use std::path::PathBuf;
use std::process::Command;

use crate::step::{self, Done, cargo, repository};

/// Which of them `cargo xtask test` checks: ours that uses all that cargo offers, one that is Rust alone, and one with C.
pub const TESTED: [&str; 3] = ["coverage", "ripgrep", "oxipng"];

/// Checks the applications that `args` names, or all.
pub fn run(args: &[&str]) -> Done {
    let program = program(false)?;
    step::run("applications of crates.io", Command::new(program).arg(folder()).arg("check").args(args))
}

/// Where sources, target folders and the store are kept from one run to the next.
pub fn folder() -> PathBuf {
    target().join("corpus")
}

/// The harness, built.
pub fn program(optimised: bool) -> Result<PathBuf, String> {
    let mut build = cargo();
    build.args(["build", "--quiet", "--package", "uk-loader", "--example", "corpus"]);
    build.args(optimised.then_some("--release"));
    step::run("building the harness", &mut build)?;
    Ok(target().join(if optimised { "release" } else { "debug" }).join("examples/corpus"))
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from)
}
