//! Headers of tar archives (POSIX.1-2001 pax), read and written: regular files and folders, long names by pax or as GNU tar
//! writes them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::seal::POINTER;

/// Bytes of a header, and what contents are padded to.
pub const BLOCK: usize = 512;

/// What follows a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file's content.
    File,
    /// Nothing: a folder.
    Folder,
    /// Pax records for the next header.
    Pax,
    /// GNU tar's long name for the next header.
    LongName,
    /// Something that isn't for us, such as a link; its content is passed over.
    Other,
}

/// A header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The name, as it stands.
    pub name: Vec<u8>,
    /// What follows.
    pub kind: Kind,
    /// Bytes that follow, without padding.
    pub size: u64,
}

/// A header that isn't one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged;

impl Header {
    /// Reads a header; none at the archive's end, which is a block of zeros.
    ///
    /// # Errors
    /// [`Damaged`] if the checksum is wrong, or a number isn't one.
    pub fn read(block: &[u8; BLOCK]) -> Result<Option<Self>, Damaged> {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if number(&block[148..156])? != u64::from(checksum(block)) || !block[257..].starts_with(b"ustar") {
            return Err(Damaged);
        }
        let mut name = Vec::new();
        // GNU tar keeps times where POSIX has the prefix.
        if block[257..265] == *b"ustar\x0000" && block[345] != 0 {
            name.extend_from_slice(text(&block[345..500]));
            name.push(b'/');
        }
        name.extend_from_slice(text(&block[..100]));
        let kind = match block[156] {
            b'0' | 0 | b'7' => Kind::File,
            b'5' => Kind::Folder,
            b'x' => Kind::Pax,
            b'L' => Kind::LongName,
            _ => Kind::Other,
        };
        Ok(Some(Header { name, kind, size: number(&block[124..136])? }))
    }

    /// Writes a header with fixed times, owners and modes.
    fn write(&self) -> Option<[u8; BLOCK]> {
        let mut block = [0; BLOCK];
        block.get_mut(..100)?.get_mut(..self.name.len())?.copy_from_slice(&self.name);
        block[100..108].copy_from_slice(b"0000644\0");
        block[108..116].copy_from_slice(b"0000000\0");
        block[116..124].copy_from_slice(b"0000000\0");
        block[124..136]
            .copy_from_slice(alloc::format!("{:011o}\0", self.size).as_bytes().first_chunk::<12>()?);
        block[136..148].copy_from_slice(b"00000000000\0");
        block[156] = if self.kind == Kind::Pax { b'x' } else { b'0' };
        block[257..265].copy_from_slice(b"ustar\x0000");
        block[329..337].copy_from_slice(b"0000000\0");
        block[337..345].copy_from_slice(b"0000000\0");
        write_checksum(&mut block);
        Some(block)
    }
}

/// Puts the [`pointer`](crate::seal::pointer) to a seal into an archive's first header.
pub fn point(header: &mut [u8; BLOCK], pointer: [u8; 10]) {
    header[POINTER..][..10].copy_from_slice(&pointer);
    write_checksum(header);
}

/// What stands before the content of the file `name`, of `size` bytes; a name or size that a plain header has no room for gets
/// pax records.
pub fn before(name: &str, size: u64) -> Vec<u8> {
    /// What eleven octal digits hold.
    const LARGE: u64 = 1 << 33;
    let mut out = Vec::new();
    let mut records = Vec::new();
    let mut short = name.as_bytes().to_vec();
    if name.len() > 100 || !name.is_ascii() {
        records.extend_from_slice(&record("path", name));
        short = name.bytes().map(|byte| if byte.is_ascii() { byte } else { b'_' }).take(100).collect();
    }
    if size >= LARGE {
        records.extend_from_slice(&record("size", &size.to_string()));
    }
    if !records.is_empty() {
        let header = Header { name: b"pax".to_vec(), kind: Kind::Pax, size: records.len() as u64 };
        out.extend_from_slice(&header.write().unwrap_or([0; BLOCK]));
        out.extend_from_slice(&records);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    let header = Header { name: short, kind: Kind::File, size: if size < LARGE { size } else { 0 } };
    out.extend_from_slice(&header.write().unwrap_or([0; BLOCK]));
    out
}

/// A pax record: its own length in decimal, a space, `KEY=VALUE`, a newline.
fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length.to_string().len() + rest != length {
        length = length.to_string().len() + rest;
    }
    alloc::format!("{length} {key}={value}\n").into_bytes()
}

/// What pax records say of the next header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pax {
    /// Its name.
    pub path: Option<String>,
    /// Its size.
    pub size: Option<u64>,
}

impl Pax {
    /// Reads records.
    ///
    /// # Errors
    /// [`Damaged`].
    pub fn read(mut bytes: &[u8]) -> Result<Self, Damaged> {
        let mut pax = Pax::default();
        while !bytes.is_empty() {
            let space = bytes.iter().position(|byte| *byte == b' ').ok_or(Damaged)?;
            let length = str::from_utf8(&bytes[..space]).ok().and_then(|text| text.parse::<usize>().ok());
            let (record, rest) = length.and_then(|length| bytes.split_at_checked(length)).ok_or(Damaged)?;
            let record =
                record.get(space + 1..).and_then(|record| record.strip_suffix(b"\n")).ok_or(Damaged)?;
            let record = str::from_utf8(record).map_err(|_| Damaged)?;
            match record.split_once('=').ok_or(Damaged)? {
                ("path", path) => pax.path = Some(path.to_string()),
                ("size", size) => pax.size = Some(size.parse().map_err(|_| Damaged)?),
                _ => {}
            }
            bytes = rest;
        }
        Ok(pax)
    }
}

/// Bytes up to the first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// An octal number, or GNU tar's binary one for what has no room in octal.
fn number(field: &[u8]) -> Result<u64, Damaged> {
    if field.first().is_some_and(|first| *first == 0x80) {
        let (high, low) = field[1..].split_last_chunk::<8>().ok_or(Damaged)?;
        return if high.iter().all(|byte| *byte == 0) { Ok(u64::from_be_bytes(*low)) } else { Err(Damaged) };
    }
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|byte| matches!(byte, 0 | b' ')).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if digits.is_empty() || !rest.iter().all(|byte| matches!(byte, 0 | b' ')) {
        return Err(Damaged);
    }
    digits.iter().try_fold(0_u64, |number, digit| match digit {
        b'0'..=b'7' => {
            let number = number.checked_mul(8).ok_or(Damaged)?;
            Ok(number + u64::from(digit - b'0'))
        }
        _ => Err(Damaged),
    })
}

fn write_checksum(block: &mut [u8; BLOCK]) {
    // The sum is less than 2^18: six octal digits.
    let sum = alloc::format!("{:06o}\0 ", checksum(block));
    block[148..156].copy_from_slice(sum.as_bytes());
}

/// The sum of a header's bytes, with spaces for the sum itself.
fn checksum(block: &[u8; BLOCK]) -> u32 {
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    let own: u32 = block[148..156].iter().map(|byte| u32::from(*byte)).sum();
    sum - own + 8 * u32::from(b' ')
}
