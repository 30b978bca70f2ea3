//! Writing to the log, and writing it anew when it is full of what is gone.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use uk_device::{Block, BlockError, Change, KvError, KvIndex, KvPlan};

use crate::disk::{Window, Writer};
use crate::format::{Entry, HEADER, Header, MOST_ENTRIES, ROOTS};
use crate::{Inner, Place, State};

/// When the log is written anew, a record is closed at this many bytes of entries ...
const ENTRIES: usize = 1 << 16;
/// ... or of values.
const VALUES: u64 = 1 << 20;
/// What a key takes of the memory besides its text, in bytes: a node of the tree and two heads of allocations.
const KEY: u64 = 128;

/// A batch of changes, ready to be written.
#[derive(Debug)]
pub(crate) struct Batch {
    entries: Vec<Entry>,
    /// The entries and the values as they are written.
    bytes: Vec<u8>,
    encoded: usize,
}

impl Batch {
    pub fn new(changes: &[Change<'_>]) -> Result<Self, KvError> {
        let key = |key: &str| match u16::try_from(key.len()) {
            Ok(_) => Ok(String::from(key)),
            Err(_) => Err(KvError::BadKey),
        };
        let entries = changes.iter().map(|change| {
            Ok(match change {
                Change::Set { key: k, value } => Entry::Set {
                    key: key(k)?,
                    size: value.len() as u64,
                    digest: *blake3::hash(value).as_bytes(),
                },
                Change::Remove { key: k } => Entry::Remove { key: key(k)? },
                Change::Rename { from, to } => Entry::Rename { from: key(from)?, to: key(to)? },
            })
        });
        let entries = entries.collect::<Result<Vec<Entry>, KvError>>()?;
        let mut bytes = Vec::new();
        entries.iter().for_each(|entry| entry.encode(&mut bytes));
        let encoded = bytes.len();
        if encoded as u64 > MOST_ENTRIES {
            return Err(KvError::Full);
        }
        for change in changes {
            if let Change::Set { value, .. } = change {
                bytes.extend_from_slice(value);
            }
        }
        Ok(Batch { entries, bytes, encoded })
    }

    fn values(&self) -> u64 {
        (self.bytes.len() - self.encoded) as u64
    }

    /// Whether something is set: what only removes may use the last of the room.
    fn sets(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry, Entry::Set { .. }))
    }
}

/// What a value takes when the log is written anew, without the record that it is in.
fn weight(key: &str, place: &Place) -> u64 {
    (1 + 2 + 8 + 32 + key.len() as u64).saturating_add(place.size)
}

impl State {
    /// What the log would hold, written anew, and what the keys would take of the memory, if `plan` were done.
    pub fn after(&self, plan: &KvPlan<Place>) -> (u64, u64) {
        let (mut live, mut memory) = (self.live, self.memory);
        for (key, value) in plan.iter() {
            if let Ok(before) = self.index.value(key) {
                live -= weight(key, before);
                memory -= KEY + key.len() as u64;
            }
            if let Some(place) = value {
                live = live.saturating_add(weight(key, place));
                memory += KEY + key.len() as u64;
            }
        }
        (live, memory)
    }

    /// The length of the log, written anew, if it holds `live`: an upper bound, with a head and half a sector lost each time.
    fn anew(&self, live: u64) -> u64 {
        let heads = HEADER as u64 + u64::from(self.root.sector_size);
        live.saturating_add((live / ENTRIES as u64 + 1) * heads)
    }

    /// The length of a record in whole sectors.
    fn length(&self, bytes: u64) -> u64 {
        let size = u64::from(self.root.sector_size);
        (HEADER as u64 + bytes).div_ceil(size) * size
    }

    /// Whether there is room for `batch`, and if so, whether the log must be written anew first.
    fn room(&self, batch: &Batch) -> Result<bool, KvError> {
        let changes: Vec<_> = batch.entries.iter().map(Entry::change).collect();
        let places = batch.entries.iter().filter_map(|entry| match entry {
            Entry::Set { size, digest, .. } => Some(Place { at: 0, size: *size, digest: *digest }),
            Entry::Remove { .. } | Entry::Rename { .. } => None,
        });
        let plan = self.index.plan(&changes, places)?;
        let (live, memory) = self.after(&plan);
        let half = self.root.half_size();
        // Less than the whole, so that a log that was written anew has room for more than a record or two.
        let most = if batch.sets() { half - half / 8 } else { half };
        let need = self.length(batch.bytes.len() as u64);
        if self.anew(live) > most || self.anew(self.live).saturating_add(need) > half {
            return Err(KvError::Full);
        }
        if batch.sets() && memory > self.most_memory {
            return Err(KvError::Full);
        }
        Ok(self.end - self.root.start() + need > half)
    }
}

