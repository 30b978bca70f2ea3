//! A clock for tests.

use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::Future;
use core::task::{Poll, Waker};
use core::time::Duration;

use crate::{NoWallClock, Result, Time, Wall};

/// A clock that a test moves, or that jumps ahead whenever somebody sleeps.
#[derive(Default)]
pub struct Clock {
    now: Cell<Duration>,
    running: bool,
    sleepers: RefCell<Vec<Waker>>,
    /// What the wall clock shows, and when this clock showed what.
    wall: Cell<Option<(Wall, Duration)>>,
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

    /// Sets the wall clock, which then goes on with this clock; there is none until then.
    pub fn set_wall(&self, wall: Option<Wall>) {
        self.wall.set(wall.map(|wall| (wall, self.now.get())));
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

impl crate::Clock for Clock {
    fn now(&self) -> Duration {
        self.now.get()
    }

    fn wall(&self) -> Result<Wall, NoWallClock> {
        let (wall, at) = self.wall.get().ok_or(NoWallClock)?;
        Ok(Wall { unix: wall.unix + (self.now.get() - at), ..wall })
    }
}
