//! The device `block-of-file` of the unix target: a file or a disk of the host.
//!
//! What the page cache has is read at once, and what it takes without waiting is written at once; everything else is done by a
//! few threads (`pool`), so that the executor's thread doesn't wait for the disk. A thread owns the memory that it reads into or
//! writes from, so a request's future may be dropped or forgotten at any time. README.md has figures.
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks, clippy::unwrap_used)]
#![warn(missing_docs)]

mod file;
mod pool;

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uk_device::{Attachment, Block, BlockError, Geometry};

use file::Opened;
use pool::{Pool, Request};

/// The longest write that is tried at once, in bytes.
const SHORT: usize = 65_536;
/// A write that took longer had to wait: for the disk, or for the processor. No system says beforehand whether one will wait for the
/// disk, as it does for reads.
const SLOW: Duration = Duration::from_millis(1);
/// For how long after a slow write all others are watched, so that it is known what the next slow one waits for.
const WATCH: Duration = Duration::from_secs(1);
/// For how many times as long the threads write afterwards: while writes are watched, the executor's thread waits for at most a fifth
/// of the time.
const BACK_OFF: u32 = 4;
/// Others get their turn after this many bytes that were moved at once. So requests that are made side by side, each a piece of a
/// stream, reach the file much as the stream has them, which the system's caches are made for.
const TURN: usize = 65_536;

/// The device `block-of-file`.
#[derive(Debug)]
pub struct Disk {
    geometry: Geometry,
    /// Until when the threads write everything.
    back_off: Cell<Option<Instant>>,
    /// Until when writes are watched.
    watch: Cell<Option<Instant>>,
    /// How many bytes were moved at once since others had their turn.
    at_once: Cell<usize>,
    file: Arc<Opened>,
    pool: Pool,
}

/// Connects the device. The file is what the process is given for it (`uk_unix::attached`), else `attachment.path`.
///
/// # Errors
/// If the file can't be opened, is no whole number of sectors, or another process has it: one may write a file, or several
/// read it.
pub async fn connect(
    _file: &'static str,
    read_only: bool,
    sector_size: u32,
    attachment: Attachment,
) -> uk_device::Result<Disk> {
    let opened = open(&uk_unix::attached(&attachment), read_only, sector_size);
    opened.map_err(|error| uk_unix::unfit(&attachment, &error))
}

/// Opens any file or disk of the host.
///
/// # Errors
/// As [`connect`].
pub fn open(path: &Path, read_only: bool, sector_size: u32) -> uk_device::Result<Disk> {
    let file = Opened::open(path, read_only, sector_size)?;
    let geometry = Geometry { sector_size, sectors: file.size / u64::from(sector_size), read_only };
    let file = Arc::new(file);
    let (back_off, watch, at_once) = Default::default();
    Ok(Disk { geometry, back_off, watch, at_once, pool: Pool::new(file.clone()), file })
}

impl Disk {
    fn offset(&self, sector: u64) -> u64 {
        sector * u64::from(self.geometry.sector_size)
    }

    /// Counts what was moved at once.
    async fn turn(&self, bytes: usize) {
        self.at_once.update(|before| before.saturating_add(bytes));
        if self.at_once.get() >= TURN {
            self.at_once.set(0);
            uk_executor::yield_now().await;
        }
    }

    /// Writes into the page cache, unless a write had to wait for the disk a moment ago. `None` if the threads must write.
    fn write_cached(&self, offset: u64, data: &[u8]) -> Option<Result<(), BlockError>> {
        if data.len() > SHORT || !self.file.has_page_cache() {
            return None;
        }
        let begun = Instant::now();
        if self.back_off.get().is_some_and(|until| begun < until) {
            return None;
        }
        let watched = self.watch.get().is_some_and(|until| begun < until);
        let before = watched.then(file::sleeps);
        let outcome = self.file.write(offset, data);
        let end = Instant::now();
        let took = end - begun;
        let mut back_off = None;
        if took > SLOW {
            self.watch.set(Some(end + WATCH));
            // Whoever waits for the processor doesn't sleep.
            if before.is_some_and(|before| before != file::sleeps()) {
                back_off = Some(end + took * BACK_OFF);
            }
        }
        self.back_off.set(back_off);
        Some(outcome)
    }
}

impl Block for Disk {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    async fn read(&self, sector: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.geometry.check(sector, buffer.len())?;
        let offset = self.offset(sector);
        let done = self.file.read_cached(offset, buffer);
        let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) else {
            self.turn(done).await;
            return Ok(());
        };
        let memory = self.pool.memory(rest.len());
        let memory = self.pool.request(Request::Read { offset: offset + done as u64, memory }).await?;
        rest.copy_from_slice(&memory);
        self.pool.give_back(memory);
        Ok(())
    }

    async fn write(&self, sector: u64, data: &[u8]) -> Result<(), BlockError> {
        self.geometry.check_write(sector, data.len())?;
        if data.is_empty() {
            return Ok(());
        }
        let offset = self.offset(sector);
        if let Some(outcome) = self.write_cached(offset, data) {
            self.turn(data.len()).await;
            return outcome;
        }
        let mut memory = self.pool.memory(data.len());
        memory.copy_from_slice(data);
        let memory = self.pool.request(Request::Write { offset, memory }).await?;
        self.pool.give_back(memory);
        Ok(())
    }

    async fn flush(&self) -> Result<(), BlockError> {
        if !self.geometry.read_only {
            self.pool.request(Request::Flush).await?;
        }
        Ok(())
    }

    async fn discard(&self, sector: u64, count: u64) -> Result<(), BlockError> {
        self.geometry.check_discard(sector, count)?;
        if count > 0 {
            let (offset, length) = (self.offset(sector), self.offset(count));
            self.pool.request(Request::Discard { offset, length }).await?;
        }
        Ok(())
    }
}
