//! Copying and hashing at once.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use uk_action::Digest;

use crate::fault;

/// Files beyond this are copied by the kernel, and hashed while they go to the disk.
const LARGE: u64 = 4 << 20;

/// Which side of a copy failed.
pub(crate) enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

/// Copies `from` to the empty file `to` at `path`, which nobody else writes. Gives the digest of the copy, whatever
/// happens to `from` meanwhile, and its length. With `sync`, a large copy is brought to the disk, too.
pub(crate) fn copy_hashed(
    from: &mut File,
    to: &mut File,
    path: &Path,
    sync: bool,
) -> Result<(Digest, u64), CopyError> {
    let length = from.metadata().map_err(CopyError::Read)?.len();
    let mut hasher = blake3::Hasher::new();
    let mut size = 0;
    if length > LARGE {
        // The source is open and has a length, so what fails is the other side.
        size = io::copy(from, to).map_err(CopyError::Write)?;
        let sync_all = || if sync { to.sync_all() } else { Ok(()) };
        // Not on rayon's threads: one that waits there may begin another action, and end this one only after it.
        let (synced, hashed) = std::thread::scope(|scope| {
            let syncing = scope.spawn(sync_all);
            let hashed = hasher.update_mmap(path).map(|_| ());
            (syncing.join().expect("syncing doesn't panic"), hashed)
        });
        synced.and(hashed).map_err(CopyError::Write)?;
        if sync {
            fault::synced(Some(path));
        }
    } else {
        let mut piece = Vec::with_capacity(length as usize + 1);
        loop {
            piece.clear();
            // A file that grows meanwhile has more pieces.
            from.take(LARGE).read_to_end(&mut piece).map_err(CopyError::Read)?;
            if piece.is_empty() {
                break;
            }
            hasher.update(&piece);
            to.write_all(&piece).map_err(CopyError::Write)?;
            size += piece.len() as u64;
        }
    }
    Ok((Digest::from_bytes(*hasher.finalize().as_bytes()), size))
}
