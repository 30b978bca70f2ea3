//! A build without changes: `uk build` of hello beside `cargo build` of the same crate.

use std::ffi::OsStr;
use std::process::Command;

use super::{Scratch, ms, pairs, typed, uk_in, wall};
use crate::step::{self, Done, cargo};

pub(super) fn run() -> Done {
    let scratch = Scratch::new("noop")?;
    let hello = scratch.example("hello")?;
    let store = scratch.0.join("store");
    let ours = || uk_in(&hello, &store, &["build"]);
    // What is typed is rustup's `cargo` where there is rustup; the toolchain's own saves it choosing one.
    let theirs = |program: &OsStr| {
        let mut command = Command::new(program);
        command
            .args(["build", "--release"])
            .current_dir(&hello)
            .env("CARGO_TARGET_DIR", scratch.0.join("target"));
        typed(&mut command);
        command
    };
    let own = cargo().get_program().to_owned();
    step::output(&mut ours())?;
    step::output(&mut theirs(&own))?;
    // What was asked a moment ago is asked once more, until its files' stamps are old enough to be trusted.
    step::output(&mut ours())?;
    println!("no-op build of hello, whole process, medians of 41 pairs");
    for (title, program) in [("cargo", OsStr::new("cargo")), ("the toolchain's own cargo", &own)] {
        let (uk, cargo) = pairs(41, || wall(&mut ours()), || wall(&mut theirs(program)))?;
        let (uk, cargo) = (ms(uk), ms(cargo));
        println!(
            "  uk {uk:.2} ms (goal: <= 6), {title} {cargo:.2} ms: {:.3} of it (goal: <= 0.2)",
            uk / cargo
        );
    }
    Ok(())
}
