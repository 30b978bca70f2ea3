//! Bytes of a disk, from any place on.

use alloc::vec::Vec;

use uk_device::{Block, KvError};

/// What is read at once, in bytes, at most: a whole number of any disk's sectors.
const REQUEST: usize = 1 << 20;

/// A disk as bytes.
#[derive(Debug)]
pub struct Bytes<B> {
    block: B,
    sector_size: usize,
    size: u64,
}

/// Bytes that follow each other on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Where they begin, in bytes from the disk's first.
    pub start: u64,
    /// How many they are.
    pub length: u64,
}

impl<B: Block> Bytes<B> {
    /// The bytes of `block`.
    pub fn new(block: B) -> Self {
        let geometry = block.geometry();
        Bytes { block, sector_size: geometry.sector_size as usize, size: geometry.size() }
    }

    /// How many there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fills `buffer` with the bytes from `start` on.
    ///
    /// # Errors
    /// [`KvError::Corrupt`] beyond the disk's end: whoever says that there are such bytes is wrong. [`KvError::Block`].
    pub async fn read(&self, start: u64, buffer: &mut [u8]) -> Result<(), KvError> {
        let end = start.checked_add(buffer.len() as u64).filter(|end| *end <= self.size);
        let Some(_) = end else { return Err(KvError::Corrupt) };
        let size = self.sector_size as u64;
        let (mut at, mut rest) = (start, buffer);
        while !rest.is_empty() {
            let (sector, skip) = (at / size, (at % size) as usize);
            let whole = (rest.len().min(REQUEST) / self.sector_size) * self.sector_size;
            let count = if skip == 0 && whole > 0 {
                self.block.read(sector, &mut rest[..whole]).await?;
                whole
            } else {
                let mut one = room(self.sector_size)?;
                self.block.read(sector, &mut one).await?;
                let count = rest.len().min(self.sector_size - skip);
                rest[..count].copy_from_slice(&one[skip..skip + count]);
                count
            };
            rest = &mut rest[count..];
            at += count as u64;
        }
        Ok(())
    }

    /// Fills `buffer` with the bytes from `offset` on of a value that stands in `runs`.
    ///
    /// # Errors
    /// As [`read`](Bytes::read).
    pub async fn read_runs(&self, runs: &[Run], offset: u64, buffer: &mut [u8]) -> Result<(), KvError> {
        let (mut skip, mut rest) = (offset, buffer);
        for run in runs {
            if rest.is_empty() {
                return Ok(());
            }
            if skip >= run.length {
                skip -= run.length;
                continue;
            }
            // What a buffer holds fits into a `usize`.
            let count = (run.length - skip).min(rest.len() as u64) as usize;
            let (here, behind) = rest.split_at_mut(count);
            self.read(run.start + skip, here).await?;
            (skip, rest) = (0, behind);
        }
        if rest.is_empty() { Ok(()) } else { Err(KvError::Corrupt) }
    }

    /// The first `size` bytes of a value that stands in `runs`.
    ///
    /// # Errors
    /// As [`read`](Bytes::read), and [`KvError::Failed`] if there is no memory for them.
    pub async fn value(&self, runs: &[Run], size: u64) -> Result<Vec<u8>, KvError> {
        if size > self.size {
            return Err(KvError::Corrupt);
        }
        let mut value = room(usize::try_from(size).map_err(|_| NO_MEMORY)?)?;
        self.read_runs(runs, 0, &mut value).await?;
        Ok(value)
    }

    /// The BLAKE3 of the first `size` bytes of a value that stands in `runs`.
    ///
    /// # Errors
    /// As [`read`](Bytes::read).
    pub async fn digest(&self, runs: &[Run], size: u64) -> Result<[u8; 32], KvError> {
        const STEP: u64 = 64 << 10;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = room(size.min(STEP) as usize)?;
        let mut at = 0;
        while at < size {
            let part = &mut buffer[..(size - at).min(STEP) as usize];
            self.read_runs(runs, at, part).await?;
            hasher.update(part);
            at += part.len() as u64;
        }
        Ok(hasher.finalize().into())
    }
}

/// ENOMEM.
const NO_MEMORY: KvError = KvError::Failed(12);

fn room(size: usize) -> Result<Vec<u8>, KvError> {
    let mut room = Vec::new();
    room.try_reserve_exact(size).map_err(|_| NO_MEMORY)?;
    room.resize(size, 0);
    Ok(room)
}
