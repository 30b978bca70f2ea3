//! Planning: generated action graphs, keys hashed and looked up; generated manifests, read and resolved.

use crate::step::{self, Done, cargo};

pub(super) fn run() -> Done {
    // A process each, since the most memory that one had is told.
    for size in ["50", "10000", "100000", "1000000"] {
        let mut command = example("uk-store", "graphs");
        step::run(&format!("graphs of {size} actions"), command.args(["--", size]))?;
    }
    step::run("scale", &mut example("uk-planner", "scale"))
}

fn example(package: &str, name: &str) -> std::process::Command {
    let mut command = cargo();
    command.args(["run", "--release", "--quiet", "--package", package, "--example", name]);
    command
}