impl<B: Block> Inner<B> {
    /// Makes the changes of `batch`, or none of them.
    pub async fn commit(self: Rc<Self>, mut batch: Batch) -> Result<(), KvError> {
        let full = self.state.borrow().room(&batch)?;
        if batch.entries.is_empty() {
            return Ok(());
        }
        if self.state.borrow().unsettled {
            self.settle().await?;
        }
        if full {
            self.write_anew().await?;
        }
        let (at, header, first_value) = {
            let state = self.state.borrow();
            let entries = &batch.bytes[..batch.encoded];
            let header =
                Header::new(state.root.generation, state.count + 1, entries, batch.values(), &state.chain);
            (state.end, header, state.end + HEADER as u64 + batch.encoded as u64)
        };
        let mut writer = Writer::new(&self.disk, at);
        writer.push(&header.encode()).await?;
        writer.push(&core::mem::take(&mut batch.bytes)).await?;
        writer.pad().await?;
        writer.write().await?;
        self.flush().await?;
        {
            let mut state = self.state.borrow_mut();
            state.take(&batch.entries, first_value)?;
            state.advance(&header);
            state.root.count = state.count;
        }
        // That this was acknowledged is good to know, not needed: the next flush takes it along.
        let _ = self.write_root().await;
        Ok(())
    }

    /// Brings to the disk what was written. A root that was among it is safe from now on, and the other one's turn has come.
    async fn flush(&self) -> Result<(), BlockError> {
        self.disk.flush().await?;
        let mut state = self.state.borrow_mut();
        if core::mem::take(&mut state.in_flight) {
            state.slot = 1 - state.slot;
        }
        Ok(())
    }

    /// Writes the root over the older one. As long as it isn't flushed, the newer one stays.
    async fn write_root(&self) -> Result<(), BlockError> {
        let (sector, at) = {
            let mut state = self.state.borrow_mut();
            state.in_flight = true;
            (state.root.encode(), ROOTS[state.slot] / u64::from(state.root.sector_size))
        };
        self.disk.write(at, &sector).await
    }

    /// Makes the root safe: nothing may be acknowledged as long as the next boot could begin from the one before.
    async fn settle(&self) -> Result<(), BlockError> {
        self.write_root().await?;
        self.flush().await?;
        self.state.borrow_mut().unsettled = false;
        Ok(())
    }

    /// Writes what the log holds into the other half, which is the log from then on.
    async fn write_anew(&self) -> Result<(), KvError> {
        let (root, all) = {
            let state = self.state.borrow();
            let all: Vec<(String, Place)> = state.index.iter().map(|(k, p)| (String::from(k), *p)).collect();
            (state.root.next(state.chain), all)
        };
        let mut log = Log { at: root.start(), count: 0, chain: root.seed, index: KvIndex::default() };
        let mut writer = Writer::new(&self.disk, root.start());
        let mut rest = &all[..];
        while !rest.is_empty() {
            let count = portion(rest);
            let (now, later) = rest.split_at(count);
            rest = later;
            self.copy(&mut writer, root.generation, now, &mut log).await?;
        }
        writer.write().await?;
        // A root that was written, but not flushed, would be lost with the one that comes now.
        self.flush().await?;
        {
            let mut state = self.state.borrow_mut();
            state.root = root;
            state.root.count = log.count;
            state.count = log.count;
            state.chain = log.chain;
            state.end = log.at;
            state.index = log.index;
            state.unsettled = true;
        }
        self.settle().await?;
        Ok(())
    }

    /// Writes a record with `values`, as they are: one that is damaged stays so, and is told when it is read.
    async fn copy(
        &self,
        writer: &mut Writer<'_, B>,
        generation: u64,
        values: &[(String, Place)],
        log: &mut Log,
    ) -> Result<(), KvError> {
        let entries: Vec<Entry> = values
            .iter()
            .map(|(key, place)| Entry::Set { key: key.clone(), size: place.size, digest: place.digest })
            .collect();
        let mut bytes = Vec::new();
        entries.iter().for_each(|entry| entry.encode(&mut bytes));
        let size = values.iter().map(|(_, place)| place.size).sum();
        let header = Header::new(generation, log.count + 1, &bytes, size, &log.chain);
        writer.push(&header.encode()).await?;
        writer.push(&bytes).await?;
        let mut at = writer.at();
        // Values that were written one after the other are read in one go.
        let mut window = Window::new(&self.disk, self.end());
        for (_, place) in values {
            let mut left = place.size;
            while left > 0 {
                let Some(bytes) = window.some(place.at + (place.size - left)).await? else {
                    return Err(KvError::Corrupt);
                };
                let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                writer.push(&bytes[..count]).await?;
                left -= count as u64;
            }
        }
        writer.pad().await?;
        let changes: Vec<_> = entries.iter().map(Entry::change).collect();
        let places = values.iter().map(|(_, place)| {
            let moved = Place { at, ..*place };
            at += place.size;
            moved
        });
        let plan = log.index.plan(&changes, places)?;
        log.index.apply(plan);
        (log.at, log.count, log.chain) = (writer.at(), log.count + 1, header.digest);
        Ok(())
    }
}

/// How many of `values`, at least one, go into one record.
fn portion(values: &[(String, Place)]) -> usize {
    let (mut entries, mut size) = (0, 0_u64);
    let behind = values.iter().position(|(key, place)| {
        let full = entries >= ENTRIES || size >= VALUES;
        entries += 1 + 2 + key.len() + 8 + 32;
        size = size.saturating_add(place.size);
        full
    });
    behind.unwrap_or(values.len())
}

/// A log that is being written anew.
struct Log {
    at: u64,
    count: u64,
    chain: [u8; 32],
    index: KvIndex<Place>,
}
