//! Tables conform; damaged ones are refused, or give what they are to give.

use std::time::{Duration, Instant};

use uk_device::fake::{Random, block_on};
use uk_device::{KvError, KvRo as _, Random as _, conformance};
use uk_kv_crunch::Crunch;
use uk_kv_format::crunch::{ALIGN, Item, index};

fn hash(bytes: &[u8]) -> [u8; 32] {
    blake3::hash(bytes).into()
}

/// A table as the host makes it.
fn table(mut files: Vec<(String, Vec<u8>)>) -> Vec<u8> {
    files.sort();
    let item = |(key, value): &(String, Vec<u8>)| (key.clone(), value.len() as u64, hash(value));
    let items: Vec<_> = files.iter().map(item).collect();
    let items: Vec<_> =
        items.iter().map(|(key, length, digest)| Item { key, length: *length, digest: *digest }).collect();
    let mut table = index(&items, hash).expect("there is a table for these keys");
    for (_, value) in files {
        table.resize(table.len().next_multiple_of(ALIGN as usize), 0);
        table.extend(value);
    }
    table
}

fn small() -> Vec<(String, Vec<u8>)> {
    [("a/b", "one"), ("a/c", ""), ("d", "three and more than sixteen bytes")]
        .map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec()))
        .into()
}

#[test]
fn tables_conform() {
    let table = table(conformance::kv_files());
    let crunch = Crunch::new(&table).expect("it is as it was made");
    block_on(conformance::kv_ro(&crunch, hash));
}

#[test]
fn there_are_tables_of_nothing_and_of_much() {
    let empty = table(Vec::new());
    let none = Crunch::new(&empty).expect("it is as it was made");
    assert_eq!(block_on(none.list("")), Ok(Vec::new()));
    assert_eq!(block_on(none.get("a")), Err(KvError::NotFound));
    for count in [1, 2, 3, 5, 100, 20_000_u32] {
        let files = (0..count).map(|n| (format!("{}/{n}", n % 7), n.to_le_bytes().to_vec())).collect();
        let table = table(files);
        let crunch = Crunch::new(&table).expect("it is as it was made");
        for n in 0..count {
            assert_eq!(block_on(crunch.get(&format!("{}/{n}", n % 7))), Ok(&n.to_le_bytes()[..]), "{count}");
        }
        assert_eq!(block_on(crunch.get(&format!("0/{}", count + 7))), Err(KvError::NotFound));
    }
}

#[test]
fn equal_files_are_equal_tables() {
    let mut other = small();
    other.reverse();
    assert_eq!(table(small()), table(other));
}

/// Asks for everything. A value is right, or an error.
fn look(bytes: &[u8]) -> bool {
    let Some(crunch) = Crunch::new(bytes) else { return false };
    let mut good = true;
    for (key, value) in small() {
        match block_on(crunch.get(&key)) {
            Ok(got) => assert_eq!(got, value, "`{key}`"),
            Err(error) => {
                assert_eq!(error, KvError::Corrupt, "`{key}`");
                good = false;
            }
        }
    }
    good
}

#[test]
fn each_flipped_byte_is_noticed() {
    let whole = table(small());
    assert!(look(&whole));
    let mut unnoticed = 0;
    for at in 0..whole.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            unnoticed += usize::from(look(&bytes));
        }
    }
    // What stands between values is nobody's.
    assert!(unnoticed <= 3 * 2 * ALIGN as usize, "{unnoticed} flips change nothing");
    for length in 0..whole.len() {
        assert!(Crunch::new(&whole[..length]).is_none(), "cut to {length} bytes");
    }
}

/// Damaged tables whose digests fit, for as long as `UK_SOAK_SECONDS` says: no look-up panics.
#[test]
fn soak_tables_of_others() {
    let seconds = std::env::var("UK_SOAK_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(seconds);
    let (whole, random) = (table(small()), Random::seeded(5));
    let mut round = 0;
    while Instant::now() < end {
        let mut bytes = whole.clone();
        let mut draw = [0; 64];
        random.fill(&mut draw);
        for edit in draw[..usize::from(draw[0] % 6) * 8].chunks(8) {
            let at = usize::from(u16::from_le_bytes([edit[1], edit[2]])) % bytes.len();
            bytes[at] = if edit[3] % 2 == 0 { edit[4] } else { [0, 1, 0x7f, 0xff][usize::from(edit[4] % 4)] };
        }
        bytes.truncate(bytes.len() - usize::from(draw[60] % 2) * usize::from(draw[61]) % bytes.len());
        let covered = bytes.get(48..56).and_then(|end| Some(u64::from_le_bytes(end.try_into().ok()?)));
        if let Some(covered) = covered.and_then(|end| bytes.get(48..usize::try_from(end).ok()?)) {
            let digest = hash(covered);
            bytes[16..48].copy_from_slice(&digest);
        }
        if let Some(crunch) = Crunch::new(&bytes) {
            for key in ["", "a", "a/b", "a/c", "d", "e", "a/b/c", "\0"] {
                let _ = (block_on(crunch.get(key)), block_on(crunch.list(key)), block_on(crunch.size(key)));
            }
        }
        round += 1;
    }
    println!("{round} tables");
}
