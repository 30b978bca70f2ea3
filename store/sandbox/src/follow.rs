//! Following a step and all that it starts from stop to stop (ptrace(2)).

use std::collections::HashSet;
use std::fs::File;
use std::io;

use libc::{c_int, c_long, pid_t};

use crate::fault::{Doing, Fault};
use crate::sys;

/// What the kernel calls this machine in filters and of system calls (`AUDIT_ARCH_*` of linux/audit.h), where this crate
/// knows it.
pub(crate) const MACHINE: Option<u32> = if cfg!(target_arch = "x86_64") {
    Some(0xc000_003e)
} else if cfg!(target_arch = "aarch64") {
    Some(0xc000_00b7)
} else {
    None
};

/// Where a thread stopped.
#[derive(Clone, Copy)]
pub(crate) enum Stop {
    /// At the beginning of a program.
    Program,
    /// At a system call that the filter picked.
    Picked,
    /// At the beginning or end of a system call.
    Call,
}

/// How far a thread goes on.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// To the next beginning or end of a system call.
    Call,
    /// To what stops it anyway.
    Event,
}

/// What is done at the stops.
pub(crate) trait Follower {
    /// How far threads go where nothing else is said.
    const UNTIL: Until;

    /// A thread stopped.
    fn stopped(&mut self, pid: pid_t, at: Stop) -> Until;

    /// A thread is gone.
    fn ended(&mut self, pid: pid_t);
}

/// Follows `child`, which is about to stop for it; tells how it ended.
pub(crate) fn follow<F: Follower>(child: pid_t, follower: &mut F) -> io::Result<c_int> {
    let (_, status) = sys::wait(child, libc::__WALL)?;
    if !libc::WIFSTOPPED(status) {
        return Ok(status);
    }
    let options = libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_TRACESECCOMP
        | libc::PTRACE_O_EXITKILL;
    request(libc::PTRACE_SETOPTIONS as c_int, child, 0, options as usize)?;
    go_on(child, F::UNTIL, 0);
    // Whose first stop is over: the kernel begins every new thread with a SIGSTOP that nobody sent.
    let mut begun = HashSet::from([child]);
    loop {
        let (pid, status) = sys::wait(-1, libc::__WALL)?;
        if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
            begun.remove(&pid);
            follower.ended(pid);
            if pid == child {
                return Ok(status);
            }
            continue;
        }
        let signal = libc::WSTOPSIG(status);
        let (until, signal) = match status >> 16 {
            libc::PTRACE_EVENT_SECCOMP => (follower.stopped(pid, Stop::Picked), 0),
            libc::PTRACE_EVENT_EXEC => (follower.stopped(pid, Stop::Program), 0),
            0 if signal == libc::SIGTRAP | 0x80 => (follower.stopped(pid, Stop::Call), 0),
            0 if signal == libc::SIGSTOP && begun.insert(pid) => (F::UNTIL, 0),
            0 => (F::UNTIL, signal),
            _ => (F::UNTIL, 0),
        };
        go_on(pid, until, signal);
    }
}

fn go_on(pid: pid_t, until: Until, signal: c_int) {
    let until = match until {
        Until::Call => libc::PTRACE_SYSCALL,
        Until::Event => libc::PTRACE_CONT,
    };
    // It may have been killed meanwhile.
    let _ = request(until as c_int, pid, 0, signal as usize);
}

/// Lets the parent follow this process from here on.
pub(crate) fn be_followed() -> Result<(), Fault> {
    request(libc::PTRACE_TRACEME as c_int, 0, 0, 0).doing("be watched")?;
    sys::raise(libc::SIGSTOP);
    Ok(())
}

pub(crate) fn request(request: c_int, pid: pid_t, address: usize, data: usize) -> io::Result<c_long> {
    // SAFETY: the requests that this crate makes take numbers, or a length and a pointer to a local of that length.
    let result = unsafe { libc::ptrace(request as _, pid, address, data) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// What the kernel knows of the system call that a thread stopped in; an error for programs made for another machine, as
/// 32-bit ones: their calls have other numbers, and their words another length.
pub(crate) fn call_of(pid: pid_t) -> io::Result<libc::ptrace_syscall_info> {
    // SAFETY: a structure of numbers, for which zeros are values.
    let mut info: libc::ptrace_syscall_info = unsafe { std::mem::zeroed() };
    let size = size_of_val(&info);
    request(libc::PTRACE_GET_SYSCALL_INFO as c_int, pid, size, (&raw mut info) as usize)?;
    if MACHINE.is_some_and(|machine| machine != info.arch) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    Ok(info)
}

/// The memory of a process, to read and to write.
pub(crate) fn memory(pid: pid_t) -> io::Result<File> {
    File::options().read(true).write(true).open(format!("/proc/{pid}/mem"))
}
