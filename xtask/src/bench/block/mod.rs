//! Disks: a guest of ours beside a Linux guest, and an executable of ours beside `fio`, on the same image.

mod fio;
mod linux;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::{Scratch, uk_in};
use crate::step::{self, Done};

/// How often each is run; the first, which warms up, doesn't count.
const ROUNDS: usize = 6;
/// The part of the image that is used, in MiB: all of it in requests of 64 KiB, a quarter in those of 4 KiB.
const MIB: u64 = 64;

/// MiB in a second of each pass, of each run.
type Rates = BTreeMap<String, Vec<f64>>;

pub(super) fn run() -> Done {
    let scratch = Scratch::new("block")?;
    let guest = scratch.project("xtask/guests/disk-speed")?;
    let image = guest.join("disk.img");
    // Not sparse: every sector was written.
    fs::write(&image, vec![0x5a; (MIB << 20) as usize]).map_err(|error| error.to_string())?;
    let store = scratch.0.join("store");
    let targets = ["build", "--target", "unix", "--target", "virtio"];
    step::output(&mut uk_in(&guest, &store, &targets))?;
    virtio(&scratch, &guest, &store)?;
    unix(&guest, &image)
}

fn virtio(scratch: &Scratch, guest: &Path, store: &Path) -> Done {
    let shown = step::output(&mut uk_in(guest, store, &["run", "--target", "virtio", "--print"]))?;
    let ours: Vec<String> = shown.split_whitespace().map(str::to_owned).collect();
    let linux = linux::command(&scratch.0, &ours)?;
    let (mut us, mut them) = (Rates::new(), Rates::new());
    for round in 0..ROUNDS {
        let (one, other) = (passes(&ours)?, passes(&linux)?);
        if sums(&one) != sums(&other) {
            return Err("the two guests read different data".to_owned());
        }
        if round > 0 {
            collect(&mut us, &one);
            collect(&mut them, &other);
        }
    }
    let version = step::output(Command::new(&ours[0]).arg("--version"))?;
    println!("virtio-blk under {}", version.lines().next().unwrap_or_default());
    println!(
        "(TCG, microvm, one core, the same command but for the kernel; Linux: O_DIRECT, libaio at depth 32)"
    );
    table(&us, "Linux", &them, "at least 1");
    Ok(())
}

fn unix(guest: &Path, image: &Path) -> Done {
    let ours = [guest.join("dist/disk-speed").display().to_string()];
    let (mut us, mut them) = (Rates::new(), Rates::new());
    for round in 0..ROUNDS {
        let one = passes_in(&ours, guest)?;
        if round > 0 {
            collect(&mut us, &one);
        }
        for pass in &one {
            let rate = fio::rate(image, &pass.name, MIB)?;
            if round > 0 {
                them.entry(pass.name.clone()).or_default().push(rate);
            }
        }
    }
    println!("a file of the host, in the page cache (fio: psync at depth 1, io_uring at depth 32)");
    table(&us, "fio", &them, "at least 0.9");
    Ok(())
}

/// What one pass took.
struct Pass {
    name: String,
    sum: String,
    rate: f64,
}

fn passes(words: &[String]) -> Result<Vec<Pass>, String> {
    passes_in(words, Path::new("."))
}

/// Runs a guest; the time of a pass is that between its two lines, by this machine's clock.
fn passes_in(words: &[String], folder: &Path) -> Result<Vec<Pass>, String> {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{}: {error}", words[0]))?;
    let out = child.stdout.take().ok_or("no standard output")?;
    let (mut passes, mut begun, mut said) = (Vec::new(), None, String::new());
    for line in BufReader::new(out).lines() {
        let now = Instant::now();
        let line = line.map_err(|error| error.to_string())?;
        said.push_str(&line);
        said.push('\n');
        let mut parts = line.split_whitespace();
        match (parts.next(), parts.next(), parts.next()) {
            (Some("BEGIN"), ..) => begun = Some(now),
            (Some("END"), Some(name), Some(sum)) => {
                let seconds = begun.take().map(|begun| (now - begun).as_secs_f64());
                let seconds = seconds.ok_or_else(|| format!("no beginning of {name}"))?;
                let rate = mib(name) / seconds;
                passes.push(Pass { name: name.to_owned(), sum: sum.to_owned(), rate });
            }
            _ => {}
        }
    }
    child.wait().map_err(|error| error.to_string())?;
    if passes.len() == 12 {
        Ok(passes)
    } else {
        Err(format!("{} made {} passes:\n{said}", words[0], passes.len()))
    }
}

/// How much a pass moves, in MiB: `random-read-4096-32`.
fn mib(name: &str) -> f64 {
    if name.contains("-4096-") { MIB as f64 / 4.0 } else { MIB as f64 }
}

fn sums(passes: &[Pass]) -> Vec<(&str, &str)> {
    passes.iter().map(|pass| (pass.name.as_str(), pass.sum.as_str())).collect()
}

fn collect(rates: &mut Rates, passes: &[Pass]) {
    for pass in passes {
        rates.entry(pass.name.clone()).or_default().push(pass.rate);
    }
}

fn median(rates: &[f64]) -> f64 {
    let mut sorted = rates.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn table(us: &Rates, peer: &str, them: &Rates, goal: &str) {
    println!(
        "  {:<28}{:>10}{peer:>10}   uk / {peer}, medians of {} (goal: {goal})",
        "MiB/s",
        "uk",
        ROUNDS - 1
    );
    for (name, rates) in us {
        let (one, other) = (median(rates), them.get(name).map_or(f64::NAN, |rates| median(rates)));
        println!("  {name:<28}{one:>10.1}{other:>10.1}   {:.2}", one / other);
    }
}
