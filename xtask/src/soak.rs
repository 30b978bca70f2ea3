//! `cargo xtask soak`: runs that take too long for every change.

use crate::step::{self, Done, cargo};

/// How often the power goes under the store of values.
const KILLS: &str = "10000";

/// Cuts the power of the store of values, and feeds random and mutated texts to every parser for `minutes` each;
/// ends the store at every step, and kills builds.
pub fn run(minutes: &str) -> Done {
    let minutes: u64 = minutes.parse().map_err(|_| format!("`{minutes}` isn't a number of minutes"))?;
    let mut power = cargo();
    power.args(["test", "--release", "-p", "uk-kv-log", "--test", "power", "--", "--nocapture"]);
    step::run_chosen("losses of power", power.env("UK_KV_KILLS", KILLS))?;
    let mut command = cargo();
    let packages =
        ["uk-planner", "uk-keys", "uk-keys-macro", "uk-keys-syntax", "uk-kdl", "uk-kv-crunch", "uk-data"];
    command.args(["test", "--release"]).args(packages.iter().flat_map(|package| ["-p", package]));
    command.args(["--", "soak"]);
    command.env("UK_SOAK_SECONDS", (minutes * 60).to_string());
    step::run_chosen("fuzzing", &mut command)?;
    // With debug assertions: only then can the store be told where to fail.
    let mut command = cargo();
    command.args(["test", "-p", "uk-store", "--test", "it", "--", "ended_at_any_step_it_goes_on"]);
    command.env("UK_FAULT_ROUNDS", "1000");
    step::run_chosen("the store: ended at any step of writing, a thousand times", &mut command)?;
    let mut command = cargo();
    command.args(["test", "-p", "uk", "--test", "it", "--", "kill_9_at_any_moment"]);
    command.env("UK_KILL_ROUNDS", "300");
    step::run_chosen("whole builds: killed at any moment, three hundred times", &mut command)
}
