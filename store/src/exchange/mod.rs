//! Artifacts passed from store to store: what an action made, with the records of everything behind it, in one signed file.
//!
//! The format, version 1; integers are little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 16 | `uk-archive 1\n`, zeros |
//! | 32 | the signer's public key (ed25519) |
//! | 64 | the signature of the first 16 bytes and the manifest's BLAKE3 digest |
//! | 8 | the manifest's length, at most 64 MiB |
//! | | the manifest |
//! | | the contents that the manifest lists, in its order, one directly behind the other |
//!
//! The manifest is text, one entry a line ([`manifest`]). It names every content with its length and digest, so the signature
//! covers all of the archive, and nothing of it is looked at before the signature was. No path comes from an archive: what it
//! holds is named by digests and goes where a store keeps such a thing.

mod error;
mod export;
mod import;
mod keys;
mod manifest;

pub use error::ArchiveError;
pub use export::{Exported, Selection};
pub use import::{Imported, Terms};
pub use keys::{PublicKey, SigningKey, config_folder, trusted_keys};

/// What an archive begins with.
const MAGIC: &[u8; 16] = b"uk-archive 1\n\0\0\0";
/// No manifest is longer: a million entries.
const LONGEST_MANIFEST: u64 = 64 << 20;

/// What is signed.
fn message(manifest: &[u8]) -> [u8; 48] {
    let mut message = [0; 48];
    message[..16].copy_from_slice(MAGIC);
    message[16..].copy_from_slice(uk_action::Digest::of(manifest).as_bytes());
    message
}
