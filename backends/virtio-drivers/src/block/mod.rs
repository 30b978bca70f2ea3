//! Disks (virtio's device type 2).
//!
//! Each request has memory of its own, which the driver gives the device and gets back: so the future of a request may be
//! dropped, or forgotten, at any time. Data are copied once. A task shows the device what was asked for meanwhile, all at
//! once, and looks for what is done: for a while over and over, since most disks answer sooner than an interrupt comes,
//! then by interrupts.

mod memory;
mod shared;

use alloc::rc::Rc;
use alloc::string::String;
use core::cell::RefCell;
use core::future::poll_fn;
use core::task::Poll;

use uk_device::{Block, BlockError, Error, Geometry};
use uk_executor::Task;

use crate::{EVENT_INDEX, Queue, Transport, VERSION_1};
use shared::{Guard, Shared, tend};

/// The type of disks among virtio's devices.
pub const DEVICE_TYPE: u32 = 2;

// Features.
const SIZE_MAX: u64 = 1 << 1;
const READ_ONLY: u64 = 1 << 5;
const BLOCK_SIZE: u64 = 1 << 6;
const FLUSH: u64 = 1 << 9;
const DISCARD: u64 = 1 << 13;

// Kinds of requests.
const KIND_IN: u32 = 0;
const KIND_OUT: u32 = 1;
const KIND_FLUSH: u32 = 4;
const KIND_ID: u32 = 8;
const KIND_DISCARD: u32 = 11;

/// What the standard calls a sector, whatever the disk's are.
const UNIT: u32 = 512;
/// The longest part of a request that is made at once, in bytes.
const PIECE: usize = 256 << 10;
/// Descriptors: more than that make no disk faster.
const QUEUE: u16 = 256;
/// Bytes of a disk's serial number.
const ID: usize = 20;

/// A disk.
pub struct Disk<T: Transport + 'static> {
    geometry: Geometry,
    /// Bytes of a piece, whole sectors.
    piece: usize,
    /// Whether the disk must be told to bring to safety what was written.
    flushes: bool,
    /// Units that are discarded at once; 0 if the disk can't.
    discard: u32,
    shared: Rc<RefCell<Shared<T>>>,
    task: Option<Task<()>>,
}

impl<T: Transport + 'static> Disk<T> {
    /// Starts a disk with sectors of `sector_size` bytes.
    ///
    /// # Errors
    /// If the device isn't of the standard's version 1, has bigger sectors, or is no whole number of them.
    pub fn start(mut transport: T, sector_size: u32) -> uk_device::Result<Self> {
        let offered = transport.begin();
        let wanted = VERSION_1 | EVENT_INDEX | SIZE_MAX | READ_ONLY | BLOCK_SIZE | FLUSH | DISCARD;
        let features = offered & wanted;
        if features & VERSION_1 == 0 || !transport.accept(features) {
            return Err(Error::new("the disk isn't one of virtio 1.0 or later"));
        }
        let has = |feature: u64| features & feature != 0;
        let word = |offset: usize| {
            let mut bytes = [0; 4];
            transport.config(offset, &mut bytes);
            u32::from_le_bytes(bytes)
        };
        let mut capacity = [0; 8];
        transport.config(0, &mut capacity);
        let capacity = u64::from_le_bytes(capacity);
        let own = if has(BLOCK_SIZE) { word(20) } else { UNIT };
        if !sector_size.is_power_of_two() || sector_size < own || sector_size < UNIT {
            return Err(Error::new(format_args!(
                "the disk has sectors of {own} bytes, and sectors of {sector_size} bytes are wanted"
            )));
        }
        let units = u64::from(sector_size / UNIT);
        if capacity == 0 || !capacity.is_multiple_of(units) {
            return Err(Error::new(format_args!(
                "the disk has {capacity} times 512 bytes, which aren't a whole number of sectors of {sector_size} bytes"
            )));
        }
        let most = if has(SIZE_MAX) { word(8) as usize } else { PIECE };
        let piece = most.min(PIECE) / sector_size as usize * sector_size as usize;
        if piece == 0 {
            return Err(Error::new(format_args!("the disk takes {most} bytes at once, less than a sector")));
        }
        let discard = if has(DISCARD) { word(36) / units as u32 * units as u32 } else { 0 };
        let size = transport.queue_size(0).min(QUEUE);
        if size < 4 {
            return Err(Error::new("the disk has no queue for requests"));
        }
        // A power of two, as the standard wants it.
        let size = 1 << size.ilog2();
        let queue = Queue::new(size, has(EVENT_INDEX));
        // SAFETY: the queue is kept beside the transport until that was reset (`Shared::close`).
        unsafe { transport.set_queue(0, &queue) };
        transport.ready();
        let shared = Rc::new(RefCell::new(Shared::new(transport, queue)));
        let task = uk_executor::spawn(tend(shared.clone()));
        let geometry = Geometry { sector_size, sectors: capacity / units, read_only: has(READ_ONLY) };
        Ok(Disk { geometry, piece, flushes: has(FLUSH), discard, shared, task: Some(task) })
    }

    /// The same disk, to which nothing is written.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.geometry.read_only = true;
        self
    }

    /// The disk's serial number; empty if it has none.
    ///
    /// # Errors
    /// [`BlockError::Failed`] if the device fails.
    pub async fn id(&self) -> Result<String, BlockError> {
        let mut bytes = [0; ID];
        match self.request(KIND_ID, 0, &[], &mut bytes).await {
            Ok(()) => {}
            // A disk needn't know the question.
            Err(BlockError::Failed(shared::UNSUPPORTED)) => return Ok(String::new()),
            Err(error) => return Err(error),
        }
        let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(ID);
        Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
    }

    fn units(&self, sectors: u64) -> u64 {
        sectors * u64::from(self.geometry.sector_size / UNIT)
    }

    /// Makes one request, with data in one direction at most, and waits for its end.
    async fn request(&self, kind: u32, unit: u64, out: &[u8], into: &mut [u8]) -> Result<(), BlockError> {
        let length = into.len();
        // A serial number may be shorter than its place.
        let least = if kind == KIND_ID { 0 } else { length };
        let number =
            poll_fn(|context| self.shared.borrow_mut().poll_start(context, kind, unit, out, length, least))
                .await?;
        let guard = Guard::new(&self.shared, number);
        poll_fn(|context| match self.shared.borrow_mut().poll_end(context, number, into) {
            Some(outcome) => Poll::Ready(outcome),
            None => Poll::Pending,
        })
        .await?;
        drop(guard);
        Ok(())
    }
}

