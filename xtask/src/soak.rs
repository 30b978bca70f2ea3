//! `cargo xtask soak`: runs that take too long for every change.

use crate::step::{self, Done, cargo};

/// Feeds random and mutated texts to every parser for `minutes` each.
pub fn run(minutes: &str) -> Done {
    let minutes: u64 = minutes.parse().map_err(|_| format!("`{minutes}` isn't a number of minutes"))?;
    let mut command = cargo();
    command.args(["test", "--release", "-p", "uk-planner", "-p", "uk-keys", "-p", "uk-kdl", "--", "soak"]);
    command.env("UK_SOAK_SECONDS", (minutes * 60).to_string());
    step::run("fuzzing", &mut command)
}
