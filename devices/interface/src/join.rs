//! Futures side by side.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::Poll;

/// Waits for all of `futures` at once, as for many requests to one device; what each gives, in their order.
///
/// ```
/// use uk_device::{Duration, Time, join_all};
///
/// let clock = uk_device::fake::Clock::running();
/// let seconds = [3, 1, 2].map(|seconds| clock.sleep(Duration::from_secs(seconds)));
/// uk_device::fake::block_on(join_all(seconds));
/// assert_eq!(clock.now(), Duration::from_secs(3));
/// ```
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        if outputs.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
