//! Keeping files beside `cp`: one of 1 GiB, and 20,000 small ones.

use crate::step::{self, Done, cargo, repository};

pub(super) fn run() -> Done {
    // Beside the build, which is on a disk; a temporary folder may be in memory.
    let folder = repository().join("target");
    let mut command = cargo();
    command.args(["run", "--release", "--quiet", "--package", "uk-store", "--example", "ingest", "--"]);
    command.arg(folder).args(["1024", "20000"]);
    step::run("ingest (goals: 1.2 for the large file, 2 for the small ones)", &mut command)
}
