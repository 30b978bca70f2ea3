//! Calling a build off, with everything that it has started.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use uk_diagnostic::{Code, Diagnostic};

/// A switch that ends a build: every process that it runs is killed with its descendants, and nothing more is published.
/// Clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    cancelled: AtomicBool,
    /// Makes signals turn the switch, from when there is something to end.
    listen: Option<fn(&Cancel)>,
    listening: OnceLock<()>,
    /// The processes that were asked something.
    asked: Mutex<HashSet<Pid>>,
    /// The process groups that run, and when each has to end.
    running: Mutex<HashMap<Pid, Option<Instant>>>,
}

impl Cancel {
    /// A switch that `listen` lets signals turn. It is called once, before the first process is started: a build that has
    /// nothing to do needs no thread for that.
    pub fn listening(listen: fn(&Cancel)) -> Self {
        Self(Arc::new(Shared { listen: Some(listen), ..Shared::default() }))
    }

    /// Listens to signals from here on.
    pub(crate) fn listen(&self) {
        if let Some(listen) = self.0.listen {
            self.0.listening.get_or_init(|| listen(self));
        }
    }

    /// What is to be told of a command that was called off.
    pub fn diagnostic() -> Diagnostic {
        Diagnostic::error(Code::Interrupted, "interrupted")
            .help("run the command again: what was finished is kept")
    }

    /// An error if it was called off: what was found since may be wrong.
    ///
    /// # Errors
    /// [`Self::diagnostic`].
    pub fn check(&self) -> Result<(), Box<Diagnostic>> {
        if self.is_cancelled() { Err(Box::new(Self::diagnostic())) } else { Ok(()) }
    }

    /// Ends the build. May be called from any thread, but not from a signal handler.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        self.running().keys().copied().for_each(kill);
        self.asked().iter().copied().for_each(end);
    }

    /// Whether it was called off.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Pid, Option<Instant>>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) -> MutexGuard<'_, HashSet<Pid>> {
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a process without standard input to its end, and gives what it wrote. It stays in the caller's group, so that it
    /// may ask the user for a password.
    ///
    /// # Errors
    /// When it can't be started; [`io::ErrorKind::Interrupted`] when this was called off, and it is from then on when such a
    /// signal ended the process.
    pub fn output(&self, command: &mut Command) -> io::Result<Output> {
        self.listen();
        let called_off = || io::Error::from(io::ErrorKind::Interrupted);
        if self.is_cancelled() {
            return Err(called_off());
        }
        let mut child = spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        let process = Pid::from_child(&child);
        self.asked().insert(process);
        if self.is_cancelled() {
            end(process);
        }
        let read = self.read(&mut child);
        let seen = ended(process);
        self.asked().remove(&process);
        seen?;
        let status = child.wait()?;
        // The same signal may have ended it before it was heard here: who asked for it meant the whole command.
        let signals = [Signal::INT, Signal::TERM, Signal::HUP].map(|signal| Some(signal.as_raw()));
        if signals.contains(&status.signal()) {
            self.cancel();
        }
        if self.is_cancelled() {
            return Err(called_off());
        }
        let (stdout, stderr) = read?;
        Ok(Output { status, stdout, stderr })
    }

    /// What a process writes to standard output and standard error, until nobody can write any more or it is called off:
    /// what the process has left behind may have both open for long.
    fn read(&self, child: &mut Child) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        while (stdout.is_some() || stderr.is_some()) && !self.is_cancelled() {
            let open = [stdout.as_ref().map(AsFd::as_fd), stderr.as_ref().map(AsFd::as_fd)];
            let mut polled: Vec<PollFd<'_>> =
                open.iter().flatten().map(|pipe| PollFd::from_borrowed_fd(*pipe, PollFlags::IN)).collect();
            match poll(&mut polled, Some(&LOOK)) {
                Err(rustix::io::Errno::INTR) => continue,
                polled => polled?,
            };
            let mut ready = polled.iter().map(|polled| !polled.revents().is_empty());
            let ready = open.map(|pipe| pipe.is_some() && ready.next() == Some(true));
            if ready[0] {
                read_some(&mut stdout, &mut out)?;
            }
            if ready[1] {
                read_some(&mut stderr, &mut errors)?;
            }
        }
        Ok((out, errors))
    }

    /// Runs a process in a group of its own to its end, and ends what it leaves in the group. `input` is told to it once
    /// it runs, if its standard input is a pipe.
    pub(crate) fn run(
        &self,
        command: &mut Command,
        input: &[u8],
        timeout: Option<Duration>,
    ) -> io::Result<Ended> {
        std::os::unix::process::CommandExt::process_group(command, 0);
        self.listen();
        let started = Instant::now();
        let mut child = spawn(command)?;
        let group = Pid::from_child(&child);
        self.running().insert(group, timeout.map(|timeout| started + timeout));
        // Called off between the caller's look and the line above: nobody else has seen this group.
        if self.is_cancelled() {
            kill(group);
        }
        if let Some(mut pipe) = child.stdin.take() {
            // One that ended before it read all of it says so by its status.
            let _ = pipe.write_all(input);
        }
        let status = self.wait(&mut child, group);
        let took = started.elapsed();
        let timed_out = timeout.is_some_and(|timeout| took >= timeout);
        Ok(Ended { status: status?, took, timed_out })
    }

    fn wait(&self, child: &mut Child, group: Pid) -> io::Result<ExitStatus> {
        let seen = ended(group);
        {
            let mut running = self.running();
            kill(group);
            running.remove(&group);
        }
        seen?;
        child.wait()
    }

    /// Ends the groups whose time is over; says when to look again.
    pub(crate) fn end_overdue(&self) -> Option<Instant> {
        let now = Instant::now();
        let running = self.running();
        running
            .iter()
            .filter(|(_, end)| end.is_some_and(|end| end <= now))
            .for_each(|(group, _)| kill(*group));
        running.values().flatten().copied().filter(|end| *end > now).min()
    }
}

