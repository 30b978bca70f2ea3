//! Finding the log on a disk, or beginning one on an empty disk.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use uk_device::{Block, BlockError, Error, KvError, KvIndex};

use crate::disk::Window;
use crate::format::{Digest, Entry, HEADER, Header, ROOTS, Root};
use crate::{Place, State};

/// The smallest disk: the roots and a few sectors in each half, in bytes.
const SMALLEST: u64 = 64 << 10;
/// How much of a disk is looked at from its beginning on before it counts as empty, in bytes.
const LOOK: u64 = 64 << 20;
/// From there on, how far the sectors that are looked at are apart, and how much of the end is looked at, in bytes.
const STEP: u64 = 1 << 20;

/// The store on `disk`, whose keys may take `memory` bytes.
pub(crate) async fn open<B: Block>(disk: &B, memory: u64) -> Result<State, Error> {
    let geometry = disk.geometry();
    if geometry.size() < SMALLEST || geometry.sector_size > 4096 {
        return Err(Error::new(format!(
            "the disk has {} bytes in sectors of {}: a store needs {SMALLEST} bytes in sectors of 4096 at most",
            geometry.size(),
            geometry.sector_size
        )));
    }
    let failed = |error: BlockError| Error::new(format!("the store on the disk can't be read: {error}"));
    let mut roots = Vec::new();
    for at in ROOTS {
        roots.push(Root::decode(&read_root(disk, at).await.map_err(failed)?));
    }
    let newest = (0..2).max_by_key(|slot: &usize| roots[*slot].map(|root| (root.generation, root.count)));
    let newest = newest.unwrap_or_default();
    let Some(root) = roots[newest] else {
        return begin(disk, memory).await;
    };
    if root.sector_size != geometry.sector_size {
        return Err(Error::new(format!(
            "the store was made on sectors of {} bytes, and the disk has sectors of {}",
            root.sector_size, geometry.sector_size
        )));
    }
    if root.sectors > geometry.sectors {
        return Err(Error::new(format!(
            "the store has {} sectors, and the disk only {}: it was cut short",
            root.sectors, geometry.sectors
        )));
    }
    let mut state = State::new(root, 1 - newest, memory);
    state.scan(disk).await.map_err(|error| match error {
        KvError::Corrupt => {
            Error::new("the store on the disk is damaged: records that were written are gone")
        }
        KvError::Full => Error::new(format!(
            "the keys on the disk take more than the {memory} bytes of memory that they may: raise `memory`"
        )),
        other => Error::new(format!("the store on the disk can't be read: {other}")),
    })?;
    if !geometry.read_only {
        // What was read may be in a cache that a loss of power takes; it is shown as being there from now on.
        disk.flush().await.map_err(failed)?;
    }
    Ok(state)
}

async fn read_root<B: Block>(disk: &B, at: u64) -> Result<Vec<u8>, BlockError> {
    let size = disk.geometry().sector_size;
    let mut sector = vec![0; size as usize];
    disk.read(at / u64::from(size), &mut sector).await?;
    Ok(sector)
}

/// A new store, on a disk that holds nothing.
async fn begin<B: Block>(disk: &B, memory: u64) -> Result<State, Error> {
    let geometry = disk.geometry();
    let failed = |error: BlockError| Error::new(format!("the disk can't be made a store: {error}"));
    if !is_empty(disk).await.map_err(failed)? {
        return Err(Error::new(
            "the disk holds something that isn't a store, or one that is damaged: it is left as it is. A disk of zeros becomes one",
        ));
    }
    if geometry.read_only {
        return Err(Error::new("the disk holds no store, and can only be read"));
    }
    let root = Root::first(geometry);
    let sector = root.encode();
    // One after the other: whatever a loss of power leaves of the first is known again.
    for at in ROOTS {
        disk.write(at / u64::from(geometry.sector_size), &sector).await.map_err(failed)?;
        disk.flush().await.map_err(failed)?;
    }
    Ok(State::new(root, 0, memory))
}

/// Whether a disk holds nothing but zeros, or a part of a first root that a loss of power has left.
async fn is_empty<B: Block>(disk: &B) -> Result<bool, BlockError> {
    let geometry = disk.geometry();
    let size = u64::from(geometry.sector_size);
    let first = Root::first(geometry).encode();
    let found = read_root(disk, ROOTS[0]).await?;
    // Each byte is as it was or as it was to be.
    if !found.iter().zip(&first).all(|(found, first)| *found == 0 || found == first) {
        return Ok(false);
    }
    let end = geometry.size();
    let mut window = Window::new(disk, end);
    let mut at = size;
    while at < end.min(LOOK) {
        let Some(bytes) = window.some(at).await? else { break };
        if bytes.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        at += bytes.len() as u64;
    }
    let mut sector = vec![0; size as usize];
    while at < end {
        disk.read(at / size, &mut sector).await?;
        if sector.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        at += if at + STEP < end { STEP } else { size };
    }
    Ok(true)
}

