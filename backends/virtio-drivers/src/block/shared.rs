//! What the disk, its requests and its task share.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::future::{Future, poll_fn};
use core::mem::take;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use uk_device::BlockError;

use super::memory::Memory;
use crate::{Broken, Queue, Transport};

/// How long the task looks for an answer before it waits for an interrupt, in nanoseconds.
const LOOK: u64 = 150_000;
/// After so many looks in vain it waits at once, but for one look in `AGAIN` requests.
const PATIENCE: u32 = 4;
const AGAIN: u32 = 64;
/// How much memory is kept for the next requests: that of so many.
const SPARE: usize = 64;

/// The statuses that a device gives.
const DONE: u8 = 0;
pub const UNSUPPORTED: i32 = 2;
/// The status of a device that broke the rules, or whose answer is too short.
const NONSENSE: i32 = 255;

/// A request.
enum Entry {
    /// The device has it, and writes at least `least` bytes of data.
    Lent { memory: Memory, least: usize, waker: Option<Waker>, given_up: bool },
    /// It has ended.
    Ended { memory: Option<Memory>, outcome: Result<(), BlockError> },
    /// There is none of this number.
    Free,
}

pub struct Shared<T: Transport> {
    transport: T,
    queue: Queue,
    entries: Vec<Entry>,
    free: Vec<usize>,
    /// The entry of each number of the queue.
    by_number: Vec<usize>,
    spare: Vec<Memory>,
    /// How many requests the device has.
    lent: usize,
    /// Who waits for room in the queue.
    waiting: Vec<Waker>,
    /// The task.
    task: Option<Waker>,
    /// No more requests are made.
    closed: bool,
    looks_in_vain: u32,
    requests: u32,
}

impl<T: Transport> Shared<T> {
    pub fn new(transport: T, queue: Queue) -> Self {
        Shared {
            by_number: alloc::vec![0; usize::from(queue.size())],
            transport,
            queue,
            entries: Vec::new(),
            free: Vec::new(),
            spare: Vec::new(),
            lent: 0,
            waiting: Vec::new(),
            task: None,
            closed: false,
            looks_in_vain: 0,
            requests: 0,
        }
    }

    /// Offers a request to the device, once there is room; its number.
    pub fn poll_start(
        &mut self,
        context: &mut Context<'_>,
        kind: u32,
        unit: u64,
        out: &[u8],
        into: usize,
        least: usize,
    ) -> Poll<Result<usize, BlockError>> {
        if self.closed {
            return Poll::Ready(Err(BlockError::Failed(NONSENSE)));
        }
        if self.queue.room() < 3 {
            self.waiting.push(context.waker().clone());
            return Poll::Pending;
        }
        let length = out.len().max(into);
        let mut memory = self.memory(length);
        memory.fill(kind, unit, out);
        let (parts, count) = memory.parts(length, into > 0);
        // SAFETY: the memory belongs to the entry until the device has given it back or was reset, and isn't touched.
        let Some(number) = (unsafe { self.queue.offer(&parts[..count]) }) else {
            return Poll::Ready(Err(BlockError::Failed(NONSENSE)));
        };
        let entry = Entry::Lent { memory, least, waker: None, given_up: false };
        let place = self.free.pop().unwrap_or(self.entries.len());
        match self.entries.get_mut(place) {
            Some(free) => *free = entry,
            None => self.entries.push(entry),
        }
        self.by_number[usize::from(number)] = place;
        self.lent += 1;
        self.requests = self.requests.wrapping_add(1);
        // The task shows it, with whatever else is offered until it runs.
        if let Some(task) = self.task.take() {
            task.wake();
        }
        Poll::Ready(Ok(place))
    }

    fn memory(&mut self, size: usize) -> Memory {
        let fits = |memory: &Memory| (size..=4 * size.max(4096)).contains(&memory.capacity());
        match self.spare.iter().rposition(fits) {
            Some(at) => self.spare.swap_remove(at),
            None => Memory::new(size),
        }
    }

    /// The outcome of a request, if it has ended, with what was read.
    pub fn poll_end(
        &mut self,
        context: &mut Context<'_>,
        place: usize,
        into: &mut [u8],
    ) -> Option<Result<(), BlockError>> {
        match &mut self.entries[place] {
            Entry::Lent { waker, .. } => {
                match waker {
                    Some(waker) => waker.clone_from(context.waker()),
                    None => *waker = Some(context.waker().clone()),
                }
                None
            }
            Entry::Ended { memory, outcome } => {
                if let (Ok(()), Some(memory)) = (&outcome, memory) {
                    memory.copy_to(into);
                }
                Some(*outcome)
            }
            Entry::Free => Some(Err(BlockError::Failed(NONSENSE))),
        }
    }

    /// Nobody wants to know any more what comes of a request.
    fn release(&mut self, place: usize) {
        match &mut self.entries[place] {
            Entry::Lent { given_up, waker, .. } => (*given_up, *waker) = (true, None),
            Entry::Ended { memory, .. } => {
                let memory = memory.take();
                self.forget(place, memory);
            }
            Entry::Free => {}
        }
    }

