//! A damaged disk is an error, never a panic, and never gives a value that wasn't set.

use std::collections::BTreeMap;

use uk_device::fake::{Disk, Random, block_on};
use uk_device::{Change, KvRo, KvRw, Random as _};

const MEMORY: u64 = 1 << 20;
/// As few as a store can have.
const SECTORS: u64 = 128;

/// A disk with a store that was written anew at least once, and its values.
fn store() -> (Vec<u8>, BTreeMap<String, Vec<u8>>) {
    let disk: &'static Disk = Box::leak(Box::new(Disk::new(SECTORS)));
    let log = block_on(uk_kv_log::connect(MEMORY, disk)).expect("an empty disk becomes a store");
    let mut map = BTreeMap::new();
    for round in 0..40_u8 {
        let key = format!("{}/{}", round % 2, round % 5);
        let value = vec![round ^ 0x5a; 25 * usize::from(round)];
        block_on(log.set(&key, &value)).expect("there is room");
        map.insert(key, value);
    }
    block_on(log.batch(&[Change::Remove { key: "0/0" }, Change::Rename { from: "0/2", to: "two" }]))
        .expect("both are there");
    map.remove("0/0");
    let two = map.remove("0/2").expect("it is there");
    map.insert("two".to_owned(), two);
    assert!(disk.requests() > 0);
    (disk.image(), map)
}

/// What is found wrong: an error when opening, or the number of values that can't be read.
enum Found {
    Refused,
    Lost(usize),
}

fn look(image: &[u8], map: &BTreeMap<String, Vec<u8>>, what: &str) -> Found {
    let Ok(log) = block_on(uk_kv_log::connect(MEMORY, Disk::from_image(image))) else {
        return Found::Refused;
    };
    let mut lost = 0;
    for (key, value) in map {
        match block_on(log.get(key)) {
            Ok(found) => assert!(found == *value, "{what}: `{key}` has another value"),
            Err(uk_device::KvError::Corrupt) => lost += 1,
            Err(error) => panic!("{what}: `{key}`: {error}"),
        }
    }
    assert_eq!(block_on(log.exists("0/0")), Ok(None), "{what}: a value that was removed is back");
    Found::Lost(lost)
}

#[test]
fn each_byte_can_be_damaged() {
    let (image, map) = store();
    let (mut refused, mut lost) = (0, 0);
    for place in 0..image.len() {
        let mut damaged = image.clone();
        damaged[place] ^= if place % 3 == 0 { 0xff } else { 1 << (place % 8) };
        match look(&damaged, &map, &format!("byte {place}")) {
            Found::Refused => refused += 1,
            Found::Lost(count) => {
                assert!(count <= 1, "byte {place}: {count} values are lost by one byte");
                lost += count;
            }
        }
    }
    assert!(
        refused > 200 && lost > 200,
        "{refused} were refused, {lost} values lost: is anything damaged at all?"
    );
}

#[test]
fn more_can_be_damaged() {
    let (image, map) = store();
    let random = Random::seeded(11);
    let draw = |below: usize| {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % below as u64) as usize
    };
    for round in 0..1000 {
        let mut damaged = image.clone();
        match round % 4 {
            // A piece of noise, of zeros, of another place; a sector that was never written.
            0 => {
                let place = draw(image.len());
                let end = (place + 1 + draw(700)).min(image.len());
                random.fill(&mut damaged[place..end]);
            }
            1 => {
                let place = draw(image.len());
                let end = (place + 1 + draw(5000)).min(image.len());
                damaged[place..end].fill(0);
            }
            2 => {
                let (from, to) = (draw(SECTORS as usize) * 512, draw(SECTORS as usize) * 512);
                damaged[to..to + 512].copy_from_slice(&image[from..from + 512]);
            }
            _ => damaged[draw(SECTORS as usize) * 512..][..512].fill(0),
        }
        look_at_least(&damaged, &map, &format!("round {round}"));
    }
}

/// As [`look`]: but where both roots are gone at once, or the last one and what is behind it, an older state may come back.
fn look_at_least(image: &[u8], map: &BTreeMap<String, Vec<u8>>, what: &str) {
    let Ok(log) = block_on(uk_kv_log::connect(MEMORY, Disk::from_image(image))) else { return };
    for key in map.keys() {
        if let Ok(value) = block_on(log.get(key)) {
            // Every value that was ever set is one byte over and over, and as long as that says.
            let round = value.first().map(|byte| byte ^ 0x5a).unwrap_or_default();
            assert!(
                value.iter().all(|byte| *byte == round ^ 0x5a) && value.len() == 25 * usize::from(round),
                "{what}: `{key}` has a value that was never set"
            );
        }
    }
}
