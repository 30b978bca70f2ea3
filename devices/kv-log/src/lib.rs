//! Values under keys in a log on a disk, safe from a loss of power.
//!
//! What a change has done when it is ready is on the disk and flushed. The disk has two halves, one of which holds the log:
//! batches of changes, one behind the other. When it is full, what still counts is copied into the other half. The keys are in
//! memory, with the places and digests of their values; values are read when they are wanted, and checked against their
//! digests. A value that is damaged is [`KvError::Corrupt`], and the others stay.
//!
//! It takes writing a sector to leave all others as they are, and a flush to bring to the disk what was written before. See
//! [`format`](mod@format) for what is on the disk.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

mod commit;
mod disk;
mod format;
mod open;
mod turn;

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

use uk_device::{Block, Change, KvEntry, KvError, KvIndex, KvKind, KvRo, KvRw, Result};

use commit::Batch;
use disk::Window;
use format::{Digest, Root};
use turn::Turn;

/// The device.
#[derive(Debug)]
pub struct Log<B>(Rc<Inner<B>>);

#[derive(Debug)]
struct Inner<B> {
    disk: B,
    state: RefCell<State>,
    turn: Turn,
}

/// What is known of the log.
#[derive(Debug)]
struct State {
    /// What the newest root on the disk says, or will say.
    root: Root,
    /// Where the next root is written: over the older one.
    slot: usize,
    /// Whether a root was written there and not flushed yet.
    in_flight: bool,
    /// Whether the other root may be of the generation before, so that nothing may be acknowledged.
    unsettled: bool,
    /// Where the next record goes, in bytes.
    end: u64,
    /// How many records there are.
    count: u64,
    /// The digest of the last record.
    chain: Digest,
    index: KvIndex<Place>,
    /// What is left when the log is written anew, in bytes.
    live: u64,
    /// What the keys take, in bytes.
    memory: u64,
    most_memory: u64,
}

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// Its first byte on the disk.
    at: u64,
    /// Its length in bytes.
    size: u64,
    digest: Digest,
}

/// The store on `disk`; a new one where the disk holds nothing but zeros. Its keys may take `memory` bytes.
///
/// # Errors
/// When the disk holds something else, or a store that is damaged or was made for a larger disk or other sectors; it is left
/// as it is. When the disk can't be read or is too small.
pub async fn connect<B: Block + 'static>(memory: u64, disk: B) -> Result<Log<B>> {
    let state = open::open(&disk, memory).await?;
    Ok(Log(Rc::new(Inner { disk, state: RefCell::new(state), turn: Turn::default() })))
}

impl<B> Drop for Log<B> {
    fn drop(&mut self) {
        // A change that was given up half way holds what it works on.
        self.0.turn.stop();
    }
}

impl<B: Block> Inner<B> {
    /// The byte behind the last one of the disk that may hold a value.
    fn end(&self) -> u64 {
        let root = self.state.borrow().root;
        root.sectors * u64::from(root.sector_size)
    }

    /// Hands all bytes of the value of `key` to `sink`, in order, with the place of each piece in the value: from 0 on, and from
    /// 0 on again when it has to begin anew. When that fails, it may have had some.
    async fn value(&self, key: &str, mut sink: impl FnMut(u64, &[u8])) -> Result<(), KvError> {
        let mut place = *self.state.borrow().index.value(key)?;
        loop {
            sink(0, &[]);
            let sector = u64::from(self.disk.geometry().sector_size);
            let end = place.at.saturating_add(place.size).next_multiple_of(sector);
            let mut window = Window::new(&self.disk, end.min(self.end()));
            let mut hasher = blake3::Hasher::new();
            let mut done = 0;
            while done < place.size {
                let Some(bytes) = window.some(place.at + done).await? else { return Err(KvError::Corrupt) };
                let count = bytes.len().min(usize::try_from(place.size - done).unwrap_or(usize::MAX));
                hasher.update(&bytes[..count]);
                sink(done, &bytes[..count]);
                done += count as u64;
            }
            if hasher.finalize().as_bytes() == &place.digest {
                return Ok(());
            }
            // Its place may have been given to another while it was being read.
            let now = *self.state.borrow().index.value(key)?;
            if now == place {
                return Err(KvError::Corrupt);
            }
            place = now;
        }
    }
}

impl<B: Block + 'static> KvRo for Log<B> {
    type Value = Vec<u8>;

    async fn get(&self, key: &str) -> Result<Vec<u8>, KvError> {
        let mut value = Vec::new();
        let size = usize::try_from(self.size(key).await?).unwrap_or(usize::MAX);
        value.try_reserve_exact(size).map_err(|_| KvError::Failed(NO_MEMORY))?;
        let add = |at, bytes: &[u8]| {
            if at == 0 {
                value.clear();
            }
            value.extend_from_slice(bytes);
        };
        self.0.value(key, add).await?;
        Ok(value)
    }

    /// All of the value is read to see that it is what was written.
    async fn read(&self, key: &str, offset: u64, buffer: &mut [u8]) -> Result<usize, KvError> {
        let mut count = 0;
        let end = offset.saturating_add(buffer.len() as u64);
        let add = |at: u64, bytes: &[u8]| {
            let (from, to) = (offset.max(at), end.min(at + bytes.len() as u64));
            if at == 0 {
                count = 0;
            }
            if from < to {
                let bytes = &bytes[(from - at) as usize..(to - at) as usize];
                buffer[(from - offset) as usize..][..bytes.len()].copy_from_slice(bytes);
                count += bytes.len();
            }
        };
        self.0.value(key, add).await?;
        Ok(count)
    }

    async fn exists(&self, key: &str) -> Result<Option<KvKind>, KvError> {
        self.0.state.borrow().index.kind(key)
    }

    async fn list(&self, key: &str) -> Result<Vec<KvEntry>, KvError> {
        self.0.state.borrow().index.names(key)
    }

    async fn size(&self, key: &str) -> Result<u64, KvError> {
        Ok(self.0.state.borrow().index.value(key)?.size)
    }

    async fn digest(&self, key: &str) -> Result<[u8; 32], KvError> {
        Ok(self.0.state.borrow().index.value(key)?.digest)
    }
}

/// ENOMEM.
const NO_MEMORY: i32 = 12;

/// An error of the disk while changes are being written may come after they are safe: then the next boot has them, all or
/// none. So it is with changes whose future is dropped.
impl<B: Block + 'static> KvRw for Log<B> {
    async fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        self.batch(&[Change::Set { key, value }]).await
    }

    async fn remove(&self, key: &str) -> Result<(), KvError> {
        self.batch(&[Change::Remove { key }]).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), KvError> {
        self.batch(&[Change::Rename { from, to }]).await
    }

    async fn batch(&self, changes: &[Change<'_>]) -> Result<(), KvError> {
        if self.0.disk.geometry().read_only {
            return Err(KvError::ReadOnly);
        }
        let batch = Batch::new(changes)?;
        self.0.turn.run(self.0.clone().commit(batch)).await
    }
}
