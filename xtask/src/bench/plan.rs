//! Planning: generated action graphs, keys hashed and looked up; generated manifests, read and resolved.

use crate::step::{self, Done, cargo};

pub(super) fn run() -> Done {
    for (package, example) in [("uk-store", "graphs"), ("uk-planner", "scale")] {
        let mut command = cargo();
        command.args(["run", "--release", "--quiet", "--package", package, "--example", example]);
        step::run(example, &mut command)?;
    }
    Ok(())
}
