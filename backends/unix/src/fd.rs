//! Waiting for file descriptors, for the crates of devices.

use std::future::Future;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Waits until `fd` can be read without waiting: there is something, or its end, or an error. Takes nothing from it.
pub fn readable<F: AsFd>(fd: &F) -> Ready<'_> {
    Ready { fd: fd.as_fd(), events: libc::POLLIN, token: None }
}

/// Waits until `fd` can be written without waiting, or writing it is an error.
pub fn writable<F: AsFd>(fd: &F) -> Ready<'_> {
    Ready { fd: fd.as_fd(), events: libc::POLLOUT, token: None }
}

/// The future of [`readable`] and [`writable`]. Dropping it ends the wait.
#[derive(Debug)]
pub struct Ready<'f> {
    fd: BorrowedFd<'f>,
    events: i16,
    /// Its place among the waiters; no longer there once the descriptor is ready.
    token: Option<u64>,
}

struct Waiter {
    token: u64,
    fd: RawFd,
    events: i16,
    waker: Waker,
}

/// Everybody who waits, and the next one's token.
static WAITERS: Mutex<(Vec<Waiter>, u64)> = Mutex::new((Vec::new(), 0));

/// Nothing that may panic is done with the waiters, so a poisoned lock means nothing.
fn waiters() -> MutexGuard<'static, (Vec<Waiter>, u64)> {
    WAITERS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Future for Ready<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Wakers are cloned and dropped outside the lock, since that runs code of others.
        let mut waker = context.waker().clone();
        let mut guard = waiters();
        let (list, next) = &mut *guard;
        let Some(token) = self.token else {
            list.push(Waiter { token: *next, fd: self.fd.as_raw_fd(), events: self.events, waker });
            self.token = Some(*next);
            *next += 1;
            return Poll::Pending;
        };
        match list.iter_mut().find(|waiter| waiter.token == token) {
            None => Poll::Ready(()),
            Some(waiter) => {
                std::mem::swap(&mut waiter.waker, &mut waker);
                drop(guard);
                Poll::Pending
            }
        }
    }
}

impl Drop for Ready<'_> {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            let mut guard = waiters();
            let at = guard.0.iter().position(|waiter| waiter.token == token);
            let waiter = at.map(|at| guard.0.swap_remove(at));
            drop(guard);
            drop(waiter);
        }
    }
}

/// Adds what the waiters wait for to `fds`, and gives their tokens in the same order.
pub(crate) fn collect(fds: &mut Vec<libc::pollfd>) -> Vec<u64> {
    let guard = waiters();
    let entry = |waiter: &Waiter| libc::pollfd { fd: waiter.fd, events: waiter.events, revents: 0 };
    fds.extend(guard.0.iter().map(entry));
    guard.0.iter().map(|waiter| waiter.token).collect()
}

/// Wakes the waiters of `tokens` whose descriptor is ready.
pub(crate) fn wake(fds: &[libc::pollfd], tokens: &[u64]) {
    for (fd, token) in fds.iter().zip(tokens).filter(|(fd, _)| fd.revents != 0) {
        let mut guard = waiters();
        let at = guard.0.iter().position(|waiter| waiter.token == *token && waiter.fd == fd.fd);
        let waiter = at.map(|at| guard.0.swap_remove(at));
        drop(guard);
        if let Some(waiter) = waiter {
            waiter.waker.wake();
        }
    }
}
