//! `cargo xtask soak`: runs that take too long for every change.

use crate::step::{self, Done, cargo};

/// Feeds random and mutated texts to every parser for `minutes` each.
pub fn run(minutes: &str) -> Done {
    let minutes: u64 = minutes.parse().map_err(|_| format!("`{minutes}` isn't a number of minutes"))?;
    let mut command = cargo();
    let packages = ["uk-planner", "uk-keys", "uk-keys-macro", "uk-keys-syntax", "uk-kdl"];
    command.args(["test", "--release"]).args(packages.iter().flat_map(|package| ["-p", package]));
    command.args(["--", "soak"]);
    command.env("UK_SOAK_SECONDS", (minutes * 60).to_string());
    step::run("fuzzing", &mut command)
}
