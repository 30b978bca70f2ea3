//! Reading and writing sectors.

use core::fmt;
use core::future::Future;

use crate::Result;

/// A disk: numbered sectors of one size.
///
/// Requests may be made side by side: those that touch the same sectors while one of them writes come in any order, others
/// don't see each other. A request whose future is dropped before it is ready may still have happened, in whole or in part.
pub trait Block {
    /// What the disk is like. It stays so.
    fn geometry(&self) -> Geometry;

    /// Reads `buffer.len() / sector_size` sectors from `sector` on, all of them or an error.
    ///
    /// # Errors
    /// [`BlockError::Length`] if the buffer isn't a whole number of sectors, [`BlockError::OutOfRange`] if a sector is beyond
    /// the end, [`BlockError::Failed`] if the device fails; then the buffer's content says nothing.
    fn read(&self, sector: u64, buffer: &mut [u8]) -> impl Future<Output = Result<(), BlockError>>;

    /// Writes `data.len() / sector_size` sectors from `sector` on. They are safe from a loss of power after the next
    /// [`flush`](Block::flush) that begins after this is ready.
    ///
    /// # Errors
    /// As [`read`](Block::read), and [`BlockError::ReadOnly`]. Those but for [`BlockError::Failed`] write nothing.
    fn write(&self, sector: u64, data: &[u8]) -> impl Future<Output = Result<(), BlockError>>;

    /// Brings to the disk what was written before the call. On a disk that can only be read there is nothing to do.
    ///
    /// # Errors
    /// [`BlockError::Failed`] if the device fails: then what was written since the last flush may be lost.
    fn flush(&self) -> impl Future<Output = Result<(), BlockError>>;

    /// Says that `count` sectors from `sector` on aren't needed any more. What they read as afterwards, until they are
    /// written, is unknown. A disk without use for that does nothing.
    ///
    /// # Errors
    /// [`BlockError::OutOfRange`], [`BlockError::ReadOnly`], [`BlockError::Failed`].
    fn discard(&self, sector: u64, count: u64) -> impl Future<Output = Result<(), BlockError>>;
}

impl<B: Block + ?Sized> Block for &B {
    fn geometry(&self) -> Geometry {
        (**self).geometry()
    }

    fn read(&self, sector: u64, buffer: &mut [u8]) -> impl Future<Output = Result<(), BlockError>> {
        (**self).read(sector, buffer)
    }

    fn write(&self, sector: u64, data: &[u8]) -> impl Future<Output = Result<(), BlockError>> {
        (**self).write(sector, data)
    }

    fn flush(&self) -> impl Future<Output = Result<(), BlockError>> {
        (**self).flush()
    }

    fn discard(&self, sector: u64, count: u64) -> impl Future<Output = Result<(), BlockError>> {
        (**self).discard(sector, count)
    }
}

/// What a disk is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Bytes in a sector: a power of two, at least 512.
    pub sector_size: u32,
    /// How many sectors there are.
    pub sectors: u64,
    /// Whether every write is refused.
    pub read_only: bool,
}

impl Geometry {
    /// The whole disk in bytes.
    pub fn size(&self) -> u64 {
        self.sectors.saturating_mul(u64::from(self.sector_size))
    }

    /// Whether a request for `length` bytes from `sector` on is one for whole sectors of this disk.
    ///
    /// # Errors
    /// [`BlockError::Length`], [`BlockError::OutOfRange`].
    pub fn check(&self, sector: u64, length: usize) -> Result<(), BlockError> {
        let size = u64::from(self.sector_size);
        if !(length as u64).is_multiple_of(size) {
            return Err(BlockError::Length { sector_size: self.sector_size });
        }
        self.check_count(sector, length as u64 / size)
    }

    /// Whether `count` sectors from `sector` on are of this disk.
    ///
    /// # Errors
    /// [`BlockError::OutOfRange`].
    pub fn check_count(&self, sector: u64, count: u64) -> Result<(), BlockError> {
        match sector.checked_add(count) {
            Some(end) if end <= self.sectors => Ok(()),
            _ => Err(BlockError::OutOfRange { sectors: self.sectors }),
        }
    }

    /// As [`check`](Geometry::check), for a write.
    ///
    /// # Errors
    /// [`BlockError::ReadOnly`], and those of [`check`](Geometry::check).
    pub fn check_write(&self, sector: u64, length: usize) -> Result<(), BlockError> {
        if self.read_only { Err(BlockError::ReadOnly) } else { self.check(sector, length) }
    }

    /// As [`check_count`](Geometry::check_count), for a discard.
    ///
    /// # Errors
    /// [`BlockError::ReadOnly`], [`BlockError::OutOfRange`].
    pub fn check_discard(&self, sector: u64, count: u64) -> Result<(), BlockError> {
        if self.read_only { Err(BlockError::ReadOnly) } else { self.check_count(sector, count) }
    }
}

/// Why a disk refuses a request, or fails at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockError {
    /// The request isn't for a whole number of sectors.
    Length {
        /// Bytes in a sector.
        sector_size: u32,
    },
    /// A sector is beyond the disk's end.
    OutOfRange {
        /// How many sectors there are.
        sectors: u64,
    },
    /// The disk can only be read.
    ReadOnly,
    /// The device fails, with the error number of the system below, or the status that the device gave.
    Failed(i32),
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlockError::Length { sector_size } => {
                write!(f, "the request isn't for a whole number of sectors of {sector_size} bytes")
            }
            BlockError::OutOfRange { sectors } => {
                write!(f, "the request goes beyond the disk's end of {sectors} sectors")
            }
            BlockError::ReadOnly => f.write_str("the disk can only be read"),
            BlockError::Failed(number) => write!(f, "the disk fails with error {number}"),
        }
    }
}

impl core::error::Error for BlockError {}
