//! Calling a build off, with everything that it has started.

use std::collections::HashMap;
use std::io::{self, Write};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

/// A switch that ends a build: every process that it runs is killed with its descendants, and nothing more is published.
/// Clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    cancelled: AtomicBool,
    /// The process groups that run, and when each has to end.
    running: Mutex<HashMap<Pid, Option<Instant>>>,
}

impl Cancel {
    /// Ends the build. May be called from any thread, but not from a signal handler.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        self.running().keys().copied().for_each(kill);
    }

    /// Whether it was called off.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Pid, Option<Instant>>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
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
        // Seen as ended but not yet reaped, the number can't belong to anybody else, so the group may be killed.
        let seen = loop {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            match rustix::process::waitid(WaitId::Pid(group), options) {
                Err(rustix::io::Errno::INTR) => {}
                seen => break seen,
            }
        };
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
