//! Watching a step, to see what it was refused.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use libc::{c_int, c_long, pid_t};

use crate::follow::{Follower, Stop, Until, call_of, follow, memory};

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Finding, reading or executing.
    Read,
    /// Writing, making or removing.
    Write,
    /// Reaching another machine, or a server on this one.
    Network,
}

/// One thing that a step tried in vain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Seen {
    /// What was tried.
    pub kind: Kind,
    /// With what: an absolute path behind the walls, with the `..` of the step; or an address.
    pub what: PathBuf,
}

/// More of them are not kept.
const MOST: usize = 4000;
/// Longer paths don't exist.
const LONGEST: usize = 4096;

impl Seen {
    /// Reads the file that [`crate::Watch::Refusals`] names, in the order in which things were tried first. A file that breaks
    /// off counts as far as it goes.
    pub fn read(bytes: &[u8]) -> Vec<Seen> {
        let mut all = Vec::new();
        for record in bytes.split(|byte| *byte == 0) {
            let Some((kind, what)) = record.split_first() else { continue };
            let kind = match kind {
                b'r' => Kind::Read,
                b'w' => Kind::Write,
                b'n' => Kind::Network,
                _ => continue,
            };
            all.push(Seen { kind, what: PathBuf::from(std::ffi::OsString::from_vec(what.to_vec())) });
        }
        all
    }

    fn write(&self, mut file: &File) -> io::Result<()> {
        let kind = match self.kind {
            Kind::Read => b'r',
            Kind::Write => b'w',
            Kind::Network => b'n',
        };
        let record = [&[kind], self.what.as_os_str().as_bytes(), &[0]].concat();
        file.write_all(&record)
    }
}

/// Follows `child`, which is about to stop for it, and all that it starts; tells how it ended.
pub(crate) fn watch(child: pid_t, file: File) -> io::Result<c_int> {
    follow(child, &mut Watched { seen: HashSet::new(), calls: HashMap::new(), file })
}

struct Watched {
    seen: HashSet<Seen>,
    /// The call that each thread is in.
    calls: HashMap<pid_t, (c_long, [u64; 6])>,
    file: File,
}

impl Follower for Watched {
    const UNTIL: Until = Until::Call;

    fn stopped(&mut self, pid: pid_t, at: Stop) -> Until {
        if let Stop::Call = at {
            self.call(pid);
        }
        Until::Call
    }

    fn ended(&mut self, pid: pid_t) {
        self.calls.remove(&pid);
    }
}

impl Watched {
    /// A thread stopped at the beginning or end of a system call.
    fn call(&mut self, pid: pid_t) {
        let Ok(info) = call_of(pid) else { return };
        match info.op {
            libc::PTRACE_SYSCALL_INFO_ENTRY => {
                // SAFETY: at an entry the kernel fills this part.
                let entry = unsafe { info.u.entry };
                self.calls.insert(pid, (entry.nr as c_long, entry.args));
            }
            libc::PTRACE_SYSCALL_INFO_EXIT => {
                // SAFETY: at an exit the kernel fills this part.
                let exit = unsafe { info.u.exit };
                if let Some((number, arguments)) = self.calls.remove(&pid)
                    && exit.is_error != 0
                {
                    self.refused(pid, number, &arguments, -exit.sval as c_int);
                }
            }
            _ => {}
        }
    }

    fn refused(&mut self, pid: pid_t, number: c_long, arguments: &[u64; 6], error: c_int) {
        if self.seen.len() >= MOST {
            return;
        }
        let seen = match error {
            libc::ENOENT | libc::EACCES | libc::EPERM | libc::EROFS => {
                path_of(pid, number, arguments, error).map(|(kind, what)| Seen { kind, what })
            }
            _ => None,
        };
        let network = || address_of(pid, number, arguments).map(|what| Seen { kind: Kind::Network, what });
        let Some(seen) = seen.or_else(network) else { return };
        if !self.seen.contains(&seen) {
            // Written at once: whoever watches may be killed.
            let _ = seen.write(&self.file);
            self.seen.insert(seen);
        }
    }
}

