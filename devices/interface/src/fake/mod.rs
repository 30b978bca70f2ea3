//! Stand-ins for devices, for an application's tests on the host.

mod clock;
mod console;
mod disk;
mod kv;
mod logs;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::task::Wake;
use alloc::vec::Vec;
use core::cell::Cell;
use core::future::Future;
use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};

pub use clock::Clock;
pub use console::Console;
pub use disk::{Disk, IO_ERROR};
pub use kv::KvRo;
pub use logs::Logs;

/// Numbers that look random and are the same in every run with one seed. Anybody can guess them: for tests only.
#[derive(Debug)]
pub struct Random(Cell<u64>);

impl Random {
    /// The numbers that belong to `seed`.
    pub fn seeded(seed: u64) -> Self {
        Random(Cell::new(seed))
    }

    /// SplitMix64, by Guy Steele, Doug Lea and Christine Flood.
    fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl crate::Random for Random {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Words of a command line.
#[derive(Clone, Debug, Default)]
pub struct Args(Vec<String>);

impl Args {
    /// These words.
    pub fn new<S: Into<String>>(words: impl IntoIterator<Item = S>) -> Self {
        Args(words.into_iter().map(Into::into).collect())
    }
}

impl crate::Args for Args {
    fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
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
