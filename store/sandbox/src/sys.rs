//! System calls, as far as this crate needs them. Each tells its error as an [`io::Error`].

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use libc::{c_int, c_long, c_ulong, pid_t};

/// A path for the system. One with a zero byte names nothing.
pub(crate) fn c(path: impl AsRef<std::ffi::OsStr>) -> io::Result<CString> {
    CString::new(path.as_ref().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn check_long(result: c_long) -> io::Result<c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

pub(crate) fn unshare(flags: c_int) -> io::Result<()> {
    // SAFETY: namespaces only (no CLONE_FILES or CLONE_VM); no memory is touched.
    check(unsafe { libc::unshare(flags) }).map(drop)
}

/// What `fork` gives.
pub(crate) enum Forked {
    Child,
    Parent(pid_t),
}

/// A copy of this process, which must have one thread.
pub(crate) fn fork() -> io::Result<Forked> {
    // SAFETY: a launcher has one thread, so the child's locks and memory are whole.
    match check(unsafe { libc::fork() })? {
        0 => Ok(Forked::Child),
        pid => Ok(Forked::Parent(pid)),
    }
}

/// Ends the process without ceremony.
pub(crate) fn exit(code: c_int) -> ! {
    // SAFETY: it doesn't come back.
    unsafe { libc::_exit(code) }
}

/// A pipe whose ends close on exec.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: the array has room for two.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: both were just made and belong to nobody else.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// Makes descriptor `number` a copy of `of` that stays open across exec.
pub(crate) fn duplicate(of: RawFd, number: RawFd) -> io::Result<()> {
    // SAFETY: descriptors are numbers; nothing here owns `number`.
    check(unsafe { libc::dup2(of, number) }).map(drop)
}

/// Sends `signal` to this process when the thread that started it ends.
pub(crate) fn end_with_parent(signal: c_int) -> io::Result<()> {
    // SAFETY: takes a number.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal as c_ulong) }).map(drop)
}

/// Sends SIGTERM to what `command` starts when the thread that starts it ends, however that comes about: started by the first
/// thread, it doesn't outlive this process.
pub fn end_with_this_thread(command: &mut Command) {
    let this = std::process::id();
    let bind = move || {
        end_with_parent(libc::SIGTERM)?;
        // SAFETY: it can't fail.
        let parent = unsafe { libc::getppid() };
        // One that has ended by now sends nothing any more.
        if parent.cast_unsigned() == this { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
    };
    // SAFETY: between fork and exec it makes two system calls and allocates nothing.
    unsafe { command.pre_exec(bind) };
}

/// Whether a lock of `length` bytes of `file` from `start` on (0: all), shared or exclusive, would wait for somebody else's.
///
/// # Errors
/// Where the file system has no locks.
pub fn would_wait(file: &File, exclusive: bool, start: i64, length: i64) -> io::Result<bool> {
    let kind = if exclusive { libc::F_WRLCK } else { libc::F_RDLCK };
    let mut lock = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start,
        l_len: length,
        l_pid: 0,
    };
    // SAFETY: the call reads and writes `lock`, and keeps no pointer to it.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &raw mut lock) })?;
    Ok(lock.l_type != libc::F_UNLCK as libc::c_short)
}

pub(crate) fn no_new_privileges() -> io::Result<()> {
    let (yes, no): (c_ulong, c_ulong) = (1, 0);
    // SAFETY: takes numbers.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, yes, no, no, no) }).map(drop)
}

/// Lets a filter see every system call of this process and those that it starts.
pub(crate) fn filter(instructions: &mut [libc::sock_filter]) -> io::Result<()> {
    let len = u16::try_from(instructions.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog { len, filter: instructions.as_mut_ptr() };
    let mode = libc::SECCOMP_MODE_FILTER as c_ulong;
    // SAFETY: the structure names the instructions and their number, and the kernel copies them.
    check(unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) }).map(drop)
}

/// The date in seconds since 1970, as the kernel tells it to whoever asks by a system call.
pub(crate) fn date() -> io::Result<u64> {
    let mut date = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a local.
    check_long(unsafe { libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_REALTIME, &raw mut date) })?;
    Ok(date.tv_sec as u64)
}