/// The path that a call named, and whether it was to be changed.
fn path_of(pid: pid_t, number: c_long, arguments: &[u64; 6], error: c_int) -> Option<(Kind, PathBuf)> {
    let writes = |flags: u64| {
        let flags = flags as c_int;
        let writing = flags & libc::O_ACCMODE != libc::O_RDONLY || flags & libc::O_CREAT != 0;
        if writing { Kind::Write } else { Kind::Read }
    };
    let here = libc::AT_FDCWD as i64 as u64;
    let (kind, folder, text) = match number {
        libc::SYS_openat => (writes(arguments[2]), arguments[0], arguments[1]),
        libc::SYS_openat2 => (Kind::Read, arguments[0], arguments[1]),
        libc::SYS_newfstatat
        | libc::SYS_statx
        | libc::SYS_faccessat
        | libc::SYS_faccessat2
        | libc::SYS_readlinkat => (Kind::Read, arguments[0], arguments[1]),
        libc::SYS_execveat => (Kind::Read, arguments[0], arguments[1]),
        libc::SYS_execve | libc::SYS_chdir => (Kind::Read, here, arguments[0]),
        libc::SYS_mkdirat
        | libc::SYS_unlinkat
        | libc::SYS_renameat
        | libc::SYS_renameat2
        | libc::SYS_fchmodat
        | libc::SYS_utimensat
        | libc::SYS_mknodat => (Kind::Write, arguments[0], arguments[1]),
        libc::SYS_linkat => (Kind::Write, arguments[2], arguments[3]),
        libc::SYS_symlinkat => (Kind::Write, arguments[1], arguments[2]),
        libc::SYS_truncate => (Kind::Write, here, arguments[0]),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => (writes(arguments[1]), here, arguments[0]),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_creat
        | libc::SYS_mkdir
        | libc::SYS_rmdir
        | libc::SYS_unlink
        | libc::SYS_rename
        | libc::SYS_chmod => (Kind::Write, here, arguments[0]),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_stat | libc::SYS_lstat | libc::SYS_access | libc::SYS_readlink => {
            (Kind::Read, here, arguments[0])
        }
        _ => return None,
    };
    let path = PathBuf::from(std::ffi::OsString::from_vec(text_at(pid, text)?));
    if path.as_os_str().is_empty() {
        return None;
    }
    let path = if path.is_absolute() {
        path
    } else {
        let folder = match folder as c_int {
            libc::AT_FDCWD => format!("/proc/{pid}/cwd"),
            folder => format!("/proc/{pid}/fd/{folder}"),
        };
        fs::read_link(folder).ok()?.join(path)
    };
    // Removing or renaming what isn't there is nothing that walls refuse; a place that isn't there behind them may be.
    let own = error == libc::ENOENT && path.starts_with("/.uk-sandbox");
    (kind != Kind::Write || !own).then_some((kind, path))
}

/// The Internet address that a call was to reach.
fn address_of(pid: pid_t, number: c_long, arguments: &[u64; 6]) -> Option<PathBuf> {
    let (place, length) = match number {
        libc::SYS_connect => (arguments[1], arguments[2]),
        libc::SYS_sendto => (arguments[4], arguments[5]),
        _ => return None,
    };
    let length = usize::try_from(length).ok().filter(|length| (8..=128).contains(length))?;
    let mut bytes = vec![0; length];
    memory(pid).and_then(|mut memory| read_at(&mut memory, place, &mut bytes)).ok()?;
    let port = u16::from_be_bytes([bytes[2], bytes[3]]);
    let address = match c_int::from(u16::from_ne_bytes([bytes[0], bytes[1]])) {
        libc::AF_INET => std::net::IpAddr::from(<[u8; 4]>::try_from(bytes.get(4..8)?).ok()?),
        libc::AF_INET6 => std::net::IpAddr::from(<[u8; 16]>::try_from(bytes.get(8..24)?).ok()?),
        _ => return None,
    };
    Some(std::net::SocketAddr::new(address, port).to_string().into())
}

fn read_at(memory: &mut File, place: u64, bytes: &mut [u8]) -> io::Result<()> {
    memory.seek(SeekFrom::Start(place))?;
    memory.read_exact(bytes)
}

/// The text at a place of another process's memory, up to its zero.
fn text_at(pid: pid_t, place: u64) -> Option<Vec<u8>> {
    let mut memory = memory(pid).ok()?;
    let mut text = Vec::new();
    let mut next = place;
    while text.len() < LONGEST {
        // Never across the end of a page: the next one may not be there.
        let length = 256.min(4096 - (next % 4096)) as usize;
        let mut part = vec![0; length];
        read_at(&mut memory, next, &mut part).ok()?;
        if let Some(end) = part.iter().position(|byte| *byte == 0) {
            text.extend_from_slice(&part[..end]);
            return Some(text);
        }
        text.extend_from_slice(&part);
        next += length as u64;
    }
    None
}
