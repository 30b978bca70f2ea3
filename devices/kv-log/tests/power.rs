//! Nothing that was acknowledged is lost when the power goes, at whatever sector that is; and a batch is whole or not at all.
//!
//! `UK_KV_KILLS` says how often the power goes; `cargo xtask soak` wants 10,000.

use std::collections::BTreeMap;

use uk_device::fake::{Disk, Random, block_on};
use uk_device::{Change, Geometry, KvKind, KvRo, KvRw, Random as _};
use uk_kv_log::Log;

type Map = BTreeMap<String, Vec<u8>>;

fn draw(random: &Random, below: u64) -> u64 {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    u64::from_le_bytes(bytes) % below
}

/// Everything in the store.
fn all(log: &Log<&'static Disk>) -> Map {
    let (mut map, mut folders) = (Map::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        for entry in block_on(log.list(&folder)).expect("a folder") {
            let key = if folder.is_empty() { entry.name } else { format!("{folder}/{}", entry.name) };
            match entry.kind {
                KvKind::Folder => folders.push(key),
                KvKind::Value => {
                    let value = block_on(log.get(&key)).unwrap_or_else(|error| panic!("`{key}`: {error}"));
                    map.insert(key, value);
                }
            }
        }
    }
    map
}

/// A change to a map.
#[derive(Debug)]
enum Step {
    Set(String, Vec<u8>),
    Remove(String),
    Rename(String, String),
}

impl Step {
    fn change(&self) -> Change<'_> {
        match self {
            Step::Set(key, value) => Change::Set { key, value },
            Step::Remove(key) => Change::Remove { key },
            Step::Rename(from, to) => Change::Rename { from, to },
        }
    }

    /// Makes the change, if it can be made.
    fn apply(&self, map: &mut Map) -> bool {
        match self {
            Step::Set(key, value) => drop(map.insert(key.clone(), value.clone())),
            Step::Remove(key) => return map.remove(key).is_some(),
            Step::Rename(from, to) => {
                let Some(value) = map.remove(from) else { return false };
                map.insert(to.clone(), value);
            }
        }
        true
    }
}

/// One to four changes that can be made to `map`, and what it is then.
fn batch(random: &Random, map: &Map) -> (Vec<Step>, Map) {
    let mut after = map.clone();
    let key = |random: &Random| format!("{}/{}", draw(random, 3), draw(random, 5));
    let mut steps = Vec::new();
    for _ in 0..1 + draw(random, 4) {
        let step = match draw(random, 8) {
            0 => Step::Remove(key(random)),
            1 => Step::Rename(key(random), key(random)),
            // Most are small, some have several sectors, a few are longer than what is written at once.
            kind => {
                let most = if kind == 2 {
                    90_000
                } else if kind == 3 {
                    5000
                } else {
                    300
                };
                let length = draw(random, most) as usize;
                Step::Set(key(random), vec![draw(random, 256) as u8; length])
            }
        };
        if step.apply(&mut after) {
            steps.push(step);
        }
    }
    (steps, after)
}

/// Changes a store until the power goes, and looks at what the next boot finds. Returns how many changes were acknowledged.
fn kill(random: &Random, disk: &mut &'static Disk, map: &mut Map, seed: u64) -> u64 {
    // Sometimes it goes while the store is being opened.
    disk.cut_power_after(draw(random, 600));
    let mut acknowledged = 0;
    let mut pending = None;
    if let Ok(log) = block_on(uk_kv_log::connect(1 << 20, *disk)) {
        loop {
            let (steps, after) = batch(random, map);
            let changes: Vec<Change<'_>> = steps.iter().map(Step::change).collect();
            match block_on(log.batch(&changes)) {
                Ok(()) => {
                    *map = after;
                    acknowledged += 1;
                }
                Err(uk_device::KvError::Full) => {}
                Err(_) => {
                    assert!(disk.is_dead(), "seed {seed}: it fails without reason");
                    pending = Some(after);
                    break;
                }
            }
        }
    }
    *disk = Box::leak(Box::new(disk.lose_power(random, draw(random, 2) == 0)));
    let log = block_on(uk_kv_log::connect(1 << 20, *disk))
        .unwrap_or_else(|error| panic!("seed {seed}: it can't be opened: {error}"));
    let found = all(&log);
    let whole = found == *map || pending.as_ref() == Some(&found);
    assert!(whole, "seed {seed}: after {acknowledged} changes, {:?} are there", found.keys());
    *map = found;
    acknowledged
}

#[test]
fn nothing_acknowledged_is_lost() {
    let kills: u64 = std::env::var("UK_KV_KILLS").map_or(50, |text| text.parse().expect("a number"));
    let (mut seed, mut acknowledged, mut done) = (0, 0, 0);
    while done < kills {
        seed += 1;
        let random = Random::seeded(seed);
        let (sector_size, sectors) =
            if seed % 4 == 0 { (4096, 160) } else { (512, 900 + draw(&random, 900)) };
        let mut disk: &'static Disk =
            Box::leak(Box::new(Disk::with(Geometry { sector_size, sectors, read_only: false })));
        let mut map = Map::new();
        for _ in 0..10.min(kills - done) {
            acknowledged += kill(&random, &mut disk, &mut map, seed);
            done += 1;
        }
    }
    println!("{done} kills, {acknowledged} changes were acknowledged before them");
    assert!(acknowledged > kills, "hardly anything was tried");
}
