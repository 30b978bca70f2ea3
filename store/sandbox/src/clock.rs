//! A clock that is ahead, for a step and all that it starts.
//!
//! The kernel has no namespace for the date. Programs ask for it without a system call, by the code that the kernel shows
//! every program, the vDSO; so its address is taken out of what each program is told when it starts, and what the system
//! calls answer is changed. Who waits until a date waits until the true one. Only these calls stop the program: a filter
//! picks them.

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use libc::{c_int, c_long, pid_t};

use crate::fault::{Doing, Fault};
use crate::follow::{Follower, MACHINE, Stop, Until, be_followed, call_of, follow, memory};
use crate::sys;

/// Where `time` stands on machines that have it; no call has the number -1.
#[cfg(target_arch = "x86_64")]
const TIME: c_long = libc::SYS_time;
#[cfg(not(target_arch = "x86_64"))]
const TIME: c_long = -1;

/// Lets the parent put this process's clock `seconds` ahead from here on.
pub(crate) fn be_shifted(seconds: u64) -> Result<(), Fault> {
    const WHAT: &str = "see another date";
    let unsupported = || io::Error::from_raw_os_error(libc::ENOSYS);
    let machine = MACHINE.ok_or_else(unsupported).doing(WHAT)?;
    let before = sys::date().doing(WHAT)?;
    be_followed()?;
    sys::filter(&mut picked(machine)).doing(WHAT)?;
    let told = sys::date().doing(WHAT)?;
    // Half: the true clock may be set back right now.
    if told.saturating_sub(before) < seconds / 2 { Err(unsupported()).doing(WHAT) } else { Ok(()) }
}

/// The filter for calls that tell the date, and for those that wait until one.
fn picked(machine: u32) -> [libc::sock_filter; 19] {
    /// The four bytes at that place of `seccomp_data`: the call's number at 0, the machine at 4, the arguments, eight bytes
    /// each, from 16. Both machines put the lower half first.
    const fn load(place: u32) -> (u32, u32, usize, usize) {
        (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, place, 0, 0)
    }
    /// Goes on at one of two instructions.
    const fn jump(how: u32, value: u32, yes: usize, no: usize) -> (u32, u32, usize, usize) {
        (libc::BPF_JMP | how | libc::BPF_K, value, yes, no)
    }
    const EQUAL: u32 = libc::BPF_JEQ;
    const ANY_BIT: u32 = libc::BPF_JSET;
    // Where these instructions stand below.
    let (futex, sleep, clock, go_on, pick) = (8, 10, 12, 17, 18);
    let program = [
        load(4),
        jump(EQUAL, machine, 2, go_on),
        load(0),
        jump(EQUAL, libc::SYS_gettimeofday as u32, pick, 4),
        jump(EQUAL, TIME as u32, pick, 5),
        jump(EQUAL, libc::SYS_clock_gettime as u32, clock, 6),
        jump(EQUAL, libc::SYS_clock_nanosleep as u32, sleep, 7),
        jump(EQUAL, libc::SYS_futex as u32, futex, go_on),
        // futex: the operation.
        load(24),
        jump(ANY_BIT, libc::FUTEX_CLOCK_REALTIME as u32, pick, go_on),
        // sleep: the flags.
        load(24),
        jump(ANY_BIT, libc::TIMER_ABSTIME as u32, clock, go_on),
        // clock: those that tell dates.
        load(16),
        jump(EQUAL, libc::CLOCK_REALTIME as u32, pick, 14),
        jump(EQUAL, libc::CLOCK_REALTIME_COARSE as u32, pick, 15),
        jump(EQUAL, libc::CLOCK_REALTIME_ALARM as u32, pick, 16),
        jump(EQUAL, libc::CLOCK_TAI as u32, pick, go_on),
        (libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0),
        (libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_TRACE, 0, 0),
    ];
    let mut at = 0;
    program.map(|(code, k, yes, no)| {
        at += 1;
        let far = |to: usize| to.saturating_sub(at) as u8;
        libc::sock_filter { code: code as u16, jt: far(yes), jf: far(no), k }
    })
}

/// Puts the clock of `child`, which is about to stop for it, and of all that it starts `seconds` ahead; tells how it ended.
pub(crate) fn shift(child: pid_t, seconds: u64) -> io::Result<c_int> {
    follow(child, &mut Clock { seconds, calls: HashMap::new() })
}

struct Clock {
    seconds: u64,
    /// What each thread is doing that the filter picked.
    calls: HashMap<pid_t, Call>,
}

