//! The device `ramdisk`: a disk in memory, all zero at boot. Memory is taken in pieces, for those that were written.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used)]
#![warn(missing_docs)]

extern crate alloc;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec;
use core::cell::{Cell, RefCell};

use uk_device::{Block, BlockError, Error, Geometry};

/// Bytes of a piece; the biggest sector is one.
const PIECE: usize = 65_536;
/// Others get their turn after this many requests, which are all ready at once.
const TURN: u32 = 64;

/// The device `ramdisk`.
#[derive(Debug)]
pub struct Ramdisk {
    geometry: Geometry,
    /// By their number. What isn't there is zero.
    pieces: RefCell<BTreeMap<u64, Box<[u8]>>>,
    requests: Cell<u32>,
}

/// Connects the device.
///
/// # Errors
/// If the sectors' size isn't a power of two from 512 to 65,536, or the disk isn't a whole number of them.
pub async fn connect(size: u64, sector_size: u32) -> uk_device::Result<Ramdisk> {
    if !sector_size.is_power_of_two() || !(512..=PIECE as u32).contains(&sector_size) {
        return Err(Error::new(format_args!(
            "a ramdisk can't have sectors of {sector_size} bytes: a power of two from 512 to 65536 is wanted"
        )));
    }
    if size == 0 || !size.is_multiple_of(u64::from(sector_size)) {
        return Err(Error::new(format_args!(
            "a ramdisk of {size} bytes isn't a whole number of sectors of {sector_size} bytes"
        )));
    }
    let geometry = Geometry { sector_size, sectors: size / u64::from(sector_size), read_only: false };
    Ok(Ramdisk { geometry, pieces: RefCell::default(), requests: Cell::new(0) })
}

impl Ramdisk {
    async fn turn(&self) {
        self.requests.set(self.requests.get().wrapping_add(1));
        if self.requests.get().is_multiple_of(TURN) {
            uk_executor::yield_now().await;
        }
    }

    /// The parts of pieces that `length` bytes from `sector` on are: a piece's number, its first byte, their count. The
    /// range is one of this disk.
    fn parts(&self, sector: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize)> + use<> {
        let mut at = sector * u64::from(self.geometry.sector_size);
        let mut left = length;
        core::iter::from_fn(move || {
            let start = (at % PIECE as u64) as usize;
            let count = left.min(PIECE - start);
            let part = (count > 0).then_some((at / PIECE as u64, start, count));
            at += count as u64;
            left -= count;
            part
        })
    }
}

impl Block for Ramdisk {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    async fn read(&self, sector: u64, mut buffer: &mut [u8]) -> Result<(), BlockError> {
        self.geometry.check(sector, buffer.len())?;
        self.turn().await;
        let pieces = self.pieces.borrow();
        for (number, start, count) in self.parts(sector, buffer.len()) {
            let (now, later) = buffer.split_at_mut(count);
            match pieces.get(&number) {
                Some(piece) => now.copy_from_slice(&piece[start..start + count]),
                None => now.fill(0),
            }
            buffer = later;
        }
        Ok(())
    }

    async fn write(&self, sector: u64, mut data: &[u8]) -> Result<(), BlockError> {
        self.geometry.check_write(sector, data.len())?;
        self.turn().await;
        let mut pieces = self.pieces.borrow_mut();
        for (number, start, count) in self.parts(sector, data.len()) {
            let (now, later) = data.split_at(count);
            let piece = pieces.entry(number).or_insert_with(|| vec![0; PIECE].into_boxed_slice());
            piece[start..start + count].copy_from_slice(now);
            data = later;
        }
        Ok(())
    }

    async fn flush(&self) -> Result<(), BlockError> {
        Ok(())
    }

    /// Gives the memory of whole pieces back.
    async fn discard(&self, sector: u64, count: u64) -> Result<(), BlockError> {
        self.geometry.check_discard(sector, count)?;
        let size = u64::from(self.geometry.sector_size);
        let first = (sector * size).div_ceil(PIECE as u64);
        let end = ((sector + count) * size) / PIECE as u64;
        if first < end {
            self.pieces.borrow_mut().retain(|number, _| !(first..end).contains(number));
        }
        Ok(())
    }
}
