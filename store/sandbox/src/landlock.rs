//! Walls made of Landlock rules. Source: the kernel's `Documentation/userspace-api/landlock.rst`.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

use crate::Rule;
use crate::fault::{Doing, Fault};

/// Rights to a file or folder, by bit.
const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_FOLDER: u64 = 1 << 3;
const TRUNCATE: u64 = 1 << 14;
const IOCTL_DEVICE: u64 = 1 << 15;
const READ: u64 = EXECUTE | READ_FILE | READ_FOLDER;
/// What a file can have; the others are about what is in a folder.
const OF_FILES: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE;

const VERSION: u32 = 1;
const PATH_BENEATH: u32 = 1;

#[repr(C)]
struct Ruleset {
    filesystem: u64,
    network: u64,
    scoped: u64,
}

#[repr(C, packed)]
struct Beneath {
    allowed: u64,
    parent: RawFd,
}

/// Lets this process, and what it becomes and starts, open what the rules name and nothing else.
pub(crate) fn restrict(rules: &[Rule]) -> Result<(), Fault> {
    let version = version().doing("find Landlock")?;
    let filesystem = match version {
        1 => (1 << 13) - 1,
        2 => (1 << 14) - 1,
        3 | 4 => (1 << 15) - 1,
        _ => (1 << 16) - 1,
    };
    // Binding and connecting; abstract sockets and signals to the outside.
    let network = if version >= 4 { 3 } else { 0 };
    let scoped = if version >= 6 { 3 } else { 0 };
    let attributes = Ruleset { filesystem, network, scoped };
    let ruleset = create(&attributes, version).doing("make Landlock rules")?;
    for Rule { path, writable } in rules {
        let allow = || {
            let opened =
                OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_CLOEXEC).open(path)?;
            let mut allowed = filesystem & if *writable { u64::MAX } else { READ };
            if !opened.metadata()?.is_dir() {
                allowed &= OF_FILES;
            }
            add(&ruleset, &Beneath { allowed, parent: opened.as_raw_fd() })
        };
        match allow() {
            // What isn't there can't be opened anyway.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => result.doing(format!("allow {}", path.display()))?,
        }
    }
    enforce(&ruleset).doing("put up Landlock's walls")
}

fn result(number: libc::c_long) -> io::Result<libc::c_long> {
    if number < 0 { Err(io::Error::last_os_error()) } else { Ok(number) }
}

/// The newest version of the interface that the kernel has.
fn version() -> io::Result<i64> {
    let nothing = std::ptr::null::<Ruleset>();
    // SAFETY: asking for the version takes no structure.
    result(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0_usize, VERSION) })
}

fn create(attributes: &Ruleset, version: i64) -> io::Result<OwnedFd> {
    // Older kernels take a shorter structure, and a longer one when the rest is zero.
    let size = match version {
        1..=3 => 8,
        4 | 5 => 16,
        _ => size_of::<Ruleset>(),
    };
    let attributes: *const Ruleset = attributes;
    // SAFETY: the structure is laid out as the kernel's, and no more of it is told than there is.
    let opened =
        result(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, attributes, size, 0_u32) })?;
    // SAFETY: just opened, and owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(opened as RawFd) })
}

fn add(ruleset: &OwnedFd, beneath: &Beneath) -> io::Result<()> {
    let beneath: *const Beneath = beneath;
    // SAFETY: the structure is laid out as the kernel's for this kind of rule.
    result(unsafe {
        libc::syscall(libc::SYS_landlock_add_rule, ruleset.as_raw_fd(), PATH_BENEATH, beneath, 0_u32)
    })
    .map(drop)
}

fn enforce(ruleset: &OwnedFd) -> io::Result<()> {
    // SAFETY: takes numbers.
    result(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0_u32) }).map(drop)
}
