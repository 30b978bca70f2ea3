//! A table of values with a perfect hash over their keys.
//!
//! | at | what |
//! |---|---|
//! | 0 | `uk-crunch 2` and zeros: 16 bytes |
//! | 16 | BLAKE3 of the index: from 48 to its end |
//! | 48 | the index's end `u64`, the table's length `u64` |
//! | 64 | values `u32`, buckets `u32`, slots `u32`, seed `u32` |
//! | 80 | a displacement `u32` for each bucket |
//! | | the place of a value `u32` for each slot; `u32::MAX` for none |
//! | | an entry for each value, sorted by key: key's start `u32`, key's length `u32`, value's start `u64`, value's length `u64` |
//! | | BLAKE3 of each value, in the same order: apart, since few look-ups want one |
//! | | the keys |
//! | | the values, each from a multiple of 16 on |
//!
//! Integers are little-endian; starts count from the table's first byte. Buckets and slots are powers of two. A key's hash names
//! a bucket, and with that bucket's displacement a slot, which no other key has.

use alloc::vec;
use alloc::vec::Vec;

use crate::bytes::{digest, number32, number64};
use crate::{Digest, Hash};

const MAGIC: &[u8; 16] = b"uk-crunch 2\0\0\0\0\0";
/// Where the part begins that the digest is of.
const COVERED: usize = 48;
const HEADER: usize = 80;
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

    let keys_start = HEADER + 4 * (buckets + slots) as usize + (ENTRY + DIGEST) * items.len();
    let keys_length: usize = items.iter().map(|item| item.key.len()).sum();
    let end = (keys_start + keys_length) as u64;
    u32::try_from(end).map_err(|_| TooMuch::Keys)?;
    let mut index = Vec::with_capacity(end as usize);
    index.extend_from_slice(MAGIC);
    index.extend_from_slice(&[0; 32]);
    index.extend_from_slice(&end.to_le_bytes());
    index.extend_from_slice(&[0; 8]);
    for number in [count, buckets, slots, seed] {
        index.extend_from_slice(&number.to_le_bytes());
    }
    for number in displacements.iter().chain(&slot_table) {
        index.extend_from_slice(&number.to_le_bytes());
    }
    let (mut key_start, mut value_start) = (keys_start as u32, end);
    for item in items {
        value_start = value_start.next_multiple_of(ALIGN);
        index.extend_from_slice(&key_start.to_le_bytes());
        index.extend_from_slice(&(item.key.len() as u32).to_le_bytes());
        index.extend_from_slice(&value_start.to_le_bytes());
        index.extend_from_slice(&item.length.to_le_bytes());
        key_start += item.key.len() as u32;
        value_start += item.length;
    }
    items.iter().for_each(|item| index.extend_from_slice(&item.digest));
    items.iter().for_each(|item| index.extend_from_slice(item.key.as_bytes()));
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
    entries: &'a [[u8; ENTRY]],
    digests: &'a [Digest],
    seed: u32,
}

/// A value's place in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Where it begins.
    pub start: usize,
    /// Its length.
    pub length: usize,
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
        let (entries, rest) = rest.split_at_checked(count.checked_mul(ENTRY)?)?;
        let (digests, _) = rest.split_at_checked(count.checked_mul(DIGEST)?)?;
        let table = Self {
            bytes,
            displacements: displacements.as_chunks().0,
            slots: slots.as_chunks().0,
            entries: entries.as_chunks().0,
            digests: digests.as_chunks().0,
            seed: number32(bytes, 76)?,
        };
        // A table that isn't of this crate's making may have any index, with a digest that fits.
        let slots_fit = table.slots.iter().all(|slot| {
            let place = u32::from_le_bytes(*slot);
            place == NONE || (place as usize) < count
        });
        let entries_fit = (0..count).all(|place| {
            let found = table.place(place);
            let value = found.start.checked_add(found.length).is_some_and(|end| end <= bytes.len());
            let sorted = place == 0 || table.key_bytes(place - 1) < table.key_bytes(place);
            value && sorted && str::from_utf8(table.key_bytes(place)).is_ok()
        });
        (slots_fit && entries_fit).then_some(table)
    }

    /// How many values there are.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// The key at `place`, in the order of their bytes.
    pub fn key(&self, place: usize) -> &'a str {
        str::from_utf8(self.key_bytes(place)).unwrap_or_default()
    }

    fn key_bytes(&self, place: usize) -> &'a [u8] {
        let entry = &self.entries[place];
        let (start, length) = (number32(entry, 0).unwrap_or(0), number32(entry, 4).unwrap_or(0));
        let rest = self.bytes.get(start as usize..).unwrap_or_default();
        rest.get(..length as usize).unwrap_or_default()
    }

    /// Where the value at `place` is.
    #[inline]
    pub fn place(&self, place: usize) -> Place {
        let entry = &self.entries[place];
        // What doesn't fit is refused by `new`.
        let number = |at| number64(entry, at).and_then(|number| usize::try_from(number).ok());
        Place { start: number(8).unwrap_or(usize::MAX), length: number(16).unwrap_or(usize::MAX) }
    }

    /// The BLAKE3 that the bytes of the value at `place` are to have.
    pub fn digest(&self, place: usize) -> Digest {
        self.digests[place]
    }

    /// The place of `key` among the keys.
    #[inline]
    pub fn find(&self, key: &str) -> Option<usize> {
        let hash = key_hash(key.as_bytes(), self.seed);
        let displacement =
            u32::from_le_bytes(self.displacements[bucket(hash, self.displacements.len() as u32)]);
        let place =
            u32::from_le_bytes(self.slots[slot(hash, displacement, self.slots.len() as u32)]) as usize;
        (place < self.entries.len() && self.key_bytes(place) == key.as_bytes()).then_some(place)
    }

    /// The bytes of the value at `place`, unchecked against its digest.
    #[inline]
    pub fn bytes(&self, place: usize) -> &'a [u8] {
        let Place { start, length } = self.place(place);
        self.bytes.get(start..).and_then(|rest| rest.get(..length)).unwrap_or_default()
    }
}
