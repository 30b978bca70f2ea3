//! The entries of a folder.

use alloc::string::String;
use alloc::vec::Vec;

use uk_device::{KvError, is_key};

/// Bytes of an entry.
pub(crate) const SIZE: usize = 32;

const VOLUME: u8 = 0x08;
const FOLDER: u8 = 0x10;
/// What an entry with a part of a long name has for its attributes.
const LONG: u8 = 0x0f;
/// UTF-16 units of a name in such an entry, and the most that there are of those.
const UNITS: usize = 13;
const MAX_PARTS: usize = 20;

/// A file or folder in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub name: String,
    pub folder: bool,
    /// The first cluster; 0 for an empty file.
    pub cluster: u32,
    pub size: u32,
}

/// Reads a folder's bytes.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Entry>, KvError> {
    let mut entries = Vec::new();
    let mut long = LongName::default();
    for entry in bytes.as_chunks::<SIZE>().0 {
        match (entry[0], entry[11]) {
            (0, _) => break,
            (0xe5, _) => long = LongName::default(),
            (_, attributes) if attributes & 0x3f == LONG => long.add(entry),
            (_, attributes) if attributes & VOLUME != 0 => long = LongName::default(),
            (_, attributes) => {
                let name = core::mem::take(&mut long).finish(entry);
                let name = match name {
                    Some(name) => name.ok_or(KvError::Corrupt)?,
                    None => short_name(entry),
                };
                let folder = attributes & FOLDER != 0;
                if folder && matches!(&*name, "." | "..") {
                    continue;
                }
                if !is_key(&name) || name.contains('/') {
                    return Err(KvError::Corrupt);
                }
                let number = |at: usize| u32::from(u16::from_le_bytes([entry[at], entry[at + 1]]));
                let cluster = number(20) << 16 | number(26);
                entries.push(Entry { name, folder, cluster, size: number(28) | number(30) << 16 });
            }
        }
    }
    Ok(entries)
}

/// A long name, whose parts stand before the entry itself, the last first.
#[derive(Default)]
struct LongName {
    units: Vec<[u16; UNITS]>,
    /// The part that is to follow; 0 if all were there.
    missing: usize,
    checksum: u8,
}

impl LongName {
    fn add(&mut self, entry: &[u8; SIZE]) {
        const LAST: u8 = 0x40;
        let number = usize::from(entry[0] & 0x1f);
        let first = entry[0] & LAST != 0;
        if first && (1..=MAX_PARTS).contains(&number) {
            *self = LongName { units: Vec::new(), missing: number, checksum: entry[13] };
        } else if first || number != self.missing || number == 0 || entry[13] != self.checksum {
            *self = LongName::default();
            return;
        }
        let mut units = [0; UNITS];
        let places = (1..11).step_by(2).chain((14..26).step_by(2)).chain([28, 30]);
        for (unit, at) in units.iter_mut().zip(places) {
            *unit = u16::from_le_bytes([entry[at], entry[at + 1]]);
        }
        self.units.push(units);
        self.missing -= 1;
    }

    /// The name, if its parts are all there and belong to the short name of `entry`; as other systems do, one that doesn't
    /// is passed over. The inner `None` is a name that isn't UTF-16.
    #[expect(clippy::option_option, reason = "no long name, and one that can't be read, are two things")]
    fn finish(self, entry: &[u8; SIZE]) -> Option<Option<String>> {
        let sum = entry[..11].iter().fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
        if self.units.is_empty() || self.missing != 0 || self.checksum != sum {
            return None;
        }
        let units = self.units.iter().rev().flatten().copied().take_while(|unit| *unit != 0);
        Some(char::decode_utf16(units).collect::<Result<String, _>>().ok())
    }
}

/// `README.TXT`, or in lower case where the entry says so.
fn short_name(entry: &[u8; SIZE]) -> String {
    const LOWER_NAME: u8 = 0x08;
    const LOWER_EXTENSION: u8 = 0x10;
    let part = |bytes: &[u8], lower: bool| -> String {
        let text = bytes.trim_ascii_end().iter();
        // What is beyond ASCII depends on a code page that nothing tells.
        let text =
            text.map(|byte| if byte.is_ascii() { char::from(*byte) } else { char::REPLACEMENT_CHARACTER });
        text.map(|c| if lower { c.to_ascii_lowercase() } else { c }).collect()
    };
    let mut name = part(&entry[..8], entry[12] & LOWER_NAME != 0);
    let extension = part(&entry[8..11], entry[12] & LOWER_EXTENSION != 0);
    if !extension.is_empty() {
        name.push('.');
        name.push_str(&extension);
    }
    name
}
