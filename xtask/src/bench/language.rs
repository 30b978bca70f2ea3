//! The language: `uk plan` of every example with nothing to do, and generated manifests, read and resolved.

use std::fs;

use super::{Scratch, median, ms, uk_in, wall};
use crate::step::{self, Done, cargo, repository};

/// How often each example is planned.
const ROUNDS: usize = 21;

pub(super) fn run() -> Done {
    let scratch = Scratch::new("language")?;
    let store = scratch.0.join("store");
    let examples = repository().join("examples");
    let entries = fs::read_dir(&examples).map_err(|error| format!("{}: {error}", examples.display()))?;
    let mut times = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| error.to_string())?.file_name();
        // Those that are one crate; the others need their whole workspace.
        let Some(name) = name.to_str().filter(|name| examples.join(name).join("src/lib.rs").exists()) else {
            continue;
        };
        let folder = scratch.example(name)?;
        let plan = || uk_in(&folder, &store, &["plan", "--target", "unix", "--target", "virtio"]);
        // Asked twice: what was asked a moment ago isn't trusted yet.
        step::output(&mut plan())?;
        let nodes = step::output(&mut plan())?.lines().count();
        let rounds: Result<Vec<_>, _> = (0..ROUNDS).map(|_| wall(&mut plan())).collect();
        times.push((median(rounds?), nodes, name.to_owned()));
    }
    times.sort();
    let (time, nodes, name) = times.last().ok_or("there are no examples")?;
    println!(
        "plan of the slowest of {} examples, both targets, whole process, median of {ROUNDS}",
        times.len()
    );
    println!("  {name}: {:.2} ms, {nodes} lines   (goal: <= 10 ms)", ms(*time));

    println!("generated manifests, processor's time, best of five");
    let mut command = cargo();
    command.args(["run", "--release", "--quiet", "--package", "uk-planner", "--example", "scale"]);
    step::run("scale", &mut command)
}
