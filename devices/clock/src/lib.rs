//! Telling the time: the `default-clock` device of every target, on the executor's platform.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used)]
#![warn(missing_docs)]

use uk_device::{Duration, NoWallClock, Wall};

/// The device `default-clock`.
#[derive(Clone, Copy, Debug)]
pub struct Clock(());

/// Connects the device; this can't fail.
pub async fn connect() -> uk_device::Result<Clock> {
    Ok(Clock(()))
}

impl uk_device::Clock for Clock {
    fn now(&self) -> Duration {
        Duration::from_nanos(uk_executor::now())
    }

    fn wall(&self) -> uk_device::Result<Wall, NoWallClock> {
        uk_executor::wall().ok_or(NoWallClock)
    }
}
