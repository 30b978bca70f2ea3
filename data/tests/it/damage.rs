//! Damaged data are noticed: an error, never a panic, never another value.

use std::time::{Duration, Instant};

use uk_device::fake::Random;
use uk_device::{KvError, Random as _};

use super::common::{Look, folder, look, made};

const KEYS: [&str; 6] = ["", "a", "a/long name, longer than 8.3", "d", "empty", "e"];

fn small() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a/b", b"one".to_vec()),
        ("a/long name, longer than 8.3", b"two".to_vec()),
        ("d", (0..=255).cycle().take(700).collect()),
        ("empty", Vec::new()),
    ]
}

/// Whether `damaged` says nothing but what `whole` says, and errors. Missing is as wrong as another value.
fn agrees(whole: &Look, damaged: &Look) -> bool {
    whole.iter().zip(damaged).all(|(whole, damaged)| {
        let value = matches!(damaged.1, Err(KvError::Corrupt)) || whole.1 == damaged.1;
        let names = matches!(damaged.2, Err(KvError::Corrupt)) || whole.2 == damaged.2;
        value && names
    })
}

/// With `padding` zeros behind the image: a disk may be larger than it.
fn each_flip_is_noticed(tool: &str, padding: usize) {
    let mut image = made(tool, folder(&small()).path());
    image.resize(image.len() + padding, 0);
    let whole = look(tool, &image, &KEYS).unwrap();
    assert!(whole.iter().any(|(key, value, _)| key == "d" && value.as_ref().is_ok_and(|v| v.len() == 700)));
    let mut noticed = 0;
    for at in 0..image.len() {
        // In the long stretches of zeros, which are nobody's, every 101st byte stands for all.
        let quiet = image[at.saturating_sub(32)..(at + 32).min(image.len())].iter().all(|byte| *byte == 0);
        if quiet && !at.is_multiple_of(101) {
            continue;
        }
        let mut damaged = image.clone();
        // Sometimes one bit, sometimes all.
        damaged[at] ^= if at.is_multiple_of(3) { 0xff } else { 1 << (at % 8) };
        match look(tool, &damaged, &KEYS) {
            Err(error) => {
                assert_eq!(error, KvError::Corrupt, "{tool}: byte {at}");
                noticed += 1;
            }
            Ok(said) => {
                assert!(agrees(&whole, &said), "{tool}: byte {at}: {said:?}");
                noticed += u32::from(said != whole);
            }
        }
    }
    assert!(noticed > 500, "{tool}: {noticed} flips are noticed");
}

#[test]
fn each_flipped_byte_of_an_archive_is_noticed() {
    each_flip_is_noticed("tar", 4097);
}

#[test]
fn each_flipped_byte_of_a_fat_is_noticed() {
    each_flip_is_noticed("fat", 4097);
}

#[test]
fn each_flipped_byte_of_a_table_is_noticed() {
    each_flip_is_noticed("crunch", 0);
}

#[test]
fn what_is_cut_short_is_noticed() {
    for tool in ["crunch", "tar", "fat"] {
        let image = made(tool, folder(&small()).path());
        let whole = look(tool, &image, &KEYS).unwrap();
        for length in (0..image.len()).step_by(512) {
            match look(tool, &image[..length], &KEYS) {
                Ok(said) => {
                    assert!(tool == "crunch" && agrees(&whole, &said), "{tool} cut to {length} bytes")
                }
                Err(error) => assert_eq!(error, KvError::Corrupt, "{tool} cut to {length} bytes"),
            }
        }
    }
}

#[test]
fn a_larger_disk_has_the_digests() {
    for tool in ["tar", "fat"] {
        let image = made(tool, folder(&small()).path());
        let whole = look(tool, &image, &KEYS).unwrap();
        let value = &small()[2].1;
        let place = image.windows(value.len()).position(|bytes| bytes == value).unwrap();
        for padding in [512, 513, 5000, 1 << 20] {
            for filler in [0, 0xff] {
                let mut image = image.clone();
                image.resize(image.len() + padding, filler);
                assert_eq!(look(tool, &image, &KEYS).unwrap(), whole, "{tool} with {padding} bytes more");
                image[place] ^= 1;
                let said = look(tool, &image, &["d"]).unwrap().remove(0).1;
                assert_eq!(said, Err(KvError::Corrupt), "{tool} with {padding} bytes more");
            }
        }
    }
}

/// Images with random damage, without the digests that would notice it, for as long as `UK_SOAK_SECONDS` says: nothing panics,
/// runs forever or takes all memory.
#[test]
fn soak_images_of_others() {
    let seconds = std::env::var("UK_SOAK_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(2);
    let end = Instant::now() + Duration::from_secs(seconds);
    let random = Random::seeded(7);
    let images = ["tar", "fat"].map(|tool| {
        let mut image = made(tool, folder(&small()).path());
        image[500..504].fill(0);
        if tool == "tar" {
            mend_checksums(&mut image);
        }
        (tool, image)
    });
    let mut rounds = 0_u64;
    while Instant::now() < end {
        for (tool, image) in &images {
            let mut damaged = image.clone();
            let mut draw = [0; 64];
            random.fill(&mut draw);
            for edit in draw[8..8 + usize::from(draw[0] % 7) * 8].chunks(8) {
                let place = usize::from(u16::from_le_bytes([edit[1], edit[2]]));
                // Most of what means something stands in the first kilobytes.
                let at = if edit[0] % 4 == 0 { place * 7 } else { place % 8192 } % damaged.len();
                for (place, byte) in damaged[at..].iter_mut().zip(&edit[4..4 + usize::from(edit[3] % 4) + 1])
                {
                    *place = *byte;
                }
            }
            if *tool == "tar" && draw[1] % 2 == 0 {
                mend_checksums(&mut damaged);
            }
            let _ = look(tool, &damaged, &KEYS);
            rounds += 1;
        }
    }
    println!("{rounds} images");
}

/// So that what a header says is believed.
fn mend_checksums(archive: &mut [u8]) {
    for block in archive.chunks_mut(512).filter(|block| block.len() == 512 && block[257..262] == *b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}
