//! Letting time pass.

use core::future::Future;
use core::time::Duration;

/// Letting time pass.
pub trait Time {
    /// Is ready once `duration` has passed since the call, measured by a clock that never goes back. It is never early; it is
    /// late by what the other jobs take. Dropping the future ends the wait.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;
}

impl<T: Time + ?Sized> Time for &T {
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        (**self).sleep(duration)
    }
}
