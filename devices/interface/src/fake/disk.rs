//! A disk for tests: it fails when told to, and loses its power.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use crate::{Block, BlockError, Geometry, Random as _};

use super::Random;

/// What every discarded byte reads as: not zero, since nobody may rely on that.
const DISCARDED: u8 = 0xd5;
/// The number of the error that a failing disk gives, as Linux's EIO.
pub const IO_ERROR: BlockError = BlockError::Failed(5);

/// A disk in memory whose requests are ready at once. A test makes it fail, or cuts its power.
///
/// ```
/// use uk_device::Block;
/// use uk_device::fake::{Disk, IO_ERROR, Random, block_on};
///
/// let disk = Disk::new(8);
/// block_on(disk.write(0, &[1; 512])).expect("the disk works");
/// block_on(disk.flush()).expect("the disk works");
/// block_on(disk.write(0, &[2; 512])).expect("the disk works");
/// disk.fail(0, IO_ERROR);
/// assert_eq!(block_on(disk.read(0, &mut [0; 512])), Err(IO_ERROR));
///
/// // What wasn't flushed may be lost.
/// let after = disk.lose_power(&Random::seeded(1), false);
/// let mut sector = [0; 512];
/// block_on(after.read(0, &mut sector)).expect("a new boot");
/// assert!(sector == [1; 512] || sector == [2; 512]);
/// ```
#[derive(Debug)]
pub struct Disk {
    geometry: Geometry,
    /// What a loss of power leaves for sure.
    safe: RefCell<Vec<u8>>,
    /// What was written to each sector since the last flush, the last one last.
    unflushed: RefCell<BTreeMap<u64, Vec<Vec<u8>>>>,
    /// How many requests were made.
    requests: Cell<u64>,
    /// The numbers of requests that fail, whole or half way.
    faults: RefCell<BTreeMap<u64, (BlockError, bool)>>,
    /// Sectors that can't be read or written.
    bad: RefCell<Vec<u64>>,
    /// How many more sectors are written before the power goes.
    left: Cell<Option<u64>>,
}

impl Disk {
    /// A disk of `sectors` sectors of 512 bytes, all zero.
    pub fn new(sectors: u64) -> Self {
        Disk::with(Geometry { sector_size: 512, sectors, read_only: false })
    }

    /// A disk of any geometry, all zero.
    pub fn with(geometry: Geometry) -> Self {
        let size = usize::try_from(geometry.size()).expect("a disk for tests fits into memory");
        Disk::holding(geometry, vec![0; size])
    }

    /// A disk of 512-byte sectors that holds `image`; its last sector is filled up with zeros.
    pub fn from_image(image: &[u8]) -> Self {
        let mut bytes = image.to_vec();
        bytes.resize(image.len().next_multiple_of(512), 0);
        let sectors = bytes.len() as u64 / 512;
        Disk::holding(Geometry { sector_size: 512, sectors, read_only: false }, bytes)
    }

    fn holding(geometry: Geometry, bytes: Vec<u8>) -> Self {
        Disk {
            geometry,
            safe: RefCell::new(bytes),
            unflushed: RefCell::default(),
            requests: Cell::new(0),
            faults: RefCell::default(),
            bad: RefCell::default(),
            left: Cell::new(None),
        }
    }