    fn forget(&mut self, place: usize, memory: Option<Memory>) {
        self.entries[place] = Entry::Free;
        self.free.push(place);
        self.spare.extend(memory.filter(|_| self.spare.len() < SPARE));
    }

    /// Shows the device what was offered.
    fn show(&mut self) {
        if !self.closed && self.queue.show() {
            self.transport.notify(0);
        }
    }

    /// Takes what the device has done; the wakers of those who wait for it.
    fn reap(&mut self, wakers: &mut Vec<Waker>) {
        if self.closed {
            return;
        }
        loop {
            match self.queue.take() {
                Ok(Some((number, length))) => self.end(number, length as usize, wakers),
                Ok(None) => break,
                Err(Broken) => {
                    self.fail(wakers);
                    break;
                }
            }
        }
        if !wakers.is_empty() {
            wakers.append(&mut self.waiting);
        }
    }

    fn end(&mut self, number: u16, written: usize, wakers: &mut Vec<Waker>) {
        let place = self.by_number[usize::from(number)];
        self.lent -= 1;
        match core::mem::replace(&mut self.entries[place], Entry::Free) {
            Entry::Lent { memory, least, waker, given_up } => {
                if given_up {
                    self.forget(place, Some(memory));
                    wakers.append(&mut self.waiting);
                    return;
                }
                let outcome = match memory.status() {
                    // The status comes after the data: a device that wrote less of them is wrong.
                    DONE if written > least => Ok(()),
                    DONE => Err(BlockError::Failed(NONSENSE)),
                    status => Err(BlockError::Failed(status.into())),
                };
                self.entries[place] = Entry::Ended { memory: Some(memory), outcome };
                wakers.extend(waker);
            }
            // The queue gives each number back once.
            other => self.entries[place] = other,
        }
    }

    /// Resets a device that broke the rules; every request fails. The memory of a device that can't be reset is lost.
    fn fail(&mut self, wakers: &mut Vec<Waker>) {
        let obeys = self.transport.reset();
        self.closed = true;
        for entry in &mut self.entries {
            if matches!(entry, Entry::Lent { .. }) {
                let ended = Entry::Ended { memory: None, outcome: Err(BlockError::Failed(NONSENSE)) };
                if let Entry::Lent { memory, waker, .. } = core::mem::replace(entry, ended) {
                    wakers.extend(waker);
                    if !obeys {
                        core::mem::forget(memory);
                    }
                }
            }
        }
        self.lent = 0;
        wakers.append(&mut self.waiting);
    }

    /// Ends the use of the device. False if it may still write to memory.
    pub fn close(&mut self) -> bool {
        self.closed = true;
        self.transport.reset()
    }
}

/// Releases a request when its future ends, however it does.
pub struct Guard<'s, T: Transport> {
    shared: &'s RefCell<Shared<T>>,
    place: usize,
}

impl<'s, T: Transport> Guard<'s, T> {
    pub fn new(shared: &'s RefCell<Shared<T>>, place: usize) -> Self {
        Guard { shared, place }
    }
}

impl<T: Transport> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        self.shared.borrow_mut().release(self.place);
    }
}

/// The task of a disk: shows the device what is offered, and looks for what it has done.
pub async fn tend<T: Transport + 'static>(shared: Rc<RefCell<Shared<T>>>) {
    let mut interrupt: Option<Pin<Box<dyn Future<Output = ()>>>> = None;
    let mut look_until: Option<u64> = None;
    poll_fn(|context| {
        let mut wakers = Vec::new();
        let closed = {
            let mut shared = shared.borrow_mut();
            let shared = &mut *shared;
            shared.task = Some(context.waker().clone());
            shared.show();
            loop {
                shared.reap(&mut wakers);
                if shared.lent == 0 || !wakers.is_empty() {
                    // Nothing to wait for, or somebody to be told first, who may ask for more.
                    let looked = look_until.take().is_some() && interrupt.take().is_none();
                    if looked && !wakers.is_empty() && shared.looks_in_vain < PATIENCE {
                        shared.looks_in_vain = 0;
                    }
                    if shared.lent > 0 {
                        context.waker().wake_by_ref();
                    }
                    break;
                }
                if !shared.transport.interrupts() {
                    context.waker().wake_by_ref();
                    break;
                }
                let now = uk_executor::now();
                let impatient = shared.looks_in_vain >= PATIENCE && !shared.requests.is_multiple_of(AGAIN);
                let until = *look_until.get_or_insert(if impatient { now } else { now + LOOK });
                if now < until {
                    context.waker().wake_by_ref();
                    break;
                }
                if !impatient && interrupt.is_none() {
                    shared.looks_in_vain = shared.looks_in_vain.saturating_add(1);
                }
                // An interrupt of before, which nobody waited for, would hide the next one.
                shared.transport.acknowledge();
                if !shared.queue.want_interrupt() {
                    continue;
                }
                let waiting = interrupt.get_or_insert_with(|| Box::pin(shared.transport.interrupt()));
                if waiting.as_mut().poll(context).is_pending() {
                    break;
                }
                interrupt = None;
                shared.queue.want_no_interrupt();
            }
            shared.closed
        };
        take(&mut wakers).into_iter().for_each(Waker::wake);
        if closed { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
