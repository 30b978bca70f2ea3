//! Little-endian numbers at places that may not be there.

use crate::Digest;

pub(crate) fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(crate) fn number64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(crate) fn digest(bytes: &[u8], at: usize) -> Option<Digest> {
    bytes.get(at..)?.first_chunk().copied()
}
