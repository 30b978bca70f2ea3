//! Calling a build off, with everything that it has started.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

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
    /// When it can't be started; [`io::ErrorKind::Interrupted`] when it or this was called off.
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
        let (out, errors) = (child.stdout.take(), child.stderr.take());
        let (stdout, stderr) = std::thread::scope(|scope| {
            let errors = scope.spawn(|| read(errors));
            (read(out), errors.join().unwrap_or_default())
        });
        let seen = ended(process);
        self.asked().remove(&process);
        seen?;
        let status = child.wait()?;
        // The same signal may have ended it before it was heard here.
        let signals = [Signal::INT, Signal::TERM, Signal::HUP].map(|signal| Some(signal.as_raw()));
        if self.is_cancelled() || signals.contains(&status.signal()) {
            return Err(called_off());
        }
        Ok(Output { status, stdout, stderr })
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

/// All that can be read from a pipe.
fn read(pipe: Option<impl Read>) -> Vec<u8> {
    let mut all = Vec::new();
    // What ends before its time is told by the process's status.
    let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut all));
    all
}

fn end(process: Pid) {
    // It may have ended already.
    let _ = rustix::process::kill_process(process, Signal::TERM);
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
