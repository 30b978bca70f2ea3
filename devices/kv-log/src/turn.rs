//! One change at a time, each to its end.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Poll, Waker};

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Runs tasks one after the other. A task that was begun is run to its end by whoever comes next, even when the future that
/// began it is dropped: half a change on the disk would be in the way of the next.
#[derive(Default)]
pub(crate) struct Turn {
    running: RefCell<Option<Task>>,
    waiting: RefCell<Vec<Waker>>,
}

impl Turn {
    /// Runs `task` when those that were begun before have ended.
    pub async fn run<T: 'static>(&self, task: impl Future<Output = T> + 'static) -> T {
        let output = Rc::new(RefCell::new(None));
        let place = output.clone();
        let mut mine: Option<Task> = Some(Box::pin(async move {
            let output = task.await;
            *place.borrow_mut() = Some(output);
        }));
        let _guard = WakeOthers(self);
        poll_fn(|context| {
            loop {
                if let Some(output) = output.borrow_mut().take() {
                    return Poll::Ready(output);
                }
                let running = self.running.borrow_mut().take();
                let Some(mut task) = running.or_else(|| mine.take()) else {
                    // It is being polled further up.
                    self.wait(context.waker());
                    return Poll::Pending;
                };
                match task.as_mut().poll(context) {
                    Poll::Ready(()) => self.wake(),
                    Poll::Pending => {
                        *self.running.borrow_mut() = Some(task);
                        self.wait(context.waker());
                        return Poll::Pending;
                    }
                }
            }
        })
        .await
    }

    /// Gives up what was begun.
    pub fn stop(&self) {
        drop(self.running.borrow_mut().take());
    }

    fn wait(&self, waker: &Waker) {
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|other| other.will_wake(waker)) {
            waiting.push(waker.clone());
        }
    }

    fn wake(&self) {
        self.waiting.take().into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("running", &self.running.borrow().is_some()).finish()
    }
}

/// The disk wakes only who polled the task last: when that one goes, another must go on.
struct WakeOthers<'t>(&'t Turn);

impl Drop for WakeOthers<'_> {
    fn drop(&mut self) {
        self.0.wake();
    }
}
