//! Sleeping: the `default-time` device of every target, on the executor's timers.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used)]
#![warn(missing_docs)]

use core::future::Future;

use uk_device::{Duration, Time};

/// The device `default-time`.
#[derive(Clone, Copy, Debug)]
pub struct Timer(());

/// Connects the device; this can't fail.
pub async fn connect() -> uk_device::Result<Timer> {
    Ok(Timer(()))
}

impl Time for Timer {
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        // `u64::MAX` nanoseconds, 584 years, are for ever.
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        uk_executor::sleep_until(uk_executor::now().saturating_add(nanoseconds))
    }
}
