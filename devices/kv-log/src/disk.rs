//! Bytes of a disk, whatever its sectors.

use alloc::vec;
use alloc::vec::Vec;

use uk_device::{Block, BlockError};

/// How much is read or written at once, in bytes: whole sectors of any disk.
pub(crate) const PORTION: usize = 1 << 16;

/// A piece of the disk that was read, so that small reads in a row are one.
#[derive(Debug)]
pub(crate) struct Window<'d, B> {
    disk: &'d B,
    start: u64,
    bytes: Vec<u8>,
    /// The byte behind the last that may be read.
    end: u64,
}

impl<'d, B: Block> Window<'d, B> {
    /// Reads nothing from `end` on, which is where a sector begins.
    pub fn new(disk: &'d B, end: u64) -> Self {
        Window { disk, start: 0, bytes: Vec::new(), end }
    }

    /// Bytes from `at` on, at least one: as many as are at hand. `None` at the end.
    pub async fn some(&mut self, at: u64) -> Result<Option<&[u8]>, BlockError> {
        if at >= self.end {
            return Ok(None);
        }
        if at < self.start || at >= self.start + self.bytes.len() as u64 {
            let size = u64::from(self.disk.geometry().sector_size);
            let start = at / size * size;
            let length = (self.end - start).min(PORTION.max(size as usize) as u64);
            let mut bytes = core::mem::take(&mut self.bytes);
            bytes.resize(length as usize, 0);
            self.disk.read(start / size, &mut bytes).await?;
            (self.start, self.bytes) = (start, bytes);
        }
        Ok(Some(&self.bytes[(at - self.start) as usize..]))
    }

    /// `length` bytes from `at` on, added to `into`. Whether there are as many.
    pub async fn read(&mut self, at: u64, length: u64, into: &mut Vec<u8>) -> Result<bool, BlockError> {
        let mut left = length;
        while left > 0 {
            let Some(bytes) = self.some(at + (length - left)).await? else { return Ok(false) };
            let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            into.extend_from_slice(&bytes[..count]);
            left -= count as u64;
        }
        Ok(true)
    }
}

/// Writes bytes one behind the other, from the start of a sector on.
#[derive(Debug)]
pub(crate) struct Writer<'d, B> {
    disk: &'d B,
    at: u64,
    bytes: Vec<u8>,
}

impl<'d, B: Block> Writer<'d, B> {
    /// Writes from the byte `at` on.
    pub fn new(disk: &'d B, at: u64) -> Self {
        Writer { disk, at, bytes: Vec::with_capacity(PORTION) }
    }

    /// The byte behind the last one.
    pub fn at(&self) -> u64 {
        self.at + self.bytes.len() as u64
    }

    pub async fn push(&mut self, mut bytes: &[u8]) -> Result<(), BlockError> {
        let full = PORTION.max(self.disk.geometry().sector_size as usize);
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(full - self.bytes.len()));
            self.bytes.extend_from_slice(now);
            bytes = rest;
            if self.bytes.len() == full {
                self.write().await?;
            }
        }
        Ok(())
    }

    /// Fills up the last sector, so that what follows begins a new one.
    pub async fn pad(&mut self) -> Result<(), BlockError> {
        let size = self.disk.geometry().sector_size as usize;
        let padding = self.bytes.len().next_multiple_of(size) - self.bytes.len();
        self.push(&vec![0; padding]).await
    }

    /// Writes what is still here: whole sectors.
    pub async fn write(&mut self) -> Result<(), BlockError> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let size = u64::from(self.disk.geometry().sector_size);
        self.disk.write(self.at / size, &self.bytes).await?;
        self.at += self.bytes.len() as u64;
        self.bytes.clear();
        Ok(())
    }
}
