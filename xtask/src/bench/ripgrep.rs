//! A build of ripgrep from nothing: by the engine, and by cargo.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Scratch, children_ticks, median, ms};
use crate::corpus;
use crate::step::{self, Done, cargo};

/// How many pairs are measured unless the caller says.
pub(super) const PAIRS: usize = 5;

pub(super) fn run(rounds: usize) -> Done {
    let rounds = rounds.max(1);
    let (program, folder) = (corpus::program(true)?, corpus::folder());
    let source = step::output(Command::new(&program).arg(&folder).args(["fetch", "ripgrep"]))?;
    let source = Path::new(source.trim());
    let mut fetch = Command::new(cargo().get_program());
    step::output(fetch.args(["fetch", "--locked"]).current_dir(source))?;

    let (mut uk, mut peer) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let scratch = Scratch::new("ripgrep")?;
        let (store, out) = (scratch.0.join("store"), scratch.0.join("out"));
        let mut engine = Command::new(&program);
        engine.arg(&folder).args(["build", "ripgrep"]).arg(store).arg(out);
        uk.push(measure(&mut engine)?);
        let mut build = Command::new(cargo().get_program());
        build.args(["build", "--release", "--bins", "--locked"]).current_dir(source);
        peer.push(measure(build.env("CARGO_TARGET_DIR", scratch.0.join("target")))?);
        let line = |m: &[Measured]| m.last().map_or(String::new(), |m| format!("{:.1} s", ms(m.wall) / 1e3));
        eprintln!("== pair {round} of {rounds}: uk {}, cargo {}", line(&uk), line(&peer));
    }
    let (uk, peer) = (medians(&uk), medians(&peer));
    println!("cold build of ripgrep with its own release profile, median of {rounds} pairs");
    println!("  uk     {:7.0} ms   {:7.0} ms CPU", ms(uk.wall), ms(uk.cpu));
    println!(
        "  cargo  {:7.0} ms   {:7.0} ms CPU   (goal: uk <= 1.15 of its wall time; uk / cargo = {:.3}, CPU {:.3})",
        ms(peer.wall),
        ms(peer.cpu),
        ms(uk.wall) / ms(peer.wall),
        ms(uk.cpu) / ms(peer.cpu),
    );
    Ok(())
}

struct Measured {
    wall: Duration,
    cpu: Duration,
}

fn medians(all: &[Measured]) -> Measured {
    Measured {
        wall: median(all.iter().map(|m| m.wall).collect()),
        cpu: median(all.iter().map(|m| m.cpu).collect()),
    }
}

fn measure(command: &mut Command) -> Result<Measured, String> {
    let (start, before) = (Instant::now(), children_ticks()?);
    step::output(command)?;
    // As in `cpu`: 100 ticks a second.
    Ok(Measured { wall: start.elapsed(), cpu: Duration::from_millis((children_ticks()? - before) * 10) })
}