/// A call that has to do with the date.
#[derive(Clone, Copy)]
enum Call {
    /// Has the date put at a place, seconds first.
    Tells(u64),
    /// Gives the seconds as its result, and puts them at a place, unless that is 0.
    Gives(u64),
    /// Waits until the date at a place, where these seconds stood.
    Waits(u64, u64),
}

impl Follower for Clock {
    const UNTIL: Until = Until::Event;

    fn stopped(&mut self, pid: pid_t, at: Stop) -> Until {
        match at {
            Stop::Picked => {
                if let Ok(Some(call)) = self.begun(pid) {
                    self.calls.insert(pid, call);
                    return Until::Call;
                }
            }
            Stop::Call => {
                if let Some(call) = self.calls.remove(&pid) {
                    let _ = self.done(pid, call);
                }
            }
            // A 32-bit program sees the date of today.
            Stop::Program => drop(hide_vdso(pid)),
        }
        Until::Event
    }

    fn ended(&mut self, pid: pid_t) {
        self.calls.remove(&pid);
    }
}

impl Clock {
    /// What a thread is about to do.
    fn begun(&self, pid: pid_t) -> io::Result<Option<Call>> {
        let info = call_of(pid)?;
        if info.op != libc::PTRACE_SYSCALL_INFO_SECCOMP {
            return Ok(None);
        }
        // SAFETY: at such a stop the kernel fills this part.
        let call = unsafe { info.u.seccomp };
        let waits = |place: u64| {
            if place == 0 {
                return Ok(None);
            }
            let seconds = change(pid, place, |seconds| seconds.saturating_sub(self.seconds))?;
            Ok(Some(Call::Waits(place, seconds)))
        };
        match call.nr as c_long {
            libc::SYS_clock_gettime => Ok(Some(Call::Tells(call.args[1]))),
            libc::SYS_gettimeofday => Ok(Some(Call::Tells(call.args[0]))),
            libc::SYS_clock_nanosleep => waits(call.args[2]),
            libc::SYS_futex => waits(call.args[3]),
            TIME => Ok(Some(Call::Gives(call.args[0]))),
            _ => Ok(None),
        }
    }

    /// Changes what a call that has just ended tells.
    fn done(&self, pid: pid_t, call: Call) -> io::Result<()> {
        if let Call::Waits(place, seconds) = call {
            return change(pid, place, |_| seconds).map(drop);
        }
        let info = call_of(pid)?;
        if info.op != libc::PTRACE_SYSCALL_INFO_EXIT {
            return Ok(());
        }
        // SAFETY: at an exit the kernel fills this part.
        let exit = unsafe { info.u.exit };
        if exit.is_error != 0 {
            return Ok(());
        }
        let place = match call {
            Call::Gives(place) => {
                set_result(pid, exit.sval as u64 + self.seconds)?;
                place
            }
            Call::Tells(place) | Call::Waits(place, _) => place,
        };
        if place == 0 { Ok(()) } else { change(pid, place, |seconds| seconds + self.seconds).map(drop) }
    }
}

/// Changes the seconds at a place of a process's memory; gives those that stood there.
fn change(pid: pid_t, place: u64, to: impl Fn(u64) -> u64) -> io::Result<u64> {
    let mut memory = memory(pid)?;
    let mut seconds = [0; 8];
    memory.seek(SeekFrom::Start(place))?;
    memory.read_exact(&mut seconds)?;
    let seconds = u64::from_ne_bytes(seconds);
    memory.seek(SeekFrom::Start(place))?;
    memory.write_all(&to(seconds).to_ne_bytes())?;
    Ok(seconds)
}

/// Changes the result of the call that a thread stopped at the end of.
#[cfg(target_arch = "x86_64")]
fn set_result(pid: pid_t, result: u64) -> io::Result<()> {
    let place = std::mem::offset_of!(libc::user_regs_struct, rax);
    crate::follow::request(libc::PTRACE_POKEUSER as c_int, pid, place, result as usize).map(drop)
}

#[cfg(not(target_arch = "x86_64"))]
fn set_result(_: pid_t, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Takes the address of the vDSO out of what a program that is about to begin finds on its stack: a count, its arguments, 0,
/// its environment, 0, and pairs of numbers up to one that begins with 0 (the auxiliary vector).
fn hide_vdso(pid: pid_t) -> io::Result<()> {
    // At this stop it tells for which machine the new program is.
    call_of(pid)?;
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
