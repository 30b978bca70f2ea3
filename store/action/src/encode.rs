//! The canonical encoding, walked by every sink: a hash, bytes, and an explanation for people.
//!
//! Since all sinks see the same walk, what `uk why` says can't disagree with the key.
//!
//! Format of hash and bytes, all integers little-endian: a record is its tag (length as `u32`, bytes) and its version
//! (`u32`); a variant is its number (`u32`); a sequence is its length (`u64`); bytes and text are a length (`u64`) and the
//! bytes; a digest is its 32 bytes; a number is a `u64`. Field names aren't hashed: their order is.

use std::fmt::Write as _;

use crate::Digest;

/// Something with a canonical encoding.
pub trait Encode {
    /// Walks the value's fields in their fixed order.
    fn encode<S: Sink>(&self, sink: &mut S);
}

/// Where an encoding goes.
pub trait Sink {
    /// Starts a record: a domain tag and the version of its encoding.
    fn record(&mut self, tag: &'static str, version: u32);
    /// One alternative of an enum, by an explicit number that never changes meaning.
    fn variant(&mut self, field: &'static str, name: &'static str, number: u32);
    /// The length of a sequence whose elements follow.
    fn sequence(&mut self, field: &'static str, length: usize);
    /// A number.
    fn number(&mut self, field: &'static str, value: u64);
    /// Raw bytes.
    fn bytes(&mut self, field: &'static str, value: &[u8]);
    /// Text.
    fn text(&mut self, field: &'static str, value: &str) {
        self.bytes(field, value.as_bytes());
    }
    /// A digest.
    fn digest(&mut self, field: &'static str, value: &Digest);
}

/// Hashes an encoding.
///
/// Encodings are mostly short: they are gathered and hashed at once, which is far cheaper than many small updates.
#[derive(Default)]
pub struct Hash {
    gathered: Bytes,
    long: Option<Box<blake3::Hasher>>,
}

impl Hash {
    const GATHER: usize = 1 << 16;

    /// The digest of `value`'s encoding.
    pub fn of(value: &impl Encode) -> Digest {
        let mut hash = Self { gathered: Bytes(Vec::with_capacity(1024)), long: None };
        value.encode(&mut hash);
        hash.finish()
    }

    /// The digest of what was written.
    pub fn finish(self) -> Digest {
        match self.long {
            None => Digest::of(&self.gathered.0),
            Some(mut long) => Digest::from_bytes(*long.update(&self.gathered.0).finalize().as_bytes()),
        }
    }
}

impl Sink for Hash {
    fn record(&mut self, tag: &'static str, version: u32) {
        self.gathered.record(tag, version);
    }
    fn variant(&mut self, field: &'static str, name: &'static str, number: u32) {
        self.gathered.variant(field, name, number);
    }
    fn sequence(&mut self, field: &'static str, length: usize) {
        self.gathered.sequence(field, length);
    }
    fn number(&mut self, field: &'static str, value: u64) {
        self.gathered.number(field, value);
    }
    fn bytes(&mut self, field: &'static str, value: &[u8]) {
        if self.gathered.0.len() + value.len() < Self::GATHER {
            return self.gathered.bytes(field, value);
        }
        self.gathered.sequence(field, value.len());
        let long = self.long.get_or_insert_default();
        long.update(&self.gathered.0).update(value);
        self.gathered.0.clear();
    }
    fn digest(&mut self, field: &'static str, value: &Digest) {
        self.gathered.digest(field, value);
    }
}

/// The encoding itself. The digest of these bytes is what [`struct@Hash`] gives.
#[derive(Default)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// The encoding of `value`.
    pub fn of(value: &impl Encode) -> Vec<u8> {
        let mut bytes = Self::default();
        value.encode(&mut bytes);
        bytes.0
    }
}

impl Sink for Bytes {
    fn record(&mut self, tag: &'static str, version: u32) {
        self.0.extend_from_slice(&(tag.len() as u32).to_le_bytes());
        self.0.extend_from_slice(tag.as_bytes());
        self.0.extend_from_slice(&version.to_le_bytes());
    }
    fn variant(&mut self, _: &'static str, _: &'static str, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }
    fn sequence(&mut self, _: &'static str, length: usize) {
        self.0.extend_from_slice(&(length as u64).to_le_bytes());
    }
    fn number(&mut self, _: &'static str, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    fn bytes(&mut self, _: &'static str, value: &[u8]) {
        self.0.extend_from_slice(&(value.len() as u64).to_le_bytes());
        self.0.extend_from_slice(value);
    }
    fn digest(&mut self, _: &'static str, value: &Digest) {
        self.0.extend_from_slice(value.as_bytes());
    }
}

/// Writes an encoding as lines that people and `diff` can read: one field a line.
#[derive(Default)]
pub struct Explain(String);

impl Explain {
    /// The explanation of `value`.
    pub fn of(value: &impl Encode) -> String {
        let mut explain = Self::default();
        value.encode(&mut explain);
        explain.0
    }

    fn line(&mut self, field: &str, value: impl std::fmt::Display) {
        // Writing to a String can't fail.
        let _ = writeln!(self.0, "{field} {value}");
    }
}

impl Sink for Explain {
    fn record(&mut self, tag: &'static str, version: u32) {
        self.line(tag, format_args!("v{version}"));
    }
    fn variant(&mut self, field: &'static str, name: &'static str, _: u32) {
        self.line(field, name);
    }
    fn sequence(&mut self, field: &'static str, length: usize) {
        self.line(field, format_args!("({length})"));
    }
    fn number(&mut self, field: &'static str, value: u64) {
        self.line(field, value);
    }
    fn bytes(&mut self, field: &'static str, value: &[u8]) {
        self.line(field, format_args!("{} bytes {}", value.len(), Digest::of(value)));
    }
    fn text(&mut self, field: &'static str, value: &str) {
        self.line(field, format_args!("{value:?}"));
    }
    fn digest(&mut self, field: &'static str, value: &Digest) {
        self.line(field, value);
    }
}
