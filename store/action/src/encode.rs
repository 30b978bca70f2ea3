//! The canonical encoding, walked once for two sinks: a hash, and an explanation for people.
//!
//! Since both sinks see the same walk, what `uk why` says can't disagree with the key.
//!
//! Format of the hash sink, all integers little-endian: a record is its tag (length as `u32`, bytes) and its version
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
    fn text(&mut self, field: &'static str, value: &str);
    /// A digest.
    fn digest(&mut self, field: &'static str, value: &Digest);
}

/// Hashes an encoding.
#[derive(Default)]
pub struct Hash(blake3::Hasher);

impl Hash {
    /// The digest of `value`'s encoding.
    pub fn of(value: &impl Encode) -> Digest {
        let mut hash = Self::default();
        value.encode(&mut hash);
        hash.finish()
    }

    /// The digest of what was written.
    pub fn finish(self) -> Digest {
        Digest::from_bytes(*self.0.finalize().as_bytes())
    }
}

impl Sink for Hash {
    fn record(&mut self, tag: &'static str, version: u32) {
        self.0
            .update(&(tag.len() as u32).to_le_bytes())
            .update(tag.as_bytes())
            .update(&version.to_le_bytes());
    }
    fn variant(&mut self, _: &'static str, _: &'static str, number: u32) {
        self.0.update(&number.to_le_bytes());
    }
    fn sequence(&mut self, _: &'static str, length: usize) {
        self.0.update(&(length as u64).to_le_bytes());
    }
    fn number(&mut self, _: &'static str, value: u64) {
        self.0.update(&value.to_le_bytes());
    }
    fn bytes(&mut self, _: &'static str, value: &[u8]) {
        self.0.update(&(value.len() as u64).to_le_bytes()).update(value);
    }
    fn text(&mut self, field: &'static str, value: &str) {
        self.bytes(field, value.as_bytes());
    }
    fn digest(&mut self, _: &'static str, value: &Digest) {
        self.0.update(value.as_bytes());
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
