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
use crate::setup;
use crate::step::{self, Done};

/// How often each is run; the first, which warms up, doesn't count.
const ROUNDS: usize = 10;
/// How many passes there are.
const PASSES: usize = 12;
/// The size of the image in MiB. All of it is used in requests of 64 KiB, a quarter in those of 4 KiB.
const MIB: u64 = 64;
/// The same beside `fio`, which is some 50 times as fast and says times in milliseconds.
const UNIX_MIB: u64 = 512;

/// MiB in a second of each pass, of each run.
type Rates = BTreeMap<String, Vec<f64>>;

pub(super) fn run() -> Done {
    setup::program("fio", "fio")?;
    let scratch = Scratch::new("block")?;
    let guest = scratch.project("xtask/guests/disk-speed")?;
    let image = guest.join("disk.img");
    write(&image, MIB)?;
    let store = scratch.0.join("store");
    let targets = ["build", "--target", "unix", "--target", "virtio"];
    step::output(&mut uk_in(&guest, &store, &targets))?;
    let met = virtio(&scratch, &guest, &store)?;
    write(&image, UNIX_MIB)?;
    let met = unix(&guest, &image)? && met;
    println!("{}", if met { "every goal is met" } else { "not every goal is met" });
    Ok(())
}

/// An image that isn't sparse: every sector was written, and is on the disk.
fn write(image: &Path, mib: u64) -> Done {
    fs::write(image, vec![0x5a; (mib << 20) as usize]).map_err(|error| error.to_string())?;
    flush(image)
}

/// Has the disk take what was written, so that nobody pays for what others wrote.
fn flush(image: &Path) -> Done {
    let file = fs::File::options().write(true).open(image);
    file.and_then(|file| file.sync_data()).map_err(|error| format!("{}: {error}", image.display()))
}

fn virtio(scratch: &Scratch, guest: &Path, store: &Path) -> Result<bool, String> {
    let shown = step::output(&mut uk_in(guest, store, &["run", "--target", "virtio", "--print"]))?;
    let ours: Vec<String> = shown.split_whitespace().map(str::to_owned).collect();
    let linux = linux::command(&scratch.0, &ours)?;
    let (mut us, mut them) = (Rates::new(), Rates::new());
    for round in 0..ROUNDS {
        let (one, other) = (passes(&ours, Path::new("."), MIB)?, passes(&linux, Path::new("."), MIB)?);
        if one.len() != PASSES || other.len() != PASSES {
            return Err(format!("{} and {} passes in place of {PASSES}", one.len(), other.len()));
        }
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
    Ok(table(&us, "Linux", &them, 1.0))
}

fn unix(guest: &Path, image: &Path) -> Result<bool, String> {
    let size = UNIX_MIB.to_string();
    let mut words = vec![guest.join("dist/disk-speed").display().to_string(), "--mib".to_owned(), size];
    let names: Vec<String> = passes(&words, guest, UNIX_MIB)?.into_iter().map(|pass| pass.name).collect();
    if names.len() != PASSES {
        return Err(format!("{} made {} passes in place of {PASSES}", words[0], names.len()));
    }
    words.push("--only".to_owned());
    let (mut us, mut them) = (Rates::new(), Rates::new());
    for round in 0..ROUNDS {
        for name in &names {
            // By turns, and each begins with a file that is in the page cache and on the disk.
            let ours = || {
                flush(image)?;
                passes(&[&words[..], std::slice::from_ref(name)].concat(), guest, UNIX_MIB)
            };
            let theirs = || {
                flush(image)?;
                fio::rate(image, name, UNIX_MIB)
            };
            let (one, other) = if round % 2 == 0 {
                let one = ours()?;
                (one, theirs()?)
            } else {
                let other = theirs()?;
                (ours()?, other)
            };
            if round > 0 {
                collect(&mut us, &one);
                them.entry(name.clone()).or_default().push(other);
            }
        }
    }
    println!(
        "a file of the host of {UNIX_MIB} MiB, in the page cache and flushed before each pass, neither side with O_DIRECT"
    );
    println!("(fio: psync at depth 1, io_uring at depth 32)");
    Ok(table(&us, "fio", &them, 0.9))
}

/// What one pass took.
struct Pass {
    name: String,
    sum: String,
    rate: f64,
}

/// Runs a guest with a disk of `size` MiB; the time of a pass is that between its two lines, by this machine's clock.
fn passes(words: &[String], folder: &Path, size: u64) -> Result<Vec<Pass>, String> {
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
                let rate = mib(name, size) / seconds;
                passes.push(Pass { name: name.to_owned(), sum: sum.to_owned(), rate });
            }
            _ => {}
        }
    }
    child.wait().map_err(|error| error.to_string())?;
    if passes.is_empty() { Err(format!("{} made no passes:\n{said}", words[0])) } else { Ok(passes) }
}

/// How much a pass such as `random-read-4096-32` moves on a disk of `size` MiB, in MiB.
fn mib(name: &str, size: u64) -> f64 {
    if name.contains("-4096-") { size as f64 / 4.0 } else { size as f64 }
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
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Shows the medians, and says whether each reaches `goal` of the peer's: by the median of what each pair comes to, since the two
/// of a pair had the same moment of the machine.
fn table(us: &Rates, peer: &str, them: &Rates, goal: f64) -> bool {
    let rounds = ROUNDS - 1;
    println!(
        "  {:<28}{:>10}{peer:>10}   uk / {peer}, medians of {rounds} pairs (goal: {goal})",
        "MiB/s", "uk"
    );
    let mut all = true;
    for (name, ours) in us {
        let theirs = them.get(name).map_or(&[][..], Vec::as_slice);
        let pairs: Vec<f64> = ours.iter().zip(theirs).map(|(one, other)| one / other).collect();
        let ratio = median(&pairs);
        let met = ratio >= goal;
        all &= met;
        let verdict = if met { "met" } else { "MISSED" };
        println!("  {name:<28}{:>10.1}{:>10.1}   {ratio:.2}  {verdict}", median(ours), median(theirs));
    }
    all
}