/// How often it is looked whether something that writes nothing was called off.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// How a process ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) took: Duration,
    pub(crate) timed_out: bool,
}

/// Waits until a child has ended. It isn't reaped yet: until then its number can't belong to anybody else, and may be used.
fn ended(child: Pid) -> io::Result<()> {
    loop {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        match rustix::process::waitid(WaitId::Pid(child), options) {
            Err(rustix::io::Errno::INTR) => {}
            seen => return Ok(seen.map(drop)?),
        }
    }
}

/// Reads what a pipe has to `all`. At its end there is none any more.
fn read_some(pipe: &mut Option<impl Read>, all: &mut Vec<u8>) -> io::Result<()> {
    let mut some = [0; 16 << 10];
    let Some(open) = pipe else { return Ok(()) };
    match open.read(&mut some) {
        Ok(0) => *pipe = None,
        Ok(length) => all.extend(&some[..length]),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Ends a process and all that it and what it has started have started.
fn end(process: Pid) {
    // Stopped, it starts nothing more while that is looked for, and reaps nothing: the numbers found stay theirs.
    signal(process, Signal::STOP);
    children(process).into_iter().for_each(end);
    signal(process, Signal::TERM);
    signal(process, Signal::CONT);
}

fn signal(process: Pid, signal: Signal) {
    // It may have ended already.
    let _ = rustix::process::kill_process(process, signal);
}

fn children(process: Pid) -> Vec<Pid> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
        .filter(|one| parent(*one) == Some(process.as_raw_pid()))
        .collect()
}

/// The process that started `process` (proc_pid_stat(5)); the name before it may have any characters.
fn parent(process: Pid) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_pid())).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

fn kill(group: Pid) {
    // It may have ended already.
    let _ = rustix::process::kill_process_group(group, Signal::KILL);
}

/// Starts a process. A program that was written a moment ago counts as busy while a child of another thread, between its
/// fork and its exec, has the writer's descriptor: that passes.
fn spawn(command: &mut Command) -> io::Result<Child> {
    let mut tries = 0;
    loop {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < 200 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
            result => return result,
        }
    }
}
