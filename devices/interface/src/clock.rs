//! Telling the time.

use core::fmt;
use core::time::Duration;

use crate::Result;
use crate::backend::Civil;

/// Telling the time: how much has passed, and what the time of day is.
pub trait Clock {
    /// Time since a moment at or before the unikernel's start. It never goes back, and setting the wall clock doesn't change
    /// it: only differences mean something. Nanoseconds, as fine as the machine's counter is.
    fn now(&self) -> Duration;

    /// The time of day. It may jump, since people and their machines correct it; some machines tell only whole seconds.
    ///
    /// # Errors
    /// [`NoWallClock`] where the machine has none.
    fn wall(&self) -> Result<Wall, NoWallClock>;
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> Duration {
        (**self).now()
    }

    fn wall(&self) -> Result<Wall, NoWallClock> {
        (**self).wall()
    }
}

/// A time of day. It prints as `2026-11-23 08:54:44 -01:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wall {
    /// Time since 1970-01-01 00:00:00 UTC, without leap seconds.
    pub unix: Duration,
    /// How far local time is ahead of UTC, in seconds; `None` where that isn't known, printed as UTC with `-00:00`.
    pub offset: Option<i32>,
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Civil { seconds: self.unix.as_secs() as i64, offset: self.offset }.fmt(f)
    }
}

/// The machine has no wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoWallClock;

impl fmt::Display for NoWallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the machine has no wall clock")
    }
}

impl core::error::Error for NoWallClock {}