impl<T: Transport + 'static> Block for Disk<T> {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    async fn read(&self, sector: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.geometry.check(sector, buffer.len())?;
        let mut unit = self.units(sector);
        for piece in buffer.chunks_mut(self.piece) {
            let length = piece.len();
            self.request(KIND_IN, unit, &[], piece).await?;
            unit += length as u64 / u64::from(UNIT);
        }
        Ok(())
    }

    async fn write(&self, sector: u64, data: &[u8]) -> Result<(), BlockError> {
        self.geometry.check_write(sector, data.len())?;
        let mut unit = self.units(sector);
        for piece in data.chunks(self.piece) {
            self.request(KIND_OUT, unit, piece, &mut []).await?;
            unit += piece.len() as u64 / u64::from(UNIT);
        }
        Ok(())
    }

    async fn flush(&self) -> Result<(), BlockError> {
        if self.flushes && !self.geometry.read_only {
            self.request(KIND_FLUSH, 0, &[], &mut []).await?;
        }
        Ok(())
    }

    async fn discard(&self, sector: u64, count: u64) -> Result<(), BlockError> {
        self.geometry.check_discard(sector, count)?;
        let (mut unit, mut left) = (self.units(sector), self.units(count));
        while left > 0 && self.discard > 0 {
            let count = left.min(u64::from(self.discard)) as u32;
            let mut segment = [0; 16];
            segment[..8].copy_from_slice(&unit.to_le_bytes());
            segment[8..12].copy_from_slice(&count.to_le_bytes());
            match self.request(KIND_DISCARD, 0, &segment, &mut []).await {
                // What is below the disk knows no discarding.
                Ok(()) | Err(BlockError::Failed(shared::UNSUPPORTED)) => {}
                Err(error) => return Err(error),
            }
            unit += u64::from(count);
            left -= u64::from(count);
        }
        Ok(())
    }
}

impl<T: Transport + 'static> Drop for Disk<T> {
    fn drop(&mut self) {
        // The task ends first: it may hold the last reference, but doesn't run any more.
        drop(self.task.take());
        if !self.shared.borrow_mut().close() {
            // The device may still write to all of that, so nobody else may get the memory.
            core::mem::forget(self.shared.clone());
        }
    }
}
