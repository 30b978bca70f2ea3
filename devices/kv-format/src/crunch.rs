//! A table of values with a perfect hash over their keys.
//!
//! | at | what |
//! |---|---|
//! | 0 | `uk-crunch 3` and zeros: 16 bytes |
//! | 16 | BLAKE3 of the index: from 48 to its end |
//! | 48 | the index's end `u64`, the table's length `u64` |
//! | 64 | values `u32`, buckets `u32`, slots `u32`, seed `u32` |
//! | 80 | a displacement `u32` for each bucket |
//! | | the start of an entry `u32` for each slot; `u32::MAX` for none |
//! | | the start of each value's entry `u32`, sorted by key |
//! | | BLAKE3 of each value, in the same order: apart, since few look-ups want one |
//! | | the entries, in the same order: value's start `u64`, value's length `u64`, place in that order `u32`, key's length `u32`, key |
//! | | the values, each from a multiple of 16 on |
//!
//! Integers are little-endian; starts count from the table's first byte. Buckets and slots are powers of two. A key's hash names
//! a bucket, and with that bucket's displacement a slot, which no other key has. So a look-up waits for memory three times:
//! for the displacement, the slot, and the entry with its key.

use alloc::vec;
use alloc::vec::Vec;

use crate::bytes::{digest, number32, number64};
use crate::{Digest, Hash};

const MAGIC: &[u8; 16] = b"uk-crunch 3\0\0\0\0\0";
/// Where the part begins that the digest is of.
const COVERED: usize = 48;
const HEADER: usize = 80;
/// Bytes of an entry before its key.
const ENTRY: usize = 24;
const DIGEST: usize = 32;
const NONE: u32 = u32::MAX;
/// Values begin at multiples of this.
pub const ALIGN: u64 = 16;

/// A value to be put into a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its length.
    pub length: u64,
    /// The BLAKE3 of its bytes.
    pub digest: Digest,
}

/// Why there can be no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooMuch {
    /// The keys have 4 GiB or more.
    Keys,
    /// No seed gives every key a slot of its own.
    Collision,
}

