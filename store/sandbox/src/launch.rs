//! What a launcher does: walls, then the step.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::process::ExitCode;

use crate::fault::Doing;
use crate::sys::{self, Forked};
use crate::{Fault, FaultKind, Plan, Unpack, Walls, Watch, clock, follow, landlock, namespaces, trace};

/// The code of a launcher that could not start its step, or whose step did what it must not: the plan's `fault` says why.
pub const NOT_STARTED: u8 = 125;

/// Who watches the step, with what it needs of the host.
pub(crate) enum Watcher {
    Refusals(File),
    Clock(u64),
}

pub(crate) fn launch(mut plan: Plan, unpack: Unpack) -> ExitCode {
    // Opened now, while the host can be seen.
    let fault = OpenOptions::new().create(true).append(true).open(&plan.fault);
    let Ok(file) = fault else { return ExitCode::from(NOT_STARTED) };
    share_jobs(&mut plan);
    let Err(fault) = start(&plan, &file, unpack);
    fault.report(&file);
    ExitCode::from(NOT_STARTED)
}

/// Where a step has the ends of the pipe with job tokens. Always the same, so that it can't tell one build from another.
const JOBS: [RawFd; 2] = [100, 101];

/// Opens the pipe with job tokens and tells the step of it, as far as it can be had.
fn share_jobs(plan: &mut Plan) {
    let Some([from, to]) = &plan.jobs else { return };
    let share = || {
        let (from, to) = (File::open(from)?, OpenOptions::new().write(true).open(to)?);
        sys::duplicate(from.as_raw_fd(), JOBS[0])?;
        sys::duplicate(to.as_raw_fd(), JOBS[1])
    };
    let shared: io::Result<()> = share();
    if shared.is_ok() {
        let [from, to] = JOBS;
        let flags = format!("-j --jobserver-fds={from},{to} --jobserver-auth={from},{to}");
        plan.env.push(("CARGO_MAKEFLAGS".into(), flags.into()));
    }
}

fn start(plan: &Plan, fault: &File, unpack: Unpack) -> Result<Infallible, Fault> {
    let null = File::open("/dev/null").doing("open /dev/null")?;
    sys::duplicate(null.as_raw_fd(), 0).doing("empty the standard input")?;
    // Rust ignores it; programs expect it.
    sys::default_signal(libc::SIGPIPE);
    let watcher = match &plan.watch {
        None => None,
        Some(Watch::Refusals(file)) => Some(Watcher::Refusals(File::create(file).doing("write the trace")?)),
        Some(Watch::Clock(seconds)) => Some(Watcher::Clock(*seconds)),
    };
    if let Walls::Namespaces { base, steps } = &plan.walls {
        return namespaces::start(plan, base, steps, fault, watcher, unpack);
    }
    sys::end_with_parent(libc::SIGKILL).doing("end with the parent")?;
    limits(plan)?;
    if watcher.is_none() {
        wall(plan)?;
        return become_program(plan);
    }
    let status = child(plan, fault, watcher, || wall(plan))?;
    end_as(status)
}

fn wall(plan: &Plan) -> Result<(), Fault> {
    match &plan.walls {
        Walls::Landlock { rules } => landlock::restrict(rules),
        Walls::Namespaces { .. } | Walls::None => Ok(()),
    }
}

pub(crate) fn limits(plan: &Plan) -> Result<(), Fault> {
    sys::no_new_privileges().doing("give up privileges")?;
    sys::limit(libc::RLIMIT_CORE, 0).doing("forbid core dumps")?;
    match plan.memory {
        Some(bytes) => sys::limit(libc::RLIMIT_AS, bytes).doing("limit memory"),
        None => Ok(()),
    }
}

/// Runs the step in a child that does `before` first; tells how it ended.
pub(crate) fn child(
    plan: &Plan,
    fault: &File,
    watcher: Option<Watcher>,
    before: impl FnOnce() -> Result<(), Fault>,
) -> Result<i32, Fault> {
    match sys::fork().doing("start a process")? {
        Forked::Child => {
            let done = before().and_then(|()| match &watcher {
                None => Ok(()),
                Some(Watcher::Refusals(_)) => follow::be_followed(),
                Some(Watcher::Clock(seconds)) => clock::be_shifted(*seconds),
            });
            let Err(failed) = done.and_then(|()| become_program(plan));
            failed.report(fault);
            sys::exit(NOT_STARTED.into())
        }
        Forked::Parent(child) => match watcher {
            Some(Watcher::Refusals(file)) => trace::watch(child, file).doing("watch the step"),
            Some(Watcher::Clock(seconds)) => clock::shift(child, seconds).doing("watch the step's clock"),
            None => wait_for(child).doing("wait for the step"),
        },
    }
}

/// Waits for `child`, and for what else ends meanwhile: the first process of a namespace is everybody's parent.
fn wait_for(child: libc::pid_t) -> io::Result<i32> {
    loop {
        let (pid, status) = sys::wait(-1, 0)?;
        if pid == child {
            return Ok(status);
        }
    }
}

fn become_program(plan: &Plan) -> Result<Infallible, Fault> {
    if plan.argv.is_empty() {
        sys::exit(0);
    }
    std::env::set_current_dir(&plan.cwd).doing(format!("enter {}", plan.cwd.display()))?;
    let argv: io::Result<Vec<_>> = plan.argv.iter().map(sys::c).collect();
    let pair = |(name, value): &(OsString, OsString)| {
        let mut text = name.clone();
        text.push("=");
        text.push(value);
        sys::c(text)
    };
    let env: io::Result<Vec<_>> = plan.env.iter().map(pair).collect();
    let error = match (argv, env) {
        (Ok(argv), Ok(env)) => sys::execute(&argv, &env),
        (Err(error), _) | (_, Err(error)) => error,
    };
    Err(Fault { kind: FaultKind::Program, what: plan.argv[0].to_string_lossy().into_owned(), error })
}

/// Ends this process as another has ended.
pub(crate) fn end_as(status: i32) -> ! {
    if libc::WIFSIGNALED(status) {
        let signal = libc::WTERMSIG(status);
        // The step could dump its core if it wanted to; this process has nothing worth it.
        let _ = sys::limit(libc::RLIMIT_CORE, 0);
        sys::default_signal(signal);
        sys::raise(signal);
    }
    sys::exit(libc::WEXITSTATUS(status))
}
