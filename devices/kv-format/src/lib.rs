//! How the files of a folder are laid out for a unikernel: pure functions from bytes to bytes, for the host that makes the data
//! and for the devices that read it. BLAKE3 comes from the caller, since the two sides have it from different places.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used)]
#![warn(missing_docs)]

extern crate alloc;

mod bytes;
pub mod crunch;
pub mod seal;
pub mod tar;

/// A BLAKE3 digest.
pub type Digest = [u8; 32];

/// BLAKE3 of some bytes.
pub type Hash = fn(&[u8]) -> Digest;