    /// The same disk, whose writes are refused.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.geometry.read_only = true;
        self
    }

    /// Makes one request fail with `error` and do nothing: the next one if `after` is 0.
    pub fn fail(&self, after: u64, error: BlockError) {
        self.faults.borrow_mut().insert(self.requests.get() + after, (error, false));
    }

    /// Makes one request do its first half only, then fail with [`IO_ERROR`]: a short read or write.
    pub fn fall_short(&self, after: u64) {
        self.faults.borrow_mut().insert(self.requests.get() + after, (IO_ERROR, true));
    }

    /// Makes a sector bad: whatever touches it fails with [`IO_ERROR`].
    pub fn break_sector(&self, sector: u64) {
        self.bad.borrow_mut().push(sector);
    }

    /// Cuts the power after `sectors` more sectors have been written, perhaps within a request. From then on everything
    /// fails with [`IO_ERROR`], until [`Disk::lose_power`] gives the disk of the next boot.
    pub fn cut_power_after(&self, sectors: u64) {
        self.left.set(Some(sectors));
    }

    /// Whether the power is cut.
    pub fn is_dead(&self) -> bool {
        self.left.get() == Some(0)
    }

    /// How many requests were made so far.
    pub fn requests(&self) -> u64 {
        self.requests.get()
    }

    /// The disk as the next boot finds it when the power goes now. Of each sector that was written since the last flush,
    /// any of its contents since then may have stayed; if `torn`, also the beginning of one before the end of another.
    pub fn lose_power(&self, random: &Random, torn: bool) -> Disk {
        let mut bytes = self.safe.borrow().clone();
        let draw = |below: usize| {
            let mut number = [0; 8];
            random.fill(&mut number);
            (u64::from_le_bytes(number) % below as u64) as usize
        };
        for (sector, contents) in self.unflushed.borrow().iter() {
            let place = &mut bytes[self.range(*sector)];
            for content in &contents[..draw(contents.len() + 1)] {
                place.copy_from_slice(content);
            }
            if torn && draw(4) == 0 {
                let next = &contents[draw(contents.len())];
                let end = draw(place.len());
                place[..end].copy_from_slice(&next[..end]);
            }
        }
        Disk::holding(self.geometry, bytes)
    }

    /// What the disk holds, flushed or not.
    pub fn image(&self) -> Vec<u8> {
        let mut bytes = self.safe.borrow().clone();
        for (sector, contents) in self.unflushed.borrow().iter() {
            if let Some(last) = contents.last() {
                bytes[self.range(*sector)].copy_from_slice(last);
            }
        }
        bytes
    }

    fn size(&self) -> usize {
        self.geometry.sector_size as usize
    }

    /// The bytes of a sector of this disk, which fits into memory.
    fn range(&self, sector: u64) -> core::ops::Range<usize> {
        let start = sector as usize * self.size();
        start..start + self.size()
    }

    /// Counts a request for `count` sectors; how many of them it does, and how it ends.
    fn begin(&self, sector: u64, count: u64) -> (u64, Result<(), BlockError>) {
        let number = self.requests.get();
        self.requests.set(number + 1);
        if self.is_dead() {
            return (0, Err(IO_ERROR));
        }
        match self.faults.borrow_mut().remove(&number) {
            Some((error, true)) => return (count / 2, Err(error)),
            Some((error, false)) => return (0, Err(error)),
            None => {}
        }
        let bad = self.bad.borrow();
        let first = bad.iter().filter(|bad| (sector..sector + count).contains(bad)).min();
        first.map_or((count, Ok(())), |first| (first - sector, Err(IO_ERROR)))
    }

    /// Writes one sector, if there is power for it.
    fn put(&self, sector: u64, content: Vec<u8>) -> Result<(), BlockError> {
        match self.left.get() {
            Some(0) => return Err(IO_ERROR),
            Some(left) => self.left.set(Some(left - 1)),
            None => {}
        }
        self.unflushed.borrow_mut().entry(sector).or_default().push(content);
        Ok(())
    }
}

impl Block for Disk {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    async fn read(&self, sector: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.geometry.check(sector, buffer.len())?;
        let size = self.size();
        let (count, outcome) = self.begin(sector, (buffer.len() / size) as u64);
        for (number, place) in (sector..sector + count).zip(buffer.chunks_mut(size)) {
            match self.unflushed.borrow().get(&number).and_then(|contents| contents.last()) {
                Some(content) => place.copy_from_slice(content),
                None => place.copy_from_slice(&self.safe.borrow()[self.range(number)]),
            }
        }
        outcome
    }

    async fn write(&self, sector: u64, data: &[u8]) -> Result<(), BlockError> {
        self.geometry.check_write(sector, data.len())?;
        let size = self.size();
        let (count, outcome) = self.begin(sector, (data.len() / size) as u64);
        for (number, content) in (sector..sector + count).zip(data.chunks(size)) {
            self.put(number, content.to_vec())?;
        }
        outcome
    }

    async fn flush(&self) -> Result<(), BlockError> {
        self.begin(0, 0).1?;
        let written = self.unflushed.take();
        let mut safe = self.safe.borrow_mut();
        for (sector, contents) in written {
            if let Some(last) = contents.last() {
                safe[self.range(sector)].copy_from_slice(last);
            }
        }
        Ok(())
    }

    async fn discard(&self, sector: u64, count: u64) -> Result<(), BlockError> {
        self.geometry.check_discard(sector, count)?;
        let (count, outcome) = self.begin(sector, count);
        for number in sector..sector + count {
            self.put(number, vec![DISCARDED; self.size()])?;
        }
        outcome
    }
}
