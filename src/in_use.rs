//! Whether another process has a file as a disk: guests of all targets lock theirs.

use std::fs::{self, File};
use std::path::Path;

use uk_loader::typed;
use uk_store::would_wait;

/// The cause that people see.
pub const IN_USE: &str = "another process uses it";

/// What to do about it.
pub fn end_it(path: &Path) -> String {
    format!("end that one (`fuser -v {}` names it)", typed(path))
}

/// Where QEMU, none of whose locks keeps others from reading, notes by a shared one that it writes a file.
const QEMU_WRITES: i64 = 101;

/// Whether a process uses `file` so that nobody else may write it, or, unless `writes`, read it.
pub fn is_locked(file: &File, writes: bool) -> bool {
    // Where nothing can be locked, nobody has it.
    let locked = |exclusive, start, length| would_wait(file, exclusive, start, length).unwrap_or(false);
    locked(writes, 0, 0) || locked(true, QEMU_WRITES, 1)
}

/// Whether a process uses the file at `path`, which is to be replaced or removed. What is no file, nobody uses as one.
pub fn is_used(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
        && File::open(path).is_ok_and(|file| is_locked(&file, true))
}
