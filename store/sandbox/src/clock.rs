//! A clock that is ahead, for a step and all that it starts.
//!
//! The kernel has no namespace for the date. Programs ask for it without a system call, by the code that the kernel shows
//! every program, the vDSO; so its address is taken out of what each program is told when it starts, and what the system
//! calls answer is changed. Only these stop the program: a filter picks them.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use libc::{c_int, c_long, pid_t};

use crate::launch::{Doing, Fault};
use crate::sys;
use crate::trace::{be_traced, call_of, memory, request};

/// What the kernel calls this machine in filters (`AUDIT_ARCH_*`); none where the date can't be shifted.
const MACHINE: Option<u32> = if cfg!(target_arch = "x86_64") {
    Some(0xc000_003e)
} else if cfg!(target_arch = "aarch64") {
    Some(0xc000_00b7)
} else {
    None
};

/// Whether a clock can be put ahead on this machine.
pub const SHIFTS: bool = MACHINE.is_some();

/// Where `time` stands on machines that have it; no call has the number -1.
#[cfg(target_arch = "x86_64")]
const TIME: c_long = libc::SYS_time;
#[cfg(not(target_arch = "x86_64"))]
const TIME: c_long = -1;

/// Lets the parent put this process's clock ahead from here on.
pub(crate) fn be_shifted() -> Result<(), Fault> {
    be_traced()?;
    let Some(machine) = MACHINE else { return Ok(()) };
    // The filter reads `seccomp_data`: the call's number at 0, the machine at 4.
    let load = |at| (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, at, 0, 0);
    // Jumps over `yes` instructions if equal, else over `no`.
    let equal = |value, yes, no| (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, yes, no);
    let end = |action| (libc::BPF_RET | libc::BPF_K, action, 0, 0);
    let program = [
        load(4),
        equal(machine, 0, 4),
        load(0),
        equal(libc::SYS_clock_gettime as u32, 3, 0),
        equal(libc::SYS_gettimeofday as u32, 2, 0),
        equal(TIME as u32, 1, 0),
        end(libc::SECCOMP_RET_ALLOW),
        end(libc::SECCOMP_RET_TRACE),
    ];
    let mut program = program.map(|(code, k, jt, jf)| libc::sock_filter { code: code as u16, jt, jf, k });
    sys::filter(&mut program).doing("watch its clock")
}

/// Puts the clock of `child`, which is about to stop for it, and of all that it starts `seconds` ahead; tells how it ended.
pub(crate) fn shift(child: pid_t, seconds: u64) -> io::Result<c_int> {
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
    // It may have been killed meanwhile, here and below.
    let go_on = |pid, until, signal: c_int| drop(request(until as c_int, pid, 0, signal as usize));
    go_on(child, libc::PTRACE_CONT, 0);
    let mut calls = std::collections::HashMap::new();
    loop {
        let (pid, status) = sys::wait(-1, libc::__WALL)?;
        if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
            calls.remove(&pid);
            if pid == child {
                return Ok(status);
            }
            continue;
        }
        let signal = libc::WSTOPSIG(status);
        match status >> 16 {
            libc::PTRACE_EVENT_SECCOMP => {
                if let Some(call) = begun(pid) {
                    calls.insert(pid, call);
                }
                go_on(pid, libc::PTRACE_SYSCALL, 0);
                continue;
            }
            // Where that can't be done, the program sees the date of today: no worse than without.
            libc::PTRACE_EVENT_EXEC => drop(hide_vdso(pid)),
            0 if signal == libc::SIGTRAP | 0x80 => {
                if let Some((number, arguments)) = calls.remove(&pid) {
                    drop(answer(pid, number, &arguments, seconds));
                }
            }
            // The first stop of a new process.
            0 if signal == libc::SIGSTOP || signal == libc::SIGTRAP => {}
            0 => {
                go_on(pid, libc::PTRACE_CONT, signal);
                continue;
            }
            _ => {}
        }
        go_on(pid, libc::PTRACE_CONT, 0);
    }
}

/// The call that the filter stopped a thread in.
fn begun(pid: pid_t) -> Option<(c_long, [u64; 6])> {
    let info = call_of(pid).ok()?;
    if info.op != libc::PTRACE_SYSCALL_INFO_SECCOMP {
        return None;
    }
    // SAFETY: at such a stop the kernel fills this part.
    let call = unsafe { info.u.seccomp };
    Some((call.nr as c_long, call.args))
}

/// Changes what a call that has just ended tells.
fn answer(pid: pid_t, number: c_long, arguments: &[u64; 6], seconds: u64) -> io::Result<()> {
    let info = call_of(pid)?;
    if info.op != libc::PTRACE_SYSCALL_INFO_EXIT {
        return Ok(());
    }
    // SAFETY: at an exit the kernel fills this part.
    let exit = unsafe { info.u.exit };
    if exit.is_error != 0 {
        return Ok(());
    }
    let dates = [libc::CLOCK_REALTIME, libc::CLOCK_REALTIME_COARSE, libc::CLOCK_TAI];
    let place = match number {
        // The second comes first in both structures.
        libc::SYS_clock_gettime if dates.contains(&(arguments[0] as c_int)) => arguments[1],
        libc::SYS_clock_gettime => return Ok(()),
        libc::SYS_gettimeofday => arguments[0],
        _ => {
            set_result(pid, exit.sval as u64 + seconds)?;
            arguments[0]
        }
    };
    if place == 0 {
        return Ok(());
    }
    let mut memory = memory(pid)?;
    let mut second = [0; 8];
    memory.seek(SeekFrom::Start(place))?;
    memory.read_exact(&mut second)?;
    memory.seek(SeekFrom::Start(place))?;
    memory.write_all(&(u64::from_ne_bytes(second) + seconds).to_ne_bytes())
}

/// Changes the result of the call that a thread stopped at the end of.
#[cfg(target_arch = "x86_64")]
fn set_result(pid: pid_t, result: u64) -> io::Result<()> {
    let place = std::mem::offset_of!(libc::user_regs_struct, rax);
    request(libc::PTRACE_POKEUSER as c_int, pid, place, result as usize).map(drop)
}

#[cfg(not(target_arch = "x86_64"))]
fn set_result(_: pid_t, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Takes the address of the vDSO out of what a program that is about to begin finds on its stack: a count, its arguments, 0,
/// its environment, 0, and pairs of numbers up to one that begins with 0 (the auxiliary vector).
fn hide_vdso(pid: pid_t) -> io::Result<()> {
    // `AT_IGNORE` and `AT_SYSINFO_EHDR` of linux/auxvec.h.
    const IGNORE: u64 = 1;
    const VDSO: u64 = 33;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    // The 28th field (proc_pid_stat(5)); the second is a name in brackets, in which anything may stand.
    let start = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(25));
    let start: u64 = start.and_then(|start| start.parse().ok()).ok_or_else(broken)?;
    let mut memory = memory(pid)?;
    memory.seek(SeekFrom::Start(start))?;
    let mut stack = BufReader::new(&memory);
    let mut place = start;
    let mut next = || -> io::Result<u64> {
        let mut word = [0; 8];
        stack.read_exact(&mut word)?;
        place += 8;
        Ok(u64::from_ne_bytes(word))
    };
    next()?;
    for _ in 0..2 {
        while next()? != 0 {}
    }
    loop {
        match next()? {
            0 => return Ok(()),
            VDSO => break,
            _ => next()?,
        };
    }
    let at = place - 8;
    memory.seek(SeekFrom::Start(at))?;
    memory.write_all(&IGNORE.to_ne_bytes())
}
