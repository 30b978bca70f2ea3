//! The file: opening, locking, and what the operating system does with it.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::Path;

use uk_device::{BlockError, Error};

/// An open disk.
#[derive(Debug)]
pub struct Opened {
    file: File,
    /// Bytes.
    pub size: u64,
    /// Whether it is a disk of the host, not a file.
    device: bool,
}

impl Opened {
    pub fn open(path: &Path, read_only: bool, sector_size: u32) -> uk_device::Result<Self> {
        let wrong = |cause: &dyn Display| Error::new(format_args!("the disk `{}` {cause}", path.display()));
        let failed = |error: io::Error| wrong(&format_args!("can't be opened: {error}"));
        if !sector_size.is_power_of_two() || sector_size < 512 {
            return Err(wrong(&format_args!("can't have sectors of {sector_size} bytes")));
        }
        let mut file = OpenOptions::new().read(true).write(!read_only).open(path).map_err(failed)?;
        let kind = file.metadata().map_err(failed)?.file_type();
        if !kind.is_file() && !kind.is_block_device() {
            return Err(wrong(&"is neither a file nor a disk"));
        }
        match lock(&file, read_only) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(wrong(&"is in use by another process: two that write would spoil it"));
            }
            Err(error) => return Err(failed(error)),
        }
        let size = file.seek(SeekFrom::End(0)).map_err(failed)?;
        if size == 0 || !size.is_multiple_of(u64::from(sector_size)) {
            return Err(wrong(&format_args!(
                "has {size} bytes, which aren't a whole number of sectors of {sector_size} bytes"
            )));
        }
        Ok(Opened { file, size, device: kind.is_block_device() })
    }

    /// Reads what the page cache has of the beginning of `buffer`, without waiting; how much that is.
    #[cfg(target_os = "linux")]
    pub fn read_cached(&self, offset: u64, buffer: &mut [u8]) -> usize {
        use std::os::fd::AsRawFd;
        let Ok(offset) = libc::off_t::try_from(offset) else { return 0 };
        let part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // SAFETY: `part` is the buffer, which nobody else touches meanwhile, and the call keeps no pointer to it.
        let read =
            unsafe { libc::preadv2(self.file.as_raw_fd(), &raw const part, 1, offset, libc::RWF_NOWAIT) };
        usize::try_from(read).unwrap_or(0)
    }

    /// Elsewhere nobody says what can be read without waiting.
    #[cfg(not(target_os = "linux"))]
    pub fn read_cached(&self, _: u64, _: &mut [u8]) -> usize {
        0
    }

    /// Whether a write usually ends in memory.
    pub fn has_page_cache(&self) -> bool {
        !self.device
    }

    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.file.read_exact_at(buffer, offset).map_err(failed)
    }

    pub fn write(&self, offset: u64, data: &[u8]) -> Result<(), BlockError> {
        self.file.write_all_at(data, offset).map_err(failed)
    }

    pub fn flush(&self) -> Result<(), BlockError> {
        self.file.sync_data().map_err(failed)
    }

    /// A file or disk that knows no discarding ignores it.
    pub fn discard(&self, offset: u64, length: u64) -> Result<(), BlockError> {
        match discard(&self.file, self.device, offset, length) {
            Err(error) if ignored(&error) => Ok(()),
            outcome => outcome.map_err(failed),
        }
    }
}

/// How often this thread has slept, be it for the disk; elsewhere than on Linux all threads. What another process takes
/// the processor away for is no sleep.
pub fn sleeps() -> libc::c_long {
    #[cfg(target_os = "linux")]
    const WHO: libc::c_int = libc::RUSAGE_THREAD;
    #[cfg(not(target_os = "linux"))]
    const WHO: libc::c_int = libc::RUSAGE_SELF;
    // SAFETY: a `rusage` is numbers alone, for which zeros will do.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the call writes `usage`, and keeps no pointer to it. It can't fail for the calling thread or process.
    unsafe { libc::getrusage(WHO, &raw mut usage) };
    usage.ru_nvcsw
}

