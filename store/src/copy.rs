//! Copying: without holes, and with a digest.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;

use rustix::io::Errno;
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
        size = copy_file(from, to).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => CopyError::Read(error),
            // The kernel doesn't say which side it is, but what it can't read can't be read here either.
            _ => match from.read(&mut [0]) {
                Err(error) => CopyError::Read(error),
                Ok(_) => CopyError::Write(error),
            },
        })?;
        let sync_all = || if sync { to.sync_all() } else { Ok(()) };
        // Not on rayon's threads: one that waits there may begin another action, and end this one only after it.
        let (synced, hashed) = thread::scope(|scope| {
            let syncing = thread::Builder::new().spawn_scoped(scope, sync_all);
            let hashed = File::open(path).and_then(|copy| hasher.update_reader(copy).map(|_| ()));
            // Where no thread can be had, one after the other.
            let synced = syncing.map_or_else(|_| sync_all(), |it| it.join().expect("syncing doesn't panic"));
            (synced, hashed)
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

/// Copies the content of `from`, which is at its beginning, to the empty file `to`, and gives its length. The two share
/// their blocks where the file system can do that; what is a hole stays one.
///
/// # Errors
/// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if `from` becomes shorter meanwhile; those of reading and writing.
pub fn copy_file(from: &File, to: &File) -> io::Result<u64> {
    #[cfg(target_os = "linux")]
    if rustix::fs::ioctl_ficlone(to, from).is_ok() {
        return Ok(to.metadata()?.len());
    }
    copy_bytes(from, to, from.metadata()?.len())
}

/// Copies `from`, which had `length` bytes a moment ago, and gives the length of the copy.
fn copy_bytes(mut from: &File, mut to: &File, length: u64) -> io::Result<u64> {
    let shorter = || io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was copied");
    // In blocks of 512 bytes, whatever those of the file system have.
    if from.metadata()?.blocks().saturating_mul(512) >= length {
        let copied = io::copy(&mut from, &mut to)?;
        return if copied < length { Err(shorter()) } else { Ok(copied) };
    }
    let mut at = 0;
    while let Some((start, end)) = data(from, at, length)? {
        from.seek(SeekFrom::Start(start))?;
        to.seek(SeekFrom::Start(start))?;
        at = start + io::copy(&mut from.take(end - start), &mut to)?;
        if at < end {
            return Err(shorter());
        }
    }
    if from.metadata()?.len() < length {
        return Err(shorter());
    }
    to.set_len(length)?;
    Ok(length)
}

/// Where the next data from `at` on begin and end; none if there are only holes up to `length`.
fn data(from: &File, at: u64, length: u64) -> io::Result<Option<(u64, u64)>> {
    let start = match rustix::fs::seek(from, rustix::fs::SeekFrom::Data(at)) {
        Ok(start) if start < length => start,
        Ok(_) | Err(Errno::NXIO) => return Ok(None),
        // Not every file system tells holes from data.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok((at < length).then_some((at, length))),
        Err(error) => return Err(error.into()),
    };
    let end = match rustix::fs::seek(from, rustix::fs::SeekFrom::Hole(start)) {
        // It became shorter meanwhile.
        Err(Errno::NXIO) => length,
        end => end?.min(length),
    };
    Ok(Some((start, end)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::FileExt;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// A file of `length` bytes with a MiB of data at each of `places`.
    fn sparse(length: u64, places: &[u64]) -> File {
        let file = tempfile::tempfile().expect("a temporary file can be made");
        file.set_len(length).expect("it can grow");
        for place in places {
            file.write_all_at(&vec![7; MIB as usize], *place).expect("it can be written");
        }
        file
    }

    fn content(mut file: &File) -> Vec<u8> {
        let mut content = Vec::new();
        file.seek(SeekFrom::Start(0)).expect("files can be sought in");
        file.read_to_end(&mut content).expect("it can be read");
        content
    }

    #[test]
    fn holes_stay_holes() {
        for (length, places) in [
            (64 * MIB + 1, &[32 * MIB, 40 * MIB][..]),
            (64 * MIB, &[0, 63 * MIB]),
            (64 * MIB, &[0, 2 * MIB, 5 * MIB]),
            (64 * MIB + 4097, &[]),
            (3 * MIB, &[0, MIB, 2 * MIB]),
            (5, &[]),
            (0, &[]),
        ] {
            let (from, to) = (sparse(length, places), sparse(0, &[]));
            assert_eq!(copy_file(&from, &to).expect("it is copied"), length, "{places:?}");
            let blocks = |file: &File| file.metadata().expect("it is open").blocks();
            assert!(blocks(&to) <= blocks(&from) + 64, "{places:?} of {length} take {} blocks", blocks(&to));
            assert!(content(&to) == content(&from), "{places:?} of {length}");
        }
    }

    #[test]
    fn a_file_that_becomes_shorter_is_an_error() {
        // The last has no holes, and a block that isn't full.
        for (length, places) in
            [(4 * MIB, &[][..]), (4 * MIB, &[0]), (4 * MIB, &[MIB]), (4 * MIB, &[3 * MIB]), (MIB - 1, &[0])]
        {
            let (from, to) = (sparse(length, places), sparse(0, &[]));
            from.set_len(length).expect("it can shrink");
            let error = copy_bytes(&from, &to, length + 1).expect_err("a byte is missing");
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{length} {places:?}");
        }
    }

    #[test]
    fn the_side_that_failed_is_told() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for length in [MIB, LARGE + MIB] {
            let path = folder.path().join("file");
            fs::write(&path, vec![7; length as usize]).expect("it can be written");
            let (read, write) = (|| File::open(&path), || File::options().write(true).open(&path));
            let empty = || tempfile::tempfile().expect("a temporary file can be made");
            let mut unreadable = write().expect("it is there");
            let failed = copy_hashed(&mut unreadable, &mut empty(), Path::new("/dev/null"), false);
            assert!(matches!(failed, Err(CopyError::Read(_))), "{length}");
            let (mut from, mut unwritable) = (read().expect("it is there"), read().expect("it is there"));
            let failed = copy_hashed(&mut from, &mut unwritable, Path::new("/dev/null"), false);
            assert!(matches!(failed, Err(CopyError::Write(_))), "{length}");
        }
    }
}
