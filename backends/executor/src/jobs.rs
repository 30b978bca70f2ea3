//! The jobs of a unikernel.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::Poll;

use uk_device::{Error, Outcome, Result};

use crate::Task;
use crate::run::{name_main, spawn_in};

/// A job that hasn't started.
pub struct Job {
    name: &'static str,
    future: Pin<Box<dyn Future<Output = Result>>>,
}

/// Names a job and its future.
pub fn job<F>(name: &'static str, future: F) -> Job
where
    F: Future<Output: Outcome> + 'static,
{
    Job { name, future: Box::pin(async move { future.await.into_result() }) }
}

/// Runs the one job of a unikernel that has no other: it is no task, and costs its image nothing.
pub async fn alone<F>(name: &'static str, future: F) -> Result
where
    F: Future<Output: Outcome>,
{
    name_main(name);
    future.await.into_result()
}

/// Runs jobs side by side until all have ended well or one has failed. Then the others are cancelled, and the failure is
/// the outcome.
pub async fn jobs(jobs: impl IntoIterator<Item = Job>) -> Result {
    let mut tasks: Vec<(&str, Task<Result>)> =
        jobs.into_iter().map(|job| (job.name, spawn_in(job.name, job.future))).collect();
    poll_fn(|context| {
        let mut failed = None;
        tasks.retain_mut(|(name, task)| match Pin::new(task).poll(context) {
            Poll::Pending => true,
            Poll::Ready(outcome) => {
                if let Err(error) = outcome {
                    failed.get_or_insert((*name, error));
                }
                false
            }
        });
        match failed {
            Some((name, error)) if !error.message().is_empty() => {
                Poll::Ready(Err(Error::exit(error.code(), format!("job `{name}`: {error}"))))
            }
            Some((_, error)) => Poll::Ready(Err(error)),
            None if tasks.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    })
    .await
}