fn ignored(error: &io::Error) -> bool {
    [libc::EOPNOTSUPP, libc::ENOSYS, libc::ENOTTY, libc::EINVAL].map(Some).contains(&error.raw_os_error())
}

fn failed(error: io::Error) -> BlockError {
    match (error.raw_os_error(), error.kind()) {
        (Some(number), _) => BlockError::Failed(number),
        // The file was cut while it was in use.
        (None, ErrorKind::UnexpectedEof) => BlockError::Failed(libc::EIO),
        (None, _) => BlockError::Failed(0),
    }
}

#[cfg(target_os = "linux")]
fn discard(file: &File, device: bool, offset: u64, length: u64) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    /// `_IO(0x12, 119)` of linux/fs.h.
    const BLKDISCARD: libc::Ioctl = 0x1277;
    let fd = file.as_raw_fd();
    let outcome = if device {
        let range = [offset, length];
        // SAFETY: the request reads two numbers, which are there.
        unsafe { libc::ioctl(fd, BLKDISCARD, range.as_ptr()) }
    } else {
        let (Ok(offset), Ok(length)) = (libc::off_t::try_from(offset), libc::off_t::try_from(length)) else {
            return Err(ErrorKind::InvalidInput.into());
        };
        // SAFETY: the call touches no memory.
        unsafe { libc::fallocate(fd, libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE, offset, length) }
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn discard(_: &File, _: bool, _: u64, _: u64) -> io::Result<()> {
    Ok(())
}

/// One that writes, or several that read. The locks are those of an open file, on ranges of bytes, so that QEMU sees them:
/// it notes at byte 100 + P that it uses the permission P, and at 200 + P that nobody else may; writing is permission 1.
#[cfg(target_os = "linux")]
fn lock(file: &File, read_only: bool) -> io::Result<()> {
    const WRITES: libc::off_t = 101;
    const LETS_NOBODY_WRITE: libc::off_t = 201;
    if !read_only {
        return range(file, libc::F_OFD_SETLK, libc::F_WRLCK, 0, 0).map(|_| ());
    }
    // Ours first, then a look at QEMU's: whoever comes second sees the other.
    range(file, libc::F_OFD_SETLK, libc::F_RDLCK, 0, 100)?;
    range(file, libc::F_OFD_SETLK, libc::F_RDLCK, LETS_NOBODY_WRITE, 1)?;
    match range(file, libc::F_OFD_GETLK, libc::F_WRLCK, WRITES, 1)? {
        libc::F_UNLCK => Ok(()),
        _ => Err(ErrorKind::WouldBlock.into()),
    }
}

/// Locks `length` bytes from `start` on (0: all), or looks who does; the kind of lock that was found.
#[cfg(target_os = "linux")]
fn range(
    file: &File,
    command: libc::c_int,
    kind: libc::c_int,
    start: libc::off_t,
    length: libc::off_t,
) -> io::Result<libc::c_int> {
    use std::os::fd::AsRawFd;
    let mut lock = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start,
        l_len: length,
        l_pid: 0,
    };
    // SAFETY: the call reads and writes `lock`, and keeps no pointer to it.
    match unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut lock) } {
        0 => Ok(lock.l_type.into()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
fn lock(file: &File, read_only: bool) -> io::Result<()> {
    let locked = if read_only { file.try_lock_shared() } else { file.try_lock() };
    locked.map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::sleeps;

    #[test]
    fn who_sleeps_is_told_from_who_works() {
        let before = sleeps();
        std::thread::sleep(Duration::from_millis(1));
        assert!(sleeps() > before);
        let before = sleeps();
        (0..10_000_000).for_each(|number| {
            std::hint::black_box(number);
        });
        // All threads of the process count elsewhere.
        assert!(!cfg!(target_os = "linux") || sleeps() == before);
    }
}