impl State {
    /// What is known before any record was read; the next root goes to `slot`.
    fn new(root: Root, slot: usize, most_memory: u64) -> Self {
        State {
            root,
            slot,
            in_flight: false,
            unsettled: false,
            end: root.start(),
            count: 0,
            chain: root.seed,
            index: KvIndex::default(),
            live: 0,
            memory: 0,
            most_memory,
        }
    }

    /// Reads the log. What was acknowledged for sure must be there; what comes behind it counts as far as it is whole.
    async fn scan<B: Block>(&mut self, disk: &B) -> Result<(), KvError> {
        let end = self.root.start() + self.root.half_size();
        let mut window = Window::new(disk, end);
        while let Some((entries, header)) = self.next_record(&mut window, end).await? {
            let first_value = self.end + HEADER as u64 + header.entries;
            if self.count >= self.root.count
                && !self.values_are_whole(&mut window, &entries, first_value).await?
            {
                break;
            }
            self.take(&entries, first_value).map_err(|_| KvError::Corrupt)?;
            self.advance(&header);
            if self.memory > self.most_memory {
                return Err(KvError::Full);
            }
        }
        if self.count < self.root.count { Err(KvError::Corrupt) } else { Ok(()) }
    }

    /// The record at the log's end, if there is one.
    async fn next_record<B: Block>(
        &self,
        window: &mut Window<'_, B>,
        end: u64,
    ) -> Result<Option<(Vec<Entry>, Header)>, KvError> {
        let mut bytes = Vec::with_capacity(HEADER);
        if !window.read(self.end, HEADER as u64, &mut bytes).await? {
            return Ok(None);
        }
        let expected = (self.root.generation, self.count + 1);
        let Some(header) = Header::decode(&bytes).filter(|h| (h.generation, h.number) == expected) else {
            return Ok(None);
        };
        if header.length() > end - self.end {
            return Ok(None);
        }
        bytes.clear();
        if !window.read(self.end + HEADER as u64, header.entries, &mut bytes).await?
            || header.digest_of(&bytes, &self.chain) != header.digest
        {
            return Ok(None);
        }
        match Entry::decode_all(&bytes, header.values) {
            Some(entries) => Ok(Some((entries, header))),
            None => Err(KvError::Corrupt),
        }
    }

    async fn values_are_whole<B: Block>(
        &self,
        window: &mut Window<'_, B>,
        entries: &[Entry],
        mut at: u64,
    ) -> Result<bool, KvError> {
        for entry in entries {
            let Entry::Set { size, digest, .. } = entry else { continue };
            if digest_at(window, at, *size).await? != Some(*digest) {
                return Ok(false);
            }
            at += size;
        }
        Ok(true)
    }

    /// Makes the changes of a record whose first value is at `at`.
    pub fn take(&mut self, entries: &[Entry], mut at: u64) -> Result<(), KvError> {
        let changes: Vec<_> = entries.iter().map(Entry::change).collect();
        let values = entries.iter().filter_map(|entry| match entry {
            Entry::Set { size, digest, .. } => {
                let place = Place { at, size: *size, digest: *digest };
                at += size;
                Some(place)
            }
            Entry::Remove { .. } | Entry::Rename { .. } => None,
        });
        let plan = self.index.plan(&changes, values)?;
        (self.live, self.memory) = self.after(&plan);
        self.index.apply(plan);
        Ok(())
    }

    /// Goes on behind a record.
    pub fn advance(&mut self, header: &Header) {
        let size = u64::from(self.root.sector_size);
        self.end += header.length().div_ceil(size) * size;
        self.count += 1;
        self.chain = header.digest;
    }
}

/// The digest of `size` bytes from `at` on; `None` if they aren't all there.
async fn digest_at<B: Block>(
    window: &mut Window<'_, B>,
    at: u64,
    size: u64,
) -> Result<Option<Digest>, BlockError> {
    let mut hasher = blake3::Hasher::new();
    let mut left = size;
    while left > 0 {
        let Some(bytes) = window.some(at + (size - left)).await? else { return Ok(None) };
        let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        hasher.update(&bytes[..count]);
        left -= count as u64;
    }
    Ok(Some(*hasher.finalize().as_bytes()))
}
