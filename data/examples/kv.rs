//! Figures of the devices that serve a folder's files: `cargo run --release -p uk-data --example kv`.
#![expect(clippy::unwrap_used, reason = "a benchmark ends by panicking")]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use uk_device::fake::block_on;
use uk_device::{Block, BlockError, Geometry, KvRo};
use uk_kv_archive::Archive;
use uk_kv_crunch::Crunch;
use uk_kv_fat::Fat;

/// How many files there are.
const FILES: usize = 10_000;
/// How often each figure is taken; the median is shown.
const ROUNDS: usize = 9;
/// How often all keys are looked up: half a millisecond each, so that what else the machine does is in a few of them.
const LOOKS: usize = 501;

/// An image in a file, read as the target `unix` reads what the page cache has.
struct File(fs::File, Geometry);

impl Block for File {
    fn geometry(&self) -> Geometry {
        self.1
    }

    async fn read(&self, sector: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.1.check(sector, buffer.len())?;
        self.0.read_exact_at(buffer, sector * 512).map_err(|_| BlockError::Failed(5))
    }

    async fn write(&self, _: u64, _: &[u8]) -> Result<(), BlockError> {
        Err(BlockError::ReadOnly)
    }

    async fn flush(&self) -> Result<(), BlockError> {
        Ok(())
    }

    async fn discard(&self, _: u64, _: u64) -> Result<(), BlockError> {
        Err(BlockError::ReadOnly)
    }
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

/// Nanoseconds of one of `keys` looked up.
fn each(keys: &[String], mut look: impl FnMut(&str) -> usize) -> f64 {
    let rounds = (0..LOOKS).map(|_| {
        let begun = Instant::now();
        for key in keys {
            black_box(look(black_box(key)));
        }
        begun.elapsed()
    });
    median(rounds.collect()).as_nanos() as f64 / keys.len() as f64
}

fn first_byte<K: KvRo>(open: impl Fn() -> K, key: &str) -> (Duration, Duration) {
    let (mut opened, mut read) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let kv = open();
        opened.push(begun.elapsed());
        let mut byte = [0];
        assert_eq!(block_on(kv.read(key, 0, &mut byte)), Ok(1));
        read.push(begun.elapsed());
    }
    (median(opened), median(read))
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let mut keys: Vec<String> = (0..FILES).map(|n| format!("site/{:02}/page-{n}.html", n % 100)).collect();
    for key in &keys {
        let path = folder.path().join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("<p>{key}</p>").repeat(10)).unwrap();
    }
    // In an order that no table has.
    keys.sort_by_key(|key| {
        key.bytes().fold(7_u64, |h, b| h.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(b))
    });
    let out = tempfile::tempdir().unwrap();
    let made = |tool: &str| {
        let (file, begun) = (out.path().join(tool), Instant::now());
        uk_data::make(tool, folder.path(), &file).unwrap();
        let size = fs::metadata(&file).unwrap().len();
        println!("{tool}: {FILES} files made into {size} bytes in {:.0?}", begun.elapsed());
        file
    };

    let table = fs::read(made("crunch")).unwrap();
    let begun = Instant::now();
    let crunch = Crunch::new(&table).unwrap();
    println!("crunch: connected in {:.0?}", begun.elapsed());
    let map: HashMap<&str, Vec<u8>> =
        keys.iter().map(|key| (&**key, fs::read(folder.path().join(key)).unwrap())).collect();
    let tree: BTreeMap<&str, Vec<u8>> = map.iter().map(|(key, value)| (*key, value.clone())).collect();
    // The first look-up of a value checks it.
    keys.iter().for_each(|key| assert_eq!(block_on(crunch.get(key)).unwrap(), map[&**key]));
    let get = |key: &str| {
        let mut future = std::pin::pin!(crunch.get(key));
        match uk_device::fake::poll(future.as_mut()) {
            std::task::Poll::Ready(value) => value.unwrap().len(),
            std::task::Poll::Pending => unreachable!("a table waits for nothing"),
        }
    };
    println!("look-up of one of {FILES} keys, in a random order:");
    println!("  crunch get     {:6.1} ns (goal: 50 ns)", each(&keys, get));
    println!("  HashMap        {:6.1} ns", each(&keys, |key| map[key].len()));
    println!("  BTreeMap       {:6.1} ns", each(&keys, |key| tree[key].len()));

    let disk = |path: &std::path::Path| {
        let file = fs::File::open(path).unwrap();
        let sectors = file.metadata().unwrap().len() / 512;
        File(file, Geometry { sector_size: 512, sectors, read_only: true })
    };
    let (tar, fat) = (made("tar"), made("fat"));
    let key = &keys[FILES / 2];
    println!("from opening to the first byte of one file, from the page cache:");
    let (opened, read) = first_byte(|| block_on(Archive::open(disk(&tar))).unwrap(), key);
    println!("  archive        {read:9.1?}, of which opening is {opened:.1?}");
    let (opened, read) = first_byte(|| block_on(Fat::open(disk(&fat))).unwrap(), key);
    println!("  fat            {read:9.1?}, of which opening is {opened:.1?}");
}
