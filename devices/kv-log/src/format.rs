//! What is on the disk. Numbers are little-endian, digests are BLAKE3.
//!
//! ```text
//! byte 0     root 0: one sector
//! byte 4096  root 1: one sector
//! byte 8192  half 0, then half 1: records, each from the start of a sector on
//!
//! root    magic 8 | sector size 4 | half 4 | sectors 8 | generation 8 | count 8 | seed 32 | digest 32 of all that
//! record  magic 8 | generation 8 | number 8 | length of the entries 8 | length of the values 8 | digest 32 | entries | values
//! entry   1 | length of the key 2 | key | length of the value 8 | digest 32 of the value        set
//!         2 | length of the key 2 | key                                                         remove
//!         3 | lengths of the keys 2, 2 | from | to                                              rename
//! ```
//!
//! A record's digest is that of the record before it (of the first in a half: the root's seed), its own fields and its
//! entries. So records of another time, or with another past, are never taken for the next one.

use alloc::string::String;
use alloc::vec::Vec;

use uk_device::{Change, Geometry, is_key};

/// Where the roots are, in bytes.
pub(crate) const ROOTS: [u64; 2] = [0, 4096];
/// Where the halves begin, in bytes.
const HALVES: u64 = 8192;
/// Bytes of a record before its entries.
pub(crate) const HEADER: usize = 72;
/// The longest entries of a record: they are read into memory at once, before it is known that they are sound.
pub(crate) const MOST_ENTRIES: u64 = 1 << 24;

const ROOT_MAGIC: [u8; 8] = *b"uk-kvlg1";
const RECORD_MAGIC: [u8; 8] = *b"uk-kvrec";
const ROOT_LENGTH: usize = 72;

/// A BLAKE3 digest.
pub(crate) type Digest = [u8; 32];

/// Which half holds the log, and how much of it was acknowledged for sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Root {
    pub sector_size: u32,
    pub half: u32,
    pub sectors: u64,
    pub generation: u64,
    /// How many records of this generation were acknowledged.
    pub count: u64,
    /// What the first record goes on from.
    pub seed: Digest,
}

impl Root {
    /// That of a new store. It is always the same for a disk.
    pub fn first(geometry: Geometry) -> Self {
        let Geometry { sector_size, sectors, .. } = geometry;
        Root { sector_size, half: 0, sectors, generation: 1, count: 0, seed: [0; 32] }
    }

    /// As it stands in its sector.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.sector_size as usize);
        bytes.extend(ROOT_MAGIC);
        bytes.extend(self.sector_size.to_le_bytes());
        bytes.extend(self.half.to_le_bytes());
        [self.sectors, self.generation, self.count].iter().for_each(|n| bytes.extend(n.to_le_bytes()));
        bytes.extend(self.seed);
        bytes.extend(blake3::hash(&bytes).as_bytes());
        bytes.resize(self.sector_size as usize, 0);
        bytes
    }

    /// What a sector says, if it holds a root.
    pub fn decode(sector: &[u8]) -> Option<Self> {
        let (fields, rest) = sector.split_at_checked(ROOT_LENGTH)?;
        if rest.get(..32)? != blake3::hash(fields).as_bytes() || fields[..8] != ROOT_MAGIC {
            return None;
        }
        let half = u32::from_le_bytes(fields[12..16].try_into().ok()?);
        (half < 2).then_some(Root {
            sector_size: u32::from_le_bytes(fields[8..12].try_into().ok()?),
            half,
            sectors: number(fields, 16)?,
            generation: number(fields, 24)?,
            count: number(fields, 32)?,
            seed: fields[40..72].try_into().ok()?,
        })
    }

    /// Bytes of a half: whole sectors. 0 where the disk is too small to have any.
    pub fn half_size(&self) -> u64 {
        let size = self.sectors.saturating_mul(self.sector_size.into()).saturating_sub(HALVES);
        size / 2 / u64::from(self.sector_size) * u64::from(self.sector_size)
    }

    /// Where the half begins that holds the log, in bytes.
    pub fn start(&self) -> u64 {
        HALVES + u64::from(self.half) * self.half_size()
    }

    /// The root of the log in the other half that goes on from `seed`.
    pub fn next(&self, seed: Digest) -> Self {
        Root { half: 1 - self.half, generation: self.generation.wrapping_add(1), count: 0, seed, ..*self }
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// What a record begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub generation: u64,
    pub number: u64,
    pub entries: u64,
    pub values: u64,
    pub digest: Digest,
}

