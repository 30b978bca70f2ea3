//! The run queue and the loop.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::task::Wake;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};

use async_task::{Builder, Runnable};
use uk_device::Wall;

use crate::lock::Lock;
use crate::timers::TIMERS;

/// What the executor needs of the machine.
pub trait Platform: Sync {
    /// Nanoseconds since some moment before the start; never goes back.
    fn now(&self) -> u64;

    /// The time of day, if the machine knows it.
    fn wall(&self) -> Option<Wall>;

    /// Waits until `deadline` (in [`Platform::now`]'s time), an event of a device, or [`Platform::unpark`] since the last
    /// return from here, and wakes the tasks that wait for events that have come. It may return early. With a deadline that
    /// is over it takes events in without waiting.
    fn park(&self, deadline: Option<u64>);

    /// Makes [`Platform::park`] return. Called from any thread and from interrupt handlers.
    fn unpark(&self);

    /// A number that is different for every thread; 0 where there is only one.
    fn thread(&self) -> usize {
        0
    }
}

/// A task that was spawned: a future of what it returns. Dropping it cancels the task; `detach` lets it run on.
pub type Task<T> = async_task::Task<T, &'static str>;

/// What runs where there is only one job.
const MAIN: &str = "main";

/// Rounds of the loop after which events are taken in though tasks are ready.
const BUSY_ROUNDS: u8 = 64;

/// Tasks that are ready.
struct Queue {
    /// In the order in which they became so; tagged with the job they belong to.
    ready: VecDeque<Runnable<&'static str>>,
    /// Counts the calls of `run`. A task that is woken after its run ended must not enter the next one's queue, since that
    /// may be on another thread: so this is compared and raised under the lock that tasks enter by.
    round: u64,
}

struct Executor {
    queue: Lock<Queue>,
    /// The main future is ready.
    main: AtomicBool,
    /// The loop is about to park or parked, so that a wake-up must unpark it.
    parked: AtomicBool,
    running: AtomicBool,
    context: Lock<Option<Running>>,
}

#[derive(Clone, Copy)]
struct Running {
    platform: &'static dyn Platform,
    thread: usize,
    /// The job that runs now.
    job: &'static str,
    /// The job that the main future is.
    main: &'static str,
}

static EXECUTOR: Executor = Executor {
    queue: Lock::new(Queue { ready: VecDeque::new(), round: 0 }),
    main: AtomicBool::new(false),
    parked: AtomicBool::new(false),
    running: AtomicBool::new(false),
    context: Lock::new(None),
};

impl Executor {
    fn running(&self) -> Option<Running> {
        self.context.with(|context| *context)
    }

    /// Notes which job runs now: `None` for the main future's.
    fn set_job(&self, job: Option<&'static str>) {
        self.context.with(|context| {
            if let Some(running) = context {
                running.job = job.unwrap_or(running.main);
            }
        });
    }

    fn schedule(&self, round: u64, runnable: Runnable<&'static str>) {
        let late = self.queue.with(|queue| {
            if queue.round != round {
                return Some(runnable);
            }
            queue.ready.push_back(runnable);
            None
        });
        match late {
            // Its future belongs to the thread of a run that is over: neither run nor dropped.
            Some(runnable) => core::mem::forget(runnable),
            None => self.unpark(),
        }
    }

    fn unpark(&self) {
        if self.parked.swap(false, Ordering::SeqCst)
            && let Some(running) = self.running()
        {
            running.platform.unpark();
        }
    }

    fn pop(&self) -> Option<Runnable<&'static str>> {
        self.queue.with(|queue| queue.ready.pop_front())
    }

    fn is_idle(&self) -> bool {
        !self.main.load(Ordering::SeqCst) && self.queue.with(|queue| queue.ready.is_empty())
    }

    /// Runs what is ready now; what becomes ready meanwhile waits, so that timers get their turn.
    fn run_ready(&self) {
        for _ in 0..self.queue.with(|queue| queue.ready.len()) {
            let Some(runnable) = self.pop() else { return };
            self.set_job(Some(runnable.metadata()));
            runnable.run();
        }
    }
}

struct MainWaker;

impl Wake for MainWaker {
    fn wake(self: Arc<Self>) {
        EXECUTOR.main.store(true, Ordering::SeqCst);
        EXECUTOR.unpark();
    }
}

