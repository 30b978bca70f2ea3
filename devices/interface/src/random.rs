//! Random bytes.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// Random bytes that nobody can guess, fit for keys. Connecting the device fails where the machine has no source for them;
/// afterwards there are always more.
pub trait Random {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

impl<R: Random + ?Sized> Random for &R {
    fn fill(&self, bytes: &mut [u8]) {
        (**self).fill(bytes);
    }
}

/// A [`Random`] device as the generator that the ecosystem's crates take: `rand_core`'s `CryptoRng`.
///
/// ```
/// use rand_core::Rng;
///
/// fn roll(random: impl uk_device::Random) -> u64 {
///     uk_device::Generator(random).next_u64() % 6 + 1
/// }
///
/// assert!((1..=6).contains(&roll(uk_device::fake::Random::seeded(1))));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Generator<R>(pub R);

impl<R: Random> Generator<R> {
    fn array<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }
}

impl<R: Random> TryRng for Generator<R> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.array()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.array()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl<R: Random> TryCryptoRng for Generator<R> {}
