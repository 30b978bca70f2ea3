//! A build without changes: `uk build` of hello beside `cargo build` of the same crate.

use std::process::Command;

use super::{Scratch, ms, pairs, uk_in, wall};
use crate::step::{self, Done, cargo};

pub(super) fn run() -> Done {
    let scratch = Scratch::new("noop")?;
    let hello = scratch.example("hello")?;
    let store = scratch.0.join("store");
    let ours = || uk_in(&hello, &store, &["build"]);
    let theirs = || {
        let mut command = Command::new(cargo().get_program());
        command
            .args(["build", "--release"])
            .current_dir(&hello)
            .env("CARGO_TARGET_DIR", scratch.0.join("target"));
        command
    };
    step::output(&mut ours())?;
    step::output(&mut theirs())?;
    // What was asked a moment ago is asked once more, until its files' stamps are old enough to be trusted.
    step::output(&mut ours())?;
    let (uk, cargo) = pairs(41, || wall(&mut ours()), || wall(&mut theirs()))?;
    println!("no-op build of hello, whole process, median of 41 pairs");
    println!("  uk     {:6.2} ms   (goal: <= 6 ms)", ms(uk));
    println!(
        "  cargo  {:6.2} ms   (goal: uk <= 1/5 of it; uk / cargo = {:.3})",
        ms(cargo),
        ms(uk) / ms(cargo)
    );
    Ok(())
}