/// Ends a run: what is left of its tasks is dropped on this thread.
struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        // Dropping a timer's waker or a task may make other tasks ready to be dropped, and other threads wake some: all of
        // them go, until none is left at the moment at which the queue closes.
        loop {
            drop(TIMERS.with(core::mem::take));
            let last = EXECUTOR.queue.with(|queue| {
                let last = queue.ready.pop_front();
                queue.round += u64::from(last.is_none());
                last
            });
            match last {
                Some(runnable) => drop(runnable),
                None => break,
            }
        }
        EXECUTOR.context.with(|context| *context = None);
        EXECUTOR.running.store(false, Ordering::SeqCst);
    }
}

/// Runs a future, and the tasks that it spawns, until the future is done. What the tasks have left to do is dropped.
///
/// # Panics
/// If the executor runs already: there is one in a process.
pub fn run<F: Future>(platform: &'static dyn Platform, future: F) -> F::Output {
    assert!(!EXECUTOR.running.swap(true, Ordering::SeqCst), "the executor runs already");
    EXECUTOR.context.with(|context| {
        *context = Some(Running { platform, thread: platform.thread(), job: MAIN, main: MAIN });
    });
    let _guard = Guard;
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(MainWaker));
    EXECUTOR.main.store(true, Ordering::SeqCst);
    let mut busy = 0;
    loop {
        if EXECUTOR.main.swap(false, Ordering::SeqCst) {
            EXECUTOR.set_job(None);
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
        }
        EXECUTOR.run_ready();
        let deadline = fire_timers(platform);
        // From here on a wake-up unparks: either it is seen by `is_idle`, or it sees `parked`.
        EXECUTOR.parked.store(true, Ordering::SeqCst);
        let idle = EXECUTOR.is_idle();
        busy = if idle || busy == BUSY_ROUNDS { 0 } else { busy + 1 };
        if busy == 0 {
            platform.park(if idle { deadline } else { Some(0) });
        }
        EXECUTOR.parked.store(false, Ordering::SeqCst);
    }
}

/// Wakes whose time has come; returns when the next one's comes.
fn fire_timers(platform: &dyn Platform) -> Option<u64> {
    TIMERS.with(|timers| timers.next())?;
    let now = platform.now();
    loop {
        match TIMERS.with(|timers| timers.pop(now)) {
            Ok(waker) => waker.wake(),
            Err(next) => return next,
        }
    }
}

/// Starts a task. It belongs to the job that starts it.
///
/// # Panics
/// If called from anywhere but a future that [`run`] runs.
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn_in(current_job().unwrap_or(MAIN), future)
}

pub(crate) fn spawn_in<F>(job: &'static str, future: F) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let running = EXECUTOR.running().expect("tasks are spawned by a future that the executor runs");
    assert!(running.thread == running.platform.thread(), "tasks are spawned on the executor's own thread");
    let round = EXECUTOR.queue.with(|queue| queue.round);
    let schedule = move |runnable| EXECUTOR.schedule(round, runnable);
    // SAFETY: the future is 'static but needn't be `Send`: this is the thread that `run` was called on (asserted above),
    // and `run` alone takes tasks from the queue, on that thread, to run or drop them; after its end `schedule` leaks
    // them. `schedule` is `Send`, `Sync` and 'static.
    let (runnable, task) = unsafe { Builder::new().metadata(job).spawn_unchecked(|_| future, schedule) };
    runnable.schedule();
    task
}

/// Names the job that the main future is.
pub(crate) fn name_main(job: &'static str) {
    EXECUTOR.context.with(|context| {
        if let Some(running) = context {
            (running.main, running.job) = (job, job);
        }
    });
}

/// The job that runs now, for messages; `None` outside the executor.
pub fn current_job() -> Option<&'static str> {
    EXECUTOR.running().map(|running| running.job)
}

/// The platform's monotonic clock, in nanoseconds.
///
/// # Panics
/// If no executor runs.
pub fn now() -> u64 {
    EXECUTOR.running().expect("the executor's clock is asked while it runs").platform.now()
}

/// The platform's wall clock.
///
/// # Panics
/// If no executor runs.
pub fn wall() -> Option<Wall> {
    EXECUTOR.running().expect("the executor's clock is asked while it runs").platform.wall()
}

/// Lets the other tasks that are ready run first.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if core::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
