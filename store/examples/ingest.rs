//! What keeping files costs beside `cp`: `cargo run --release -p uk-store --example ingest -- FOLDER [MIB] [FILES]`
//!
//! Makes one large file and a folder of small ones in FOLDER, then takes turns: `cp` (and a sync), and the store. The
//! medians of five rounds. The folder should be on a disk, and nothing else be using it.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use uk_store::Store;

const ROUNDS: usize = 5;

fn timed(run: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    run();
    begun.elapsed()
}

/// Medians of both, taken in turns.
fn pair(name: &str, mut theirs: impl FnMut(usize), mut ours: impl FnMut(usize)) {
    let mut times = [vec![], vec![]];
    for round in 0..ROUNDS {
        times[0].push(timed(|| theirs(round)));
        times[1].push(timed(|| ours(round)));
    }
    let [theirs, ours] = times.map(|mut times: Vec<Duration>| {
        times.sort_unstable();
        times[ROUNDS / 2].as_secs_f64()
    });
    println!("{name}: cp and sync {theirs:.3} s, store {ours:.3} s, ratio {:.2}", ours / theirs);
}

fn cp(from: &Path, to: &Path, fsync: bool) {
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
    if fsync {
        File::open(to).unwrap().sync_all().unwrap();
    } else {
        assert!(Command::new("sync").arg("-f").arg(to).status().unwrap().success());
    }
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
        |round| cp(&large, &path(format!("large{round}")), true),
        |round| _ = store(round).put_file(&large).unwrap(),
    );

    let small = path("small".into());
    let mut bytes = vec![0; 4096];
    for number in 0..files {
        let file = small.join(format!("{}/{number}", number / 500));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fill(&mut bytes[..1000 + number % 3000], number as u64);
        fs::write(file, &bytes[..1000 + number % 3000]).unwrap();
    }
    assert!(Command::new("sync").arg("-f").arg(&small).status().unwrap().success());
    pair(
        &format!("{files} small files"),
        |round| cp(&small, &path(format!("small{round}")), false),
        |round| drop(store(round).put_tree(&small).unwrap()),
    );
}
