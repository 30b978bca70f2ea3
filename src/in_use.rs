//! Whether another process has a file as a disk: guests of all targets lock theirs.

use std::fs::{self, File, OpenOptions};
use std::path::Path;

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;
use uk_loader::typed;

/// The cause that people see.
pub const IN_USE: &str = "another process uses it";

/// What to do about it.
pub fn end_it(path: &Path) -> String {
    format!("end that one (`fuser -v {}` names it)", typed(path))
}

/// Whether a process has `file` locked so that nobody may write it, or, unless `writes`, read it. Locks it for a moment; to ask
/// whether somebody reads it takes a file that is open for writing.
pub fn is_locked(file: &File, writes: bool) -> bool {
    let lock = match writes {
        true => FlockOperation::NonBlockingLockExclusive,
        false => FlockOperation::NonBlockingLockShared,
    };
    // Where nothing can be locked, nobody has it.
    matches!(fcntl_lock(file, lock), Err(Errno::AGAIN | Errno::ACCESS))
}

/// Whether a process uses the file at `path`, which is to be replaced or removed. What is no file, nobody uses as one.
pub fn is_used(path: &Path) -> bool {
    if !fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
        return false;
    }
    let open = |writes| OpenOptions::new().read(true).write(writes).open(path).map(|file| (file, writes));
    open(true).or_else(|_| open(false)).is_ok_and(|(file, writes)| is_locked(&file, writes))
}
