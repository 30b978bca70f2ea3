//! The timer heap.

use alloc::vec::Vec;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use crate::lock::Lock;
use crate::now;

/// All timers of the process's one executor.
pub static TIMERS: Lock<Timers> = Lock::new(Timers { heap: Vec::new(), slots: Vec::new(), free: Vec::new() });

/// A binary heap whose entries can be taken out from the middle: each entry knows its slot, and each slot where its
/// entry stands.
#[derive(Default)]
pub struct Timers {
    heap: Vec<Entry>,
    slots: Vec<Slot>,
    free: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Entry {
    deadline: u64,
    slot: usize,
}

struct Slot {
    position: usize,
    /// `None` for a slot that is free.
    waker: Option<Waker>,
    /// Counts the slot's uses, so that a token of an earlier use is known as such.
    generation: u64,
}

/// A timer that was added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Token {
    slot: usize,
    generation: u64,
}

impl Timers {
    /// When the next timer is due.
    pub fn next(&self) -> Option<u64> {
        self.heap.first().map(|entry| entry.deadline)
    }

    pub fn add(&mut self, deadline: u64, waker: Waker) -> Token {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { position: 0, waker: None, generation: 0 });
            self.slots.len() - 1
        });
        let position = self.heap.len();
        self.heap.push(Entry { deadline, slot });
        self.slots[slot].position = position;
        self.slots[slot].waker = Some(waker);
        self.up(position);
        Token { slot, generation: self.slots[slot].generation }
    }

    /// The waker of a timer that hasn't fired.
    pub fn waker(&mut self, token: Token) -> Option<&mut Waker> {
        let slot = self.slots.get_mut(token.slot).filter(|slot| slot.generation == token.generation)?;
        slot.waker.as_mut()
    }

    /// Takes a timer out; `None` if it has fired.
    pub fn remove(&mut self, token: Token) -> Option<Waker> {
        self.waker(token)?;
        self.take(self.slots[token.slot].position)
    }

    /// Takes the first timer that is due at `now`, or says when the next one is.
    pub fn pop(&mut self, now: u64) -> Result<Waker, Option<u64>> {
        match self.next() {
            Some(deadline) if deadline <= now => self.take(0).ok_or(None),
            next => Err(next),
        }
    }

    fn take(&mut self, position: usize) -> Option<Waker> {
        let Entry { slot, .. } = self.heap.swap_remove(position);
        if position < self.heap.len() {
            self.slots[self.heap[position].slot].position = position;
            self.up(position);
            self.down(position);
        }
        self.free.push(slot);
        self.slots[slot].generation += 1;
        self.slots[slot].waker.take()
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.heap.swap(one, other);
        for position in [one, other] {
            self.slots[self.heap[position].slot].position = position;
        }
    }

    fn up(&mut self, mut position: usize) {
        while position > 0 {
            let parent = (position - 1) / 2;
            if self.heap[parent].deadline <= self.heap[position].deadline {
                return;
            }
            self.swap(parent, position);
            position = parent;
        }
    }

    fn down(&mut self, mut position: usize) {
        loop {
            let mut least = position;
            for child in [2 * position + 1, 2 * position + 2] {
                if child < self.heap.len() && self.heap[child].deadline < self.heap[least].deadline {
                    least = child;
                }
            }
            if least == position {
                return;
            }
            self.swap(least, position);
            position = least;
        }
    }
}

/// Waits until the executor's clock shows `deadline` nanoseconds; `u64::MAX` is never.
pub fn sleep_until(deadline: u64) -> Sleep {
    Sleep { deadline, token: None }
}

/// The future of [`sleep_until`]. Dropping it takes its timer out.
#[derive(Debug)]
pub struct Sleep {
    deadline: u64,
    token: Option<Token>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.deadline <= now() {
            return Poll::Ready(());
        }
        if self.deadline == u64::MAX {
            return Poll::Pending;
        }
        // Wakers are cloned and dropped outside the lock, since that may run code of others.
        let mut waker = context.waker().clone();
        let token = self.token;
        let kept = TIMERS.with(|timers| match token.and_then(|token| timers.waker(token)) {
            Some(kept) => {
                core::mem::swap(kept, &mut waker);
                None
            }
            None => Some(()),
        });
        if kept.is_some() {
            let deadline = self.deadline;
            self.token = Some(TIMERS.with(|timers| timers.add(deadline, waker)));
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            drop(TIMERS.with(|timers| timers.remove(token)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds and removes at random and compares with a sorted list.
    #[test]
    fn fires_in_order_whatever_was_removed() {
        let mut timers = Timers::default();
        let mut model: Vec<(u64, Token)> = Vec::new();
        let mut state = 88_172_645_463_325_252_u64;
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        for _ in 0..20_000 {
            match random(3) {
                0 | 1 if model.len() < 200 => {
                    let deadline = random(1_000);
                    let token = timers.add(deadline, Waker::noop().clone());
                    model.push((deadline, token));
                }
                2 if !model.is_empty() => {
                    let (_, token) = model.swap_remove(random(model.len() as u64) as usize);
                    assert!(timers.remove(token).is_some());
                    assert!(timers.remove(token).is_none());
                }
                _ => {
                    let due = model.iter().map(|(deadline, _)| *deadline).min();
                    assert_eq!(timers.next(), due);
                    let now = random(1_000);
                    let fired = timers.pop(now).is_ok();
                    assert_eq!(fired, due.is_some_and(|due| due <= now));
                    if fired {
                        model.retain(|(_, token)| timers.waker(*token).is_some());
                    }
                }
            }
            assert_eq!(timers.heap.len(), model.len());
        }
    }
}
