//! Names of eight and three bytes beside the long ones.

use std::collections::HashSet;

/// The names in a folder.
#[derive(Default)]
pub(super) struct Names {
    /// The long ones in upper case, also of what comes later.
    pub long: HashSet<String>,
    /// What short ones that were made have up to `~` and a digit, and after the dot.
    made: HashSet<(Vec<u8>, [u8; 3])>,
}

impl Names {
    /// A short name for `name`, the one that `fatfs` gives, unless another file of the folder is called so.
    pub fn short(&mut self, name: &str) -> [u8; 11] {
        let short = self.free(name);
        for at in 0..7 {
            if short[at] == b'~' && short[at + 1].is_ascii_digit() {
                self.made.insert((short[..at + 2].to_vec(), extension(short)));
            }
        }
        short
    }

    fn free(&self, name: &str) -> [u8; 11] {
        let mut short = [b' '; 11];
        let (base, after) = name.rsplit_once('.').unwrap_or((name, ""));
        let (length, whole) = copy(&mut short[..8], base);
        if copy(&mut short[8..], after).1 && whole {
            return short;
        }
        let free = |mut begin: Vec<u8>, number: u8| {
            begin.extend([b'~', b'0' + number]);
            let mut found = [b' '; 11];
            found[..begin.len()].copy_from_slice(&begin);
            found[8..].copy_from_slice(&short[8..]);
            let free =
                !self.made.contains(&(begin, extension(short))) && !self.long.contains(&written(found));
            free.then_some(found)
        };
        if let Some(found) = (1..5).find_map(|number| free(short[..length.min(6)].to_vec(), number)) {
            return found;
        }
        let mut sum = checksum(name);
        loop {
            let begin = || [&short[..length.min(2)], format!("{sum:04X}").as_bytes()].concat();
            if let Some(found) = (1..10).find_map(|number| free(begin(), number)) {
                return found;
            }
            sum = sum.wrapping_add(1);
        }
    }
}

fn extension(short: [u8; 11]) -> [u8; 3] {
    [short[8], short[9], short[10]]
}

/// A short name as it would be written.
fn written(short: [u8; 11]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let (base, after) = (text(&short[..8]), text(&short[8..]));
    if after.is_empty() { base } else { format!("{base}.{after}") }
}

/// Puts what fits of `text` into `part`: how many bytes, and whether that is all of it.
fn copy(part: &mut [u8], text: &str) -> (usize, bool) {
    let (mut length, mut whole) = (0, true);
    for c in text.chars() {
        if length == part.len() {
            return (length, false);
        }
        if matches!(c, ' ' | '.') {
            whole = false;
            continue;
        }
        let allowed = c.is_ascii_alphanumeric() || "!#$%&'()-@^_`{}~".contains(c);
        whole &= allowed;
        part[length] = if allowed { c.to_ascii_uppercase() as u8 } else { b'_' };
        length += 1;
    }
    (length, whole)
}

fn checksum(name: &str) -> u16 {
    name.chars().fold(0, |sum: u16, c| sum.rotate_right(1).wrapping_add(c as u16))
}

/// The entries of a file in its folder: its long name in parts, the last first, and one that begins with `short`.
pub(super) fn entries(name: &str, short: [u8; 11]) -> Vec<[u8; 32]> {
    let sum = short.iter().fold(0, |sum: u8, byte| sum.rotate_right(1).wrapping_add(*byte));
    let units: Vec<u16> = name.encode_utf16().collect();
    let parts = units.chunks(13).enumerate().map(|(number, some)| {
        let last = (number + 1) * 13 >= units.len();
        let mut part = [0xffff; 13];
        part[..some.len()].copy_from_slice(some);
        if let Some(end) = part.get_mut(some.len()) {
            *end = 0;
        }
        let mut entry = [0; 32];
        entry[0] = number as u8 + 1 + if last { 0x40 } else { 0 };
        (entry[11], entry[13]) = (0x0f, sum);
        let places = (1..11).step_by(2).chain((14..26).step_by(2)).chain([28, 30]);
        for (at, unit) in places.zip(part) {
            entry[at..at + 2].copy_from_slice(&unit.to_le_bytes());
        }
        entry
    });
    let mut all: Vec<[u8; 32]> = parts.collect();
    all.reverse();
    let mut own = [0; 32];
    own[..11].copy_from_slice(&short);
    all.push(own);
    all
}