/// The index of a table with `items`, which are sorted by key, each key once; the values follow it, in the same order, each
/// with zeros before it up to a multiple of [`ALIGN`].
///
/// # Errors
/// [`TooMuch`].
pub fn index(items: &[Item<'_>], hash: Hash) -> Result<Vec<u8>, TooMuch> {
    let count = u32::try_from(items.len()).ok().filter(|count| *count < NONE / 8).ok_or(TooMuch::Keys)?;
    let buckets = (count / 4).max(1).next_power_of_two();
    let slots = (count + count / 4).max(1).next_power_of_two();
    let placed = (0..1000_u32).find_map(|seed| Some((seed, place(items, seed, buckets, slots)?)));
    let (seed, (displacements, slot_table)) = placed.ok_or(TooMuch::Collision)?;

    let first = HEADER + 4 * (buckets + slots) as usize + (4 + DIGEST) * items.len();
    let keys: usize = items.iter().map(|item| item.key.len()).sum();
    let end = (first + ENTRY * items.len() + keys) as u64;
    u32::try_from(end).map_err(|_| TooMuch::Keys)?;
    let starts: Vec<u32> = items
        .iter()
        .scan(first, |next, item| Some(core::mem::replace(next, *next + ENTRY + item.key.len()) as u32))
        .collect();
    let mut index = Vec::with_capacity(end as usize);
    index.extend_from_slice(MAGIC);
    index.extend_from_slice(&[0; 32]);
    index.extend_from_slice(&end.to_le_bytes());
    index.extend_from_slice(&[0; 8]);
    for number in [count, buckets, slots, seed] {
        index.extend_from_slice(&number.to_le_bytes());
    }
    let of_slot = slot_table.iter().map(|place| starts.get(*place as usize).unwrap_or(&NONE));
    for number in displacements.iter().chain(of_slot).chain(&starts) {
        index.extend_from_slice(&number.to_le_bytes());
    }
    items.iter().for_each(|item| index.extend_from_slice(&item.digest));
    let mut value_start = end;
    for (place, item) in items.iter().enumerate() {
        value_start = value_start.next_multiple_of(ALIGN);
        index.extend_from_slice(&value_start.to_le_bytes());
        index.extend_from_slice(&item.length.to_le_bytes());
        index.extend_from_slice(&(place as u32).to_le_bytes());
        index.extend_from_slice(&(item.key.len() as u32).to_le_bytes());
        index.extend_from_slice(item.key.as_bytes());
        value_start += item.length;
    }
    index[56..64].copy_from_slice(&value_start.to_le_bytes());
    let digest = hash(&index[COVERED..]);
    index[16..48].copy_from_slice(&digest);
    Ok(index)
}

/// A displacement for each bucket, and what each slot then holds; none if `seed` doesn't do.
fn place(items: &[Item<'_>], seed: u32, buckets: u32, slots: u32) -> Option<(Vec<u32>, Vec<u32>)> {
    let hashes: Vec<u64> = items.iter().map(|item| key_hash(item.key.as_bytes(), seed)).collect();
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); buckets as usize];
    for (place, hash) in hashes.iter().enumerate() {
        members[bucket(*hash, buckets)].push(place as u32);
    }
    // The fullest first, while there is room.
    let mut order: Vec<usize> = (0..buckets as usize).collect();
    order.sort_by_key(|bucket| core::cmp::Reverse(members[*bucket].len()));
    let mut displacements = vec![0; buckets as usize];
    let mut table = vec![NONE; slots as usize];
    for bucket in order {
        let displacement = (0..1 << 20).find(|displacement| {
            members[bucket].iter().enumerate().all(|(done, member)| {
                let slot = &mut table[slot(hashes[*member as usize], *displacement, slots)];
                let free = *slot == NONE;
                if free {
                    *slot = *member;
                } else {
                    // What this try has put so far is taken back.
                    members[bucket][..done].iter().for_each(|put| {
                        table[self::slot(hashes[*put as usize], *displacement, slots)] = NONE;
                    });
                }
                free
            })
        })?;
        displacements[bucket] = displacement;
    }
    Some((displacements, table))
}

const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
const MORE: u64 = 0xd6e8_feb8_6659_fd93;

/// Both halves of a product: a cheap function in which every bit counts.
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

#[inline]
fn key_hash(key: &[u8], seed: u32) -> u64 {
    let mut state = (u64::from(seed) + 1).wrapping_mul(MORE) ^ key.len() as u64;
    let (chunks, rest) = key.as_chunks::<8>();
    for chunk in chunks {
        state = fold(state ^ u64::from_le_bytes(*chunk), MIX);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    fold(state ^ u64::from_le_bytes(last), MORE)
}

#[inline]
fn bucket(hash: u64, buckets: u32) -> usize {
    hash as usize & (buckets as usize - 1)
}

#[inline]
fn slot(hash: u64, displacement: u32, slots: u32) -> usize {
    (fold(hash ^ u64::from(displacement).wrapping_mul(MORE), MIX) >> 32) as usize & (slots as usize - 1)
}

/// A table that was checked: whatever its bytes are, no look-up leaves them.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    bytes: &'a [u8],
    displacements: &'a [[u8; 4]],
    slots: &'a [[u8; 4]],
    /// Where the entries begin, sorted by key.
    starts: &'a [[u8; 4]],
    digests: &'a [Digest],
    seed: u32,
}

/// What a table has of a value.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its place in the order of the keys' bytes.
    pub place: usize,
    /// The value's length.
    pub length: usize,
    start: usize,
    key: &'a [u8],
}

