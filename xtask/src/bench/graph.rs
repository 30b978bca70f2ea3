//! A build without changes of a large graph, beside ninja on the same graph.

use std::fmt::Write as _;
use std::process::Command;

use super::{Scratch, ms, pairs, wall};
use crate::setup;
use crate::step::{self, Done, cargo, repository};

const STEPS: usize = 10_000;
const SOURCES: usize = STEPS / 10;
const LAYERS: usize = 20;
const PAIRS: usize = 21;

pub(super) fn run() -> Done {
    setup::program("ninja", "ninja-build")?;
    step::run(
        "building the example",
        cargo().args(["build", "--release", "--quiet", "--package", "uk-store", "--example", "noop"]),
    )?;
    let scratch = Scratch::new("graph")?;
    write(&scratch).map_err(|error| error.to_string())?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), Into::into);
    let ours = || {
        let mut command = Command::new(target.join("release/examples/noop"));
        command.arg(&scratch.0).arg(scratch.0.join("store"));
        command
    };
    let theirs = || {
        let mut command = Command::new("ninja");
        command.arg("-C").arg(&scratch.0);
        command
    };
    let built = step::output(&mut ours())?;
    if !built.starts_with(&format!("{STEPS} executed")) {
        return Err(format!("the first build did not execute everything: {built}"));
    }
    step::output(&mut theirs())?;
    let again = step::output(&mut ours())?;
    if again != format!("0 executed, {STEPS} cached\n") {
        return Err(format!("something was left to do: {again}"));
    }
    let (uk, ninja) = pairs(PAIRS, || wall(&mut ours()), || wall(&mut theirs()))?;
    println!("no-op build of {STEPS} steps, whole process, median of {PAIRS} pairs");
    println!("  uk     {:6.1} ms", ms(uk));
    println!(
        "  ninja  {:6.1} ms   (goal: uk <= 1/2 of it; uk / ninja = {:.2})",
        ms(ninja),
        ms(uk) / ms(ninja)
    );
    Ok(())
}

/// A layered graph from a fixed seed: five inputs a step, most from the layer before, some from any before it, some sources.
fn write(scratch: &Scratch) -> std::io::Result<()> {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    std::fs::create_dir_all(scratch.0.join("src"))?;
    for number in 0..SOURCES {
        std::fs::write(scratch.0.join(format!("src/s{number}")), format!("source {number:08}\n"))?;
    }
    let layer = STEPS / LAYERS;
    let output = |step: usize| format!("out/l{:02}/n{step}", step / layer);
    let mut text = String::from("rule step\n  command = head -q -c 16 $in > $out\n");
    for number in 0..STEPS {
        let first = number / layer * layer;
        let mut inputs: Vec<String> = Vec::new();
        while inputs.len() < 5 {
            let input = match random(10) {
                0 => format!("src/s{}", random(SOURCES)),
                _ if first == 0 => format!("src/s{}", random(SOURCES)),
                1 | 2 => output(random(first)),
                _ => output(first - layer + random(layer)),
            };
            if !inputs.contains(&input) {
                inputs.push(input);
            }
        }
        // Writing to a String can't fail.
        let _ = writeln!(text, "build {}: step {}", output(number), inputs.join(" "));
    }
    std::fs::write(scratch.0.join("build.ninja"), text)
}