impl Header {
    /// The header of a record with these entries, behind one with the digest `before`.
    pub fn new(generation: u64, number: u64, entries: &[u8], values: u64, before: &Digest) -> Self {
        let mut header =
            Header { generation, number, entries: entries.len() as u64, values, digest: [0; 32] };
        header.digest = header.digest_of(entries, before);
        header
    }

    /// The digest that the record has if it stands behind one with the digest `before`.
    pub fn digest_of(&self, entries: &[u8], before: &Digest) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(before).update(&RECORD_MAGIC);
        for field in [self.generation, self.number, self.entries, self.values] {
            hasher.update(&field.to_le_bytes());
        }
        *hasher.update(entries).finalize().as_bytes()
    }

    pub fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&RECORD_MAGIC);
        for (at, field) in [(8, self.generation), (16, self.number), (24, self.entries), (32, self.values)] {
            bytes[at..at + 8].copy_from_slice(&field.to_le_bytes());
        }
        bytes[40..].copy_from_slice(&self.digest);
        bytes
    }

    /// What `bytes` say, if they can be the beginning of a record.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let header = Header {
            generation: number(bytes, 8)?,
            number: number(bytes, 16)?,
            entries: number(bytes, 24)?,
            values: number(bytes, 32)?,
            digest: bytes.get(40..HEADER)?.try_into().ok()?,
        };
        (bytes[..8] == RECORD_MAGIC && header.entries <= MOST_ENTRIES).then_some(header)
    }

    /// Bytes of the record, without those that fill up its last sector.
    pub fn length(&self) -> u64 {
        (HEADER as u64).saturating_add(self.entries).saturating_add(self.values)
    }
}

/// A change as it stands in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Set { key: String, size: u64, digest: Digest },
    Remove { key: String },
    Rename { from: String, to: String },
}

impl Entry {
    /// As its change, but for the value.
    pub fn change(&self) -> Change<'_> {
        match self {
            Entry::Set { key, .. } => Change::Set { key, value: &[] },
            Entry::Remove { key } => Change::Remove { key },
            Entry::Rename { from, to } => Change::Rename { from, to },
        }
    }

    /// Adds it to the entries of a record.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let length = |text: &str| u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes();
        match self {
            Entry::Set { key, size, digest } => {
                bytes.push(1);
                bytes.extend(length(key));
                bytes.extend(key.as_bytes());
                bytes.extend(size.to_le_bytes());
                bytes.extend(digest);
            }
            Entry::Remove { key } => {
                bytes.push(2);
                bytes.extend(length(key));
                bytes.extend(key.as_bytes());
            }
            Entry::Rename { from, to } => {
                bytes.push(3);
                bytes.extend(length(from));
                bytes.extend(length(to));
                bytes.extend(from.as_bytes());
                bytes.extend(to.as_bytes());
            }
        }
    }

    /// The entries of a record whose values have `values` bytes together, if `bytes` are that.
    pub fn decode_all(mut bytes: &[u8], values: u64) -> Option<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut sizes = 0_u64;
        while let Some((kind, rest)) = bytes.split_first() {
            bytes = rest;
            let mut take = |count: usize| {
                let (taken, rest) = bytes.split_at_checked(count)?;
                bytes = rest;
                Some(taken)
            };
            let first = usize::from(u16::from_le_bytes(take(2)?.try_into().ok()?));
            let text = |bytes: &[u8]| {
                let text = core::str::from_utf8(bytes).ok()?;
                is_key(text).then(|| String::from(text))
            };
            entries.push(match kind {
                1 => {
                    let key = text(take(first)?)?;
                    let size = u64::from_le_bytes(take(8)?.try_into().ok()?);
                    sizes = sizes.checked_add(size)?;
                    Entry::Set { key, size, digest: take(32)?.try_into().ok()? }
                }
                2 => Entry::Remove { key: text(take(first)?)? },
                3 => {
                    let second = usize::from(u16::from_le_bytes(take(2)?.try_into().ok()?));
                    Entry::Rename { from: text(take(first)?)?, to: text(take(second)?)? }
                }
                _ => return None,
            });
        }
        (sizes == values).then_some(entries)
    }
}
