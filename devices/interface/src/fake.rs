//! Stand-ins for devices, for an application's tests on the host.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::task::Wake;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell, UnsafeCell};
use core::future::Future;
use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use crate::Time;

/// A clock that a test moves, or that jumps ahead whenever somebody sleeps.
#[derive(Default)]
pub struct Clock {
    now: Cell<Duration>,
    running: bool,
    sleepers: RefCell<Vec<Waker>>,
}

impl Clock {
    /// A clock that stands still until [`Clock::advance`].
    pub fn new() -> Self {
        Self::default()
    }

    /// A clock that jumps ahead by the time that somebody wants to sleep: one that sleeps alone never waits.
    pub fn running() -> Self {
        Clock { running: true, ..Self::default() }
    }

    /// The time that has passed on this clock.
    pub fn now(&self) -> Duration {
        self.now.get()
    }

    /// Moves the clock and wakes who slept; poll them to see who is due.
    pub fn advance(&self, duration: Duration) {
        self.now.set(self.now.get() + duration);
        self.sleepers.take().into_iter().for_each(Waker::wake);
    }
}

impl Time for Clock {
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        let until = self.now.get() + duration;
        core::future::poll_fn(move |context| {
            if self.running && self.now.get() < until {
                self.now.set(until);
            }
            if self.now.get() >= until {
                return Poll::Ready(());
            }
            self.sleepers.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// Polls a future once; use it where a test moves a [`Clock`] between polls.
pub fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Runs a future to its end on this thread.
///
/// # Panics
/// If it waits for something that can't happen any more, such as a clock that nobody moves.
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let flag = Arc::new(Flag(AtomicBool::new(true)));
    let waker = Waker::from(flag.clone());
    let mut context = Context::from_waker(&waker);
    while flag.0.swap(false, Ordering::Acquire) {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!(
        "the future waits, and nobody will wake it: move the clock between polls, or use `Clock::running`"
    );
}

/// The log messages of a test, while it lives. Tests that capture take turns, since there is one logger in a process.
pub struct Logs(());

struct Capture {
    /// Whether some [`Logs`] lives.
    taken: AtomicBool,
    /// Guards `lines`.
    locked: AtomicBool,
    lines: UnsafeCell<Vec<String>>,
}

// SAFETY: `lines` is only touched in `with`, by the thread that has set `locked`.
unsafe impl Sync for Capture {}

static CAPTURE: Capture = Capture {
    taken: AtomicBool::new(false),
    locked: AtomicBool::new(false),
    lines: UnsafeCell::new(Vec::new()),
};

impl Capture {
    fn with<T>(&self, touch: impl FnOnce(&mut Vec<String>) -> T) -> T {
        while self.locked.swap(true, Ordering::Acquire) {
            core::hint::spin_loop();
        }
        // SAFETY: the flag was clear and is set now, so no other thread is here; `touch` doesn't come back here.
        let result = touch(unsafe { &mut *self.lines.get() });
        self.locked.store(false, Ordering::Release);
        result
    }
}

impl log::Log for Capture {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        // The message is written before the lock is taken, since writing it runs code of others.
        let line = record.args().to_string();
        if self.taken.load(Ordering::Acquire) {
            self.with(|lines| lines.push(line));
        }
    }

    fn flush(&self) {}
}

impl Logs {
    /// Starts to capture. Waits while another test captures.
    ///
    /// # Panics
    /// If the process has another logger.
    pub fn capture() -> Self {
        while CAPTURE.taken.swap(true, Ordering::AcqRel) {
            core::hint::spin_loop();
        }
        CAPTURE.with(Vec::clear);
        let ours = log::set_logger(&CAPTURE).is_ok();
        let test = log::max_level() == log::LevelFilter::Trace;
        if !ours && !test {
            CAPTURE.taken.store(false, Ordering::Release);
            panic!("another logger is set already");
        }
        log::set_max_level(log::LevelFilter::Trace);
        Logs(())
    }

    /// The messages so far, without level or target.
    pub fn lines(&self) -> Vec<String> {
        CAPTURE.with(|lines| lines.clone())
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        CAPTURE.taken.store(false, Ordering::Release);
    }
}
