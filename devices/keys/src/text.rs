//! The text forms of values: durations, sizes, Ethernet addresses, lists.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// Units of time in nanoseconds, longest first.
const TIMES: &[(&str, u64)] = &[
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Units of size in bytes; the binary ones first and longest first, since these are what is printed.
const SIZES: &[(&str, u64)] = &[
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("", 1),
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// Splits a leading run of digits off and reads it.
fn number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

fn unit(units: &[(&str, u64)], name: &str) -> Option<u64> {
    units.iter().find(|(unit, _)| *unit == name).map(|(_, factor)| *factor)
}

/// Reads `1h30m`; a bare `0` needs no unit. At most `u64::MAX` nanoseconds, some 584 years.
pub fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut total, mut rest) = (0u64, text);
    loop {
        let (count, after) = number(rest)?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (name, next) = after.split_at(end);
        total = total.checked_add(count.checked_mul(unit(TIMES, name)?)?)?;
        if next.is_empty() {
            return Some(Duration::from_nanos(total));
        }
        rest = next;
    }
}

/// Prints a duration of at most `u64::MAX` nanoseconds so that [`duration`] reads it back.
pub fn write_duration(duration: Duration, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    if rest == 0 {
        return f.write_str("0s");
    }
    for (name, factor) in TIMES {
        if rest >= *factor {
            write!(f, "{}{name}", rest / factor)?;
            rest %= factor;
        }
    }
    Ok(())
}

/// Reads `64KiB`.
pub fn size(text: &str) -> Option<u64> {
    let (count, name) = number(text)?;
    count.checked_mul(unit(SIZES, name)?)
}

/// Whether a text is a size of any length.
pub fn is_number_with_unit(text: &str) -> bool {
    let name = text.trim_start_matches(|c: char| c.is_ascii_digit());
    name.len() < text.len() && unit(SIZES, name).is_some()
}

/// Prints a size in the longest binary unit that divides it.
pub fn write_size(size: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (name, factor) = SIZES
        .iter()
        .find(|(_, factor)| size != 0 && size.is_multiple_of(*factor))
        .copied()
        .unwrap_or(("", 1));
    write!(f, "{}{name}", size / factor)
}

/// Reads six pairs of hexadecimal digits with `:` or `-` between them.
pub fn mac(text: &str) -> Option<[u8; 6]> {
    let bytes: &[u8; 17] = text.as_bytes().try_into().ok()?;
    let digit = |at: usize| (bytes[at] as char).to_digit(16);
    let mut mac = [0; 6];
    for (i, byte) in mac.iter_mut().enumerate() {
        *byte = (digit(3 * i)? * 16 + digit(3 * i + 1)?) as u8;
        if i < 5 && !(matches!(bytes[3 * i + 2], b':' | b'-') && bytes[3 * i + 2] == bytes[2]) {
            return None;
        }
    }
    Some(mac)
}

/// Splits a list at its commas and takes the backslashes off.
pub fn items(text: &str) -> Option<Vec<String>> {
    let mut items = Vec::new();
    let mut item = String::new();
    let (mut open, mut chars) = (!text.is_empty(), text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            ',' => {
                items.push(core::mem::take(&mut item));
                open = chars.peek().is_some();
            }
            '\\' => item.push(chars.next().filter(|c| matches!(c, ',' | '\\'))?),
            c => item.push(c),
        }
    }
    if open {
        items.push(item);
    }
    Some(items)
}

/// Writes one item of a list with backslashes where they are needed.
pub fn write_item(item: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in item.chars() {
        if matches!(c, ',' | '\\') {
            f.write_str("\\")?;
        }
        fmt::Write::write_char(f, c)?;
    }
    Ok(())
}
