//! Reads and writes a disk as fast as it can. Around each pass it prints `BEGIN NAME` and `END NAME sum=N us=N`; whoever runs it
//! takes the time. The same passes as those of bench/linux.c.
#![no_std]

extern crate alloc;

use alloc::format;
use alloc::vec;

use uk_device::{Block, Clock, Console, join_all};

uk_device::keys!();

/// Bytes of a request, and how many passes over the disk make one that takes long enough: all of it, or a part.
const SIZES: [(usize, u64); 2] = [(65_536, 1), (4096, 4)];

/// Runs the passes.
pub async fn start(
    keys: Keys,
    console: impl Console,
    clock: impl Clock,
    block: impl Block,
) -> uk_device::Result {
    let total = keys.mib << 20;
    for (size, part) in SIZES {
        for random in [false, true].into_iter().take(if size == 4096 { 2 } else { 1 }) {
            for depth in [1, 32] {
                for write in [true, false] {
                    let kind = if random { "random" } else { "sequential" };
                    let what = if write { "write" } else { "read" };
                    let name = format!("{kind}-{what}-{size}-{depth}");
                    // What was never written has no sum.
                    if !name.starts_with(keys.only) {
                        continue;
                    }
                    console.write(format!("BEGIN {name}\n").as_bytes()).await?;
                    let before = clock.now();
                    let sum = pass(&block, total / part, size, depth, random, write).await?;
                    let us = (clock.now() - before).as_micros();
                    console.write(format!("END {name} sum={sum} us={us}\n").as_bytes()).await?;
                    if write {
                        block.flush().await?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Touches the first `total` bytes of the disk once; the sum of the numbers that were read.
async fn pass(
    block: &impl Block,
    total: u64,
    size: usize,
    depth: u64,
    random: bool,
    write: bool,
) -> uk_device::Result<u64> {
    let count = total / size as u64;
    let sector_size = u64::from(block.geometry().sector_size);
    let lanes = (0..depth).map(|lane| async move {
        let mut buffer = vec![lane as u8; size];
        let mut sum = 0_u64;
        for number in (lane..count).step_by(depth as usize) {
            let number = if random { shuffled(number, count) } else { number };
            let offset = number * size as u64;
            if write {
                buffer[..8].copy_from_slice(&(offset + size as u64).to_le_bytes());
                block.write(offset / sector_size, &buffer).await?;
            } else {
                block.read(offset / sector_size, &mut buffer).await?;
                let mut word = [0; 8];
                word.copy_from_slice(&buffer[..8]);
                sum = sum.wrapping_add(u64::from_le_bytes(word));
            }
        }
        Ok::<u64, uk_device::Error>(sum)
    });
    let mut sum = 0_u64;
    for lane in join_all(lanes).await {
        sum = sum.wrapping_add(lane?);
    }
    Ok(sum)
}

/// A permutation of the numbers below `count`, a power of two, that looks like chance, as `fio`'s random order does: multiples of a
/// constant alone come to the same part of the disk as seldom as can be, which no cache is made for. Odd factors and shifts to
/// the right can be undone, so that it is a permutation; the factors are those of MurmurHash3's `fmix64`.
fn shuffled(number: u64, count: u64) -> u64 {
    let shift = count.ilog2() / 2 + 1;
    [0xff51_afd7_ed55_8ccd_u64, 0xc4ce_b9fe_1a85_ec53].into_iter().fold(number, |number, factor| {
        let number = number.wrapping_mul(factor) % count;
        number ^ number >> shift
    })
}
