//! What archives and file systems on a disk have in common: bytes out of sectors, and the digests of all files.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used)]
#![warn(missing_docs)]

extern crate alloc;

mod bytes;
mod sealed;

pub use bytes::{Bytes, Run};
pub use sealed::Sealed;

/// BLAKE3.
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    blake3::hash(bytes).into()
}