/// Puts a signal back to its default.
pub(crate) fn default_signal(signal: c_int) {
    // SAFETY: no handler is installed.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

/// Ends this process by a signal.
pub(crate) fn raise(signal: c_int) {
    // SAFETY: takes a number.
    unsafe { libc::raise(signal) };
}

/// Ends every process of this pid namespace but the caller, its first one, and waits until they are gone.
pub(crate) fn end_all() {
    assert_eq!(std::process::id(), 1, "elsewhere this would end everything that the user has");
    // SAFETY: takes numbers.
    unsafe { libc::kill(-1, libc::SIGKILL) };
    // An error says that there are none.
    while wait(-1, 0).is_ok() {}
}

/// Waits for a child, or any with -1: which, and how it is.
pub(crate) fn wait(pid: pid_t, options: c_int) -> io::Result<(pid_t, c_int)> {
    loop {
        let mut status = 0;
        // SAFETY: the pointer is to a local.
        match check(unsafe { libc::waitpid(pid, &mut status, options) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.map(|pid| (pid, status)),
        }
    }
}

pub(crate) fn ids() -> (libc::uid_t, libc::gid_t) {
    // SAFETY: these can't fail.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

pub(crate) fn limit(resource: libc::__rlimit_resource_t, value: u64) -> io::Result<()> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a local.
    check(unsafe { libc::getrlimit(resource, &mut now) })?;
    // A limit can only be lowered.
    let value = value.min(now.rlim_max);
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: the pointer is to a local.
    check(unsafe { libc::setrlimit(resource, &limit) }).map(drop)
}

pub(crate) fn set_names(host: &str, domain: &str) -> io::Result<()> {
    // SAFETY: pointer and length are of one text.
    check(unsafe { libc::sethostname(host.as_ptr().cast(), host.len()) })?;
    // SAFETY: as above.
    check(unsafe { libc::setdomainname(domain.as_ptr().cast(), domain.len()) }).map(drop)
}

pub(crate) fn mount(
    what: &CStr,
    at: &Path,
    kind: &CStr,
    flags: c_ulong,
    options: Option<&CStr>,
) -> io::Result<()> {
    let at = c(at)?;
    let options = options.map_or(std::ptr::null(), |options| options.as_ptr().cast());
    // SAFETY: every pointer is null or to a text that ends with zero.
    check(unsafe { libc::mount(what.as_ptr(), at.as_ptr(), kind.as_ptr(), flags, options) }).map(drop)
}

pub(crate) fn detach(at: &CStr) -> io::Result<()> {
    // SAFETY: the text ends with zero.
    check(unsafe { libc::umount2(at.as_ptr(), libc::MNT_DETACH) }).map(drop)
}

pub(crate) fn pivot_root(new: &CStr, old: &CStr) -> io::Result<()> {
    // SAFETY: both texts end with zero.
    check_long(unsafe { libc::syscall(libc::SYS_pivot_root, new.as_ptr(), old.as_ptr()) }).map(drop)
}

/// Attributes of a mount.
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    namespace: u64,
}

pub(crate) const READ_ONLY: u64 = 1;
pub(crate) const NO_SUID: u64 = 2;
pub(crate) const NO_DEVICES: u64 = 4;
const OPEN_TREE_CLONE: c_ulong = 1;
const AT_RECURSIVE: c_ulong = 0x8000;
const MOVE_FROM_DESCRIPTOR: c_ulong = 4;

/// Adds attributes to the mount at `path`.
pub(crate) fn restrict(path: &CStr, attributes: u64) -> io::Result<()> {
    set_attributes(libc::AT_FDCWD, path, 0, attributes)
}

fn set_attributes(at: RawFd, path: &CStr, flags: c_ulong, set: u64) -> io::Result<()> {
    let attributes = MountAttributes { set, clear: 0, propagation: 0, namespace: 0 };
    let size = size_of::<MountAttributes>();
    // SAFETY: the structure is laid out as the kernel's, and its size is told.
    check_long(unsafe {
        libc::syscall(libc::SYS_mount_setattr, at, path.as_ptr(), flags, &raw const attributes, size)
    })
    .map(drop)
}

/// Shows the host's `from`, with all below it, at `to`.
pub(crate) fn bind(from: &Path, to: &Path, attributes: u64) -> io::Result<()> {
    let (from, to) = (c(from)?, c(to)?);
    let flags = OPEN_TREE_CLONE | AT_RECURSIVE | libc::O_CLOEXEC as c_ulong;
    // SAFETY: the text ends with zero.
    let tree =
        check_long(unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, from.as_ptr(), flags) })?;
    // SAFETY: just opened, and owned by nobody else.
    let tree = unsafe { OwnedFd::from_raw_fd(tree as RawFd) };
    set_attributes(tree.as_raw_fd(), c"", libc::AT_EMPTY_PATH as c_ulong | AT_RECURSIVE, attributes)?;
    // SAFETY: both texts end with zero.
    check_long(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            to.as_ptr(),
            MOVE_FROM_DESCRIPTOR,
        )
    })
    .map(drop)
}

/// Becomes a program; comes back only when that can't be.
pub(crate) fn execute(argv: &[CString], env: &[CString]) -> io::Error {
    let pointers = |list: &[CString]| -> Vec<*const libc::c_char> {
        list.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (arguments, environment) = (pointers(argv), pointers(env));
    // SAFETY: both lists end with null and hold texts that end with zero and outlive the call.
    unsafe { libc::execve(arguments[0], arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}
