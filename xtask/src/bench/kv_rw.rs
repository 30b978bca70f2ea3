//! Values set and read in the log on a disk, beside a plain write and flush of the same file.

use super::Scratch;
use crate::step::{self, Done, cargo};

/// Prints both.
pub(super) fn run() -> Done {
    let scratch = Scratch::new("kv-rw")?;
    let mut command = cargo();
    command.args(["run", "--release", "--quiet", "-p", "uk-kv-log", "--example", "throughput", "--"]);
    step::run("values set and read", command.arg(&scratch.0))
}
