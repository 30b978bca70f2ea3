//! Planning generated graphs: keys hashed and looked up.

use crate::step::{self, Done, cargo};

pub(super) fn run() -> Done {
    step::run(
        "plan",
        cargo().args(["run", "--release", "--quiet", "--package", "uk-store", "--example", "graphs"]),
    )
}
