//! Random bytes without an operating system: ChaCha20 with a seed from the processor.
#![no_std]
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks, clippy::unwrap_used)]
#![warn(missing_docs)]

use core::arch::x86_64::{__cpuid, __cpuid_count, _rdrand64_step, _rdseed64_step};
use core::cell::RefCell;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use uk_device::Error;

/// How often a processor is asked that says it has nothing at the moment. Intel: RDRAND never needs more than ten attempts;
/// RDSEED may, since it waits for noise.
const ATTEMPTS: usize = 1_000;

/// The device `cpu-random`.
#[derive(Debug)]
pub struct Random(RefCell<ChaCha20Rng>);

/// Connects the device.
///
/// # Errors
/// If the processor has neither RDSEED nor RDRAND, or they don't work.
pub async fn connect() -> uk_device::Result<Random> {
    match seed() {
        Some(seed) => Ok(Random(RefCell::new(ChaCha20Rng::from_seed(seed)))),
        None => Err(Error::new(
            "the processor gives no random numbers: it has neither RDSEED nor RDRAND, or they fail",
        )),
    }
}

impl uk_device::Random for Random {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.borrow_mut().fill_bytes(bytes);
    }
}

/// What both sources give, one over the other: as good as the better one.
fn seed() -> Option<[u8; 32]> {
    let has_seed = __cpuid(0).eax >= 7 && __cpuid_count(7, 0).ebx & 1 << 18 != 0;
    let has_rand = __cpuid(1).ecx & 1 << 30 != 0;
    // SAFETY: the processor says that it has the instruction.
    let from_seed = has_seed.then(|| words(|| unsafe { rdseed() })).flatten();
    // SAFETY: as above.
    let from_rand = has_rand.then(|| words(|| unsafe { rdrand() })).flatten();
    if from_seed.is_none() && from_rand.is_none() {
        return None;
    }
    let mut seed = [0; 32];
    for words in [from_seed, from_rand].into_iter().flatten() {
        for (byte, random) in seed.iter_mut().zip(words.iter().flat_map(|word| word.to_le_bytes())) {
            *byte ^= random;
        }
    }
    Some(seed)
}

/// Four numbers. Some processors fall into saying "success" with the same number for ever: that is no source.
fn words(source: impl Fn() -> Option<u64>) -> Option<[u64; 4]> {
    let mut words = [0; 4];
    for word in &mut words {
        *word = (0..ATTEMPTS).find_map(|_| source())?;
    }
    let stuck = words.windows(2).any(|pair| pair[0] == pair[1]);
    (!stuck).then_some(words)
}

#[target_feature(enable = "rdseed")]
fn rdseed() -> Option<u64> {
    let mut word = 0;
    (_rdseed64_step(&mut word) == 1).then_some(word)
}

#[target_feature(enable = "rdrand")]
fn rdrand() -> Option<u64> {
    let mut word = 0;
    (_rdrand64_step(&mut word) == 1).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    #[test]
    fn a_stuck_source_is_none() {
        assert_eq!(words(|| Some(u64::MAX)), None);
        let count = Cell::new(0);
        let twice = || {
            count.set(count.get() + 1);
            Some(count.get() / 2)
        };
        assert_eq!(words(twice), None);
    }

    #[test]
    fn a_source_may_need_time_but_not_for_ever() {
        let count = Cell::new(0_u64);
        let rare = || {
            count.set(count.get() + 1);
            count.get().is_multiple_of(900).then_some(count.get())
        };
        assert_eq!(words(rare), Some([900, 1800, 2700, 3600]));
        assert_eq!(words(|| None), None);
    }
}