impl<'a> Table<'a> {
    /// The table that `bytes` are; none if its index isn't as it was made, or something is missing. The values themselves
    /// aren't looked at.
    pub fn new(bytes: &'a [u8], hash: Hash) -> Option<Self> {
        if bytes.get(..16)? != MAGIC {
            return None;
        }
        let end = usize::try_from(number64(bytes, 48)?).ok()?;
        let covered = bytes.get(COVERED..end)?;
        if number64(bytes, 56)? != bytes.len() as u64 || digest(bytes, 16)? != hash(covered) {
            return None;
        }
        let number = |at| Some(number32(bytes, at)? as usize);
        let (count, buckets, slots) = (number(64)?, number(68)?, number(72)?);
        if !buckets.is_power_of_two() || !slots.is_power_of_two() {
            return None;
        }
        let (displacements, rest) = bytes.get(HEADER..end)?.split_at_checked(buckets.checked_mul(4)?)?;
        let (slots, rest) = rest.split_at_checked(slots.checked_mul(4)?)?;
        let (starts, rest) = rest.split_at_checked(count.checked_mul(4)?)?;
        let (digests, _) = rest.split_at_checked(count.checked_mul(DIGEST)?)?;
        let table = Self {
            bytes,
            displacements: displacements.as_chunks().0,
            slots: slots.as_chunks().0,
            starts: starts.as_chunks().0,
            digests: digests.as_chunks().0,
            seed: number32(bytes, 76)?,
        };
        // A table that isn't of this crate's making may have any index, with a digest that fits.
        let entries_fit = (0..count).all(|place| {
            let sorted = place == 0 || table.key_bytes(place - 1) < table.key_bytes(place);
            table.entry(table.starts[place]).is_some_and(|entry| {
                let value = entry.start.checked_add(entry.length).is_some_and(|end| end <= bytes.len());
                entry.place == place && value && sorted && str::from_utf8(entry.key).is_ok()
            })
        });
        let slots_fit = table.slots.iter().all(|slot| {
            *slot == NONE.to_le_bytes()
                || table.entry(*slot).is_some_and(|entry| table.starts.get(entry.place) == Some(slot))
        });
        (slots_fit && entries_fit).then_some(table)
    }

    /// How many values there are.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// The key at `place`, in the order of their bytes.
    pub fn key(&self, place: usize) -> &'a str {
        str::from_utf8(self.key_bytes(place)).unwrap_or_default()
    }

    fn key_bytes(&self, place: usize) -> &'a [u8] {
        self.entry(self.starts[place]).map(|entry| entry.key).unwrap_or_default()
    }

    #[inline]
    fn entry(&self, start: [u8; 4]) -> Option<Entry<'a>> {
        // A table may be so long that even this is a place in it.
        let start = Some(u32::from_le_bytes(start)).filter(|start| *start != NONE)?;
        let entry = self.bytes.get(start as usize..)?;
        let (head, rest) = entry.split_first_chunk::<ENTRY>()?;
        Some(Entry {
            start: usize::try_from(number64(head, 0)?).ok()?,
            length: usize::try_from(number64(head, 8)?).ok()?,
            place: number32(head, 16)? as usize,
            key: rest.get(..number32(head, 20)? as usize)?,
        })
    }

    /// The BLAKE3 that the bytes of a value are to have.
    pub fn digest(&self, entry: &Entry<'a>) -> Digest {
        self.digests[entry.place]
    }

    /// What there is of `key`.
    #[inline]
    pub fn find(&self, key: &str) -> Option<Entry<'a>> {
        let hash = key_hash(key.as_bytes(), self.seed);
        let displacement =
            u32::from_le_bytes(self.displacements[bucket(hash, self.displacements.len() as u32)]);
        let entry = self.entry(self.slots[slot(hash, displacement, self.slots.len() as u32)])?;
        (entry.key == key.as_bytes()).then_some(entry)
    }

    /// The bytes of a value, unchecked against its digest.
    #[inline]
    pub fn bytes(&self, entry: &Entry<'a>) -> &'a [u8] {
        // What doesn't fit is refused by `new`.
        self.bytes.get(entry.start..).and_then(|rest| rest.get(..entry.length)).unwrap_or_default()
    }
}
