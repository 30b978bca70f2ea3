//! Files for unikernels: a look-up in the image beside the maps of Rust, and the way to the first byte on a disk.

use crate::step::{self, Done, cargo};

pub(super) fn run() -> Done {
    let mut command = cargo();
    command.args(["run", "--release", "--quiet", "--package", "uk-data", "--example", "kv"]);
    step::run("files for unikernels", &mut command)
}
