//! Beginning actions, and waiting for their ends.

use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use uk_action::ActionId;

use super::Tokens;
use super::memory::Memory;
use super::perform::{Performed, Worker};
use super::schedule::Schedule;
use crate::cancel::Cancel;
use crate::durations::Durations;
use crate::failure::Fault;

/// What running needs of the system.
pub(super) struct Means {
    /// The pool of jobs.
    pub(super) tokens: Tokens,
    pool: rayon::ThreadPool,
    bell: OwnedFd,
}

impl Means {
    /// For `jobs` at once, of `actions` that may have to run, be it because their bytes are gone: a thread each, or as many
    /// as can be had.
    ///
    /// # Errors
    /// When there are not even those that one job needs.
    pub(super) fn get(jobs: usize, actions: usize) -> io::Result<Self> {
        let tokens = Tokens::new(jobs)?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let mut threads = tokens.count().min(actions).max(1);
        loop {
            match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
                Ok(pool) => return Ok(Self { tokens, pool, bell }),
                Err(error) if threads == 1 => return Err(io::Error::other(error)),
                Err(_) => threads /= 2,
            }
        }
    }
}

/// Runs what can run until nothing can. Gives the actions that did, and the faults of those that failed.
pub(super) fn run(
    schedule: &mut Schedule<'_>,
    worker: &Worker<'_>,
    means: &Means,
) -> (Vec<ActionId>, Vec<Fault>) {
    let Worker { graph, store, options, cancel, tokens, .. } = *worker;
    let (mut executed, mut faults) = (Vec::new(), Vec::new());
    let mut durations = Durations::load(store);
    schedule.order(&durations);
    let Means { pool, bell, .. } = means;
    let jobs = pool.current_num_threads();
    let (done, results) = mpsc::channel();
    pool.in_place_scope(|scope| {
        let mut running = 0;
        loop {
            let stop = cancel.is_cancelled() || (!faults.is_empty() && !options.keep_going);
            let mut memory = Memory::new(options.free_memory);
            let mut wanted = None;
            while !stop && running < jobs && schedule.has_ready() {
                // The first begins whatever there is, or nothing ever would.
                if running == 0 {
                    tokens.refill();
                }
                if !memory.claim() && running > 0 {
                    break;
                }
                if !tokens.take() && running > 0 {
                    wanted = Some(tokens);
                    break;
                }
                let task = schedule.next().expect("one is ready");
                running += 1;
                let post = Post { done: done.clone(), bell };
                scope.spawn(move |_| {
                    let result = catch_unwind(AssertUnwindSafe(|| worker.perform(&task)));
                    post.send((task.action, result));
                });
            }
            if running == 0 {
                break;
            }
            let Some((action, result)) = receive(&results, bell, wanted, cancel) else { continue };
            running -= 1;
            tokens.give();
            // A panic goes on where a caller can see it, not in a thread that nobody waits for.
            match result.unwrap_or_else(|panic| resume_unwind(panic)) {
                Ok(Performed { outputs, ran }) => {
                    if let Some(took) = ran {
                        executed.push(action);
                        durations.note(graph.get(action), took);
                    }
                    schedule.finished(action, outputs);
                }
                Err(fault) => faults.extend(fault),
            }
        }
    });
    // A hint: a build doesn't fail for it.
    let _ = durations.save(store);
    (executed, faults)
}

type Done = (ActionId, std::thread::Result<Result<Performed, Option<Fault>>>);

/// Sends results to who may be waiting for tokens at the same time.
struct Post<'b> {
    done: Sender<Done>,
    bell: &'b OwnedFd,
}

impl Post<'_> {
    fn send(self, done: Done) {
        // The receiver outlives the scope, and a bell that rings already is as good.
        let _ = self.done.send(done);
        let _ = rustix::io::write(self.bell, &1_u64.to_ne_bytes());
    }
}

/// Never wait for longer without a look: a process that starts meanwhile may have an end, and memory become free.
const PAUSE: Duration = Duration::from_millis(200);

/// The next result; ends overdue processes. `None` when it is time to see whether something else can begin, which it is as
/// soon as there is a token among those that are wanted.
fn receive(
    results: &Receiver<Done>,
    bell: &OwnedFd,
    wanted: Option<&Tokens>,
    cancel: &Cancel,
) -> Option<Done> {
    let next = cancel.end_overdue();
    let pause = next.map_or(PAUSE, |end| end.saturating_duration_since(Instant::now()).min(PAUSE));
    if let Ok(done) = results.try_recv() {
        return Some(done);
    }
    let mut seen = vec![PollFd::new(bell, PollFlags::IN)];
    seen.extend(wanted.map(|tokens| PollFd::from_borrowed_fd(tokens.source(), PollFlags::IN)));
    let pause = Timespec::try_from(pause).expect("a fraction of a second");
    // Interrupted, it is as if time were up.
    let _ = poll(&mut seen, Some(&pause));
    // Silent before the look: what comes after it rings again.
    let _ = rustix::io::read(bell, &mut [0; 8]);
    results.try_recv().ok()
}
