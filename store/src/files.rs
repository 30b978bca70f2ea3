//! Writing a file whole, and telling its states apart: the one way for everything outside of a store.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use uk_action::HostFile;

use crate::fault;

/// Writes a file so that it is there whole or not at all, and makes the folders above it.
///
/// # Errors
/// Those of the file system; then nothing is left behind.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let write = || {
        fault::step()?;
        fs::write(&beside, bytes)?;
        fs::rename(&beside, path)
    };
    write().inspect_err(|_| {
        // The first error is the one to report.
        let _ = fs::remove_file(&beside);
    })
}

/// What tells one state of a file from another without reading it: programs can set times of modification, but not those
/// of status changes. Times are nanoseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The file system.
    pub device: u64,
    /// The file, whatever it is called at the moment.
    pub inode: u64,
    /// Its length in bytes.
    pub size: u64,
    /// When its content was changed, as programs may say.
    pub modified: i64,
    /// When its content or anything that `stat` says was changed.
    pub changed: i64,
}

impl Stamp {
    /// The stamp of what `metadata` was asked of.
    pub fn of(metadata: &Metadata) -> Self {
        let time =
            |seconds: i64, nanoseconds: i64| seconds.wrapping_mul(1_000_000_000).wrapping_add(nanoseconds);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: time(metadata.mtime(), metadata.mtime_nsec()),
            changed: time(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// The stamp of a file; links are followed.
    ///
    /// # Errors
    /// Those of `stat`.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&fs::metadata(path)?))
    }

    /// Whether a file of this stamp still has the content of `other`: mode, owner and number of names may be others.
    pub fn has_content_of(&self, other: &Stamp) -> bool {
        (self.inode, self.size, self.modified) == (other.inode, other.size, other.modified)
    }

    /// The file at `path` in the state that has this stamp.
    pub fn of_host(&self, path: impl Into<PathBuf>) -> HostFile {
        HostFile { path: path.into(), inode: self.inode, size: self.size, modified: self.modified }
    }

    /// For how long after `now` the file could still change without showing it, if for any time at all: the kernel stamps
    /// with its last tick, at most 10 ms old; a whole second tells of a file system with coarse times. A file from the
    /// future is never settled.
    pub fn unsettled_for(&self, now: SystemTime) -> Option<Duration> {
        let latest = self.modified.max(self.changed);
        let tick =
            if latest % 1_000_000_000 == 0 { Duration::from_secs(2) } else { Duration::from_millis(25) };
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let left = i128::from(latest) + (tick.as_nanos() as i128) - now.as_nanos() as i128;
        u64::try_from(left).ok().map(|left| Duration::from_nanos(left + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_settles_when_the_clock_has_ticked() {
        let at = |nanoseconds| UNIX_EPOCH + Duration::from_nanos(nanoseconds);
        let stamp = |changed| Stamp { device: 0, inode: 0, size: 0, modified: 7, changed };
        assert_eq!(stamp(1_000_000_001).unsettled_for(at(1_026_000_001)), None);
        assert_eq!(
            stamp(1_000_000_001).unsettled_for(at(1_020_000_001)),
            Some(Duration::from_nanos(5_000_001))
        );
        assert!(stamp(1_000_000_000).unsettled_for(at(2_900_000_000)).is_some(), "coarse times");
        assert!(stamp(i64::MAX / 2).unsettled_for(at(0)).is_some(), "from the future");
    }
}
