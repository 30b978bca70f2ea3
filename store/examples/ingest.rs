//! What keeping files costs beside `cp`: `cargo run --release -p uk-store --example ingest -- FOLDER [MIB] [FILES]`
//!
//! Makes one large file and a folder of small ones in FOLDER, then takes turns: `cp` (and a sync), and the store. The
//! medians of five rounds. The folder should be on a disk, and nothing else be using it.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use uk_store::Store;

const ROUNDS: usize = 5;

/// Wall time, and processor time of this process and its children, in seconds.
type Cost = [f64; 2];

fn cost(run: impl FnOnce()) -> Cost {
    let (begun, before) = (Instant::now(), ticks());
    run();
    // Linux counts 100 ticks a second for user space.
    [begun.elapsed().as_secs_f64(), (ticks() - before) as f64 / 100.0]
}

/// `utime` to `cstime` of `/proc/self/stat` (proc(5), fields 14 to 17).
fn ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(") ").next().unwrap().split(' ').skip(11).take(4);
    fields.map(|field| field.parse::<u64>().unwrap()).sum()
}

/// Medians of both, taken in turns.
fn pair(
    name: &str,
    peer: &str,
    mut theirs: impl FnMut(usize),
    mut ours: impl FnMut(usize),
    between: impl Fn(),
) {
    let mut costs: [[Vec<f64>; 2]; 2] = Default::default();
    let mut note = |who: usize, cost: Cost| (0..2).for_each(|what| costs[who][what].push(cost[what]));
    for round in 0..ROUNDS {
        note(0, cost(|| theirs(round)));
        between();
        note(1, cost(|| ours(round)));
        between();
    }
    let median = |mut all: Vec<f64>| {
        all.sort_unstable_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let [[wall, cpu], [our_wall, our_cpu]] = costs.map(|both| both.map(median));
    println!(
        "{name}: {peer} {wall:.3} s (CPU {cpu:.2} s), store {our_wall:.3} s (CPU {our_cpu:.2} s), ratio {:.2}",
        our_wall / wall
    );
}

/// How `cp`'s work is brought to the disk.
#[derive(Clone, Copy, PartialEq)]
enum Sync {
    File,
    All,
    No,
}

fn cp(from: &Path, to: &Path, sync: Sync) {
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
    match sync {
        Sync::File => File::open(to).unwrap().sync_all().unwrap(),
        Sync::All => settle(to),
        Sync::No => {}
    }
}

/// Brings to the disk what is still in memory, for nobody's account.
fn settle(folder: &Path) {
    assert!(Command::new("sync").arg("-f").arg(folder).status().unwrap().success());
}

/// Bytes that don't repeat and differ by round, so that nothing is there already.
fn fill(bytes: &mut [u8], mut seed: u64) {
    for chunk in bytes.chunks_mut(8) {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        chunk.copy_from_slice(&seed.to_le_bytes()[..chunk.len()]);
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let base = args.next().expect("a folder to work in");
    let mib = args.next().map_or(256, |number| number.parse::<usize>().unwrap());
    let files = args.next().map_or(20_000, |number| number.parse::<usize>().unwrap());
    let folder = tempfile::tempdir_in(base).unwrap();
    let path = |name: String| folder.path().join(name);
    let store = |round| Store::open(&path(format!("store{round}"))).unwrap();

    let large = path("large".into());
    let mut bytes = vec![0; mib << 20];
    fill(&mut bytes, 1);
    fs::write(&large, &bytes).unwrap();
    File::open(&large).unwrap().sync_all().unwrap();
    drop(bytes);
    pair(
        &format!("one file of {mib} MiB"),
        "cp and fsync",
        |round| cp(&large, &path(format!("large{round}")), Sync::File),
        |round| _ = store(round).put_file(&large).unwrap(),
        || (),
    );

    let small = path("small".into());
    let mut bytes = vec![0; 4096];
    for number in 0..files {
        let file = small.join(format!("{}/{number}", number / 500));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fill(&mut bytes[..1000 + number % 3000], number as u64);
        fs::write(file, &bytes[..1000 + number % 3000]).unwrap();
    }
    settle(&small);
    for (peer, sync) in [("cp -r and sync", Sync::All), ("cp -r", Sync::No)] {
        pair(
            &format!("{files} small files"),
            peer,
            |round| cp(&small, &path(format!("{peer}{round}")), sync),
            |round| drop(store(round + ROUNDS * (1 + sync as usize)).put_tree(&small).unwrap()),
            // What `cp` left in memory isn't the store's to write.
            || settle(&small),
        );
    }
}
