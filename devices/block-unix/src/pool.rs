//! The threads that wait for the disk.
//!
//! Handing a request over takes longer than the page cache takes for a small write, so whoever waits, a thread for the next
//! request or the executor for the outcome, looks for a few microseconds before it sleeps. With one processor nobody looks.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use uk_device::BlockError;

use crate::file::Opened;

/// How many threads there are at most: as many requests are at the disk at once.
const THREADS: usize = 16;
/// How long a thread without work looks for some.
const IDLE: Duration = Duration::from_micros(40);
/// How long the executor looks for an outcome.
const WAIT: Duration = Duration::from_micros(8);
/// Memory that is kept for the next request.
const KEPT: usize = 4;
/// The biggest that is kept.
const KEPT_SIZE: usize = 1 << 20;

/// What a thread does.
#[derive(Debug)]
pub enum Request {
    Read { offset: u64, memory: Vec<u8> },
    Write { offset: u64, memory: Vec<u8> },
    Flush,
    Discard { offset: u64, length: u64 },
}

/// What comes of it: the request's memory.
type Outcome = Result<Vec<u8>, BlockError>;

#[derive(Debug)]
struct Job {
    request: Request,
    reply: Arc<Reply>,
}

#[derive(Debug, Default)]
struct Reply {
    done: AtomicBool,
    state: Mutex<(Option<Outcome>, Option<Waker>)>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// How many requests wait: what an idle thread looks at.
    waiting: AtomicUsize,
    /// Told when there is a request and somebody sleeps.
    come: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: Vec<JoinHandle<()>>,
    /// Threads without work, and those of them that sleep.
    idle: usize,
    asleep: usize,
    closed: bool,
}

/// The threads of one disk. They start with the first requests and end with the disk.
#[derive(Debug)]
pub struct Pool {
    file: Arc<Opened>,
    shared: Arc<Shared>,
    kept: Mutex<Vec<Vec<u8>>>,
    look: bool,
}

/// Nothing that may panic is done under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks until `done`, for `time` at most.
fn look(time: Duration, mut done: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    loop {
        for _ in 0..16 {
            if done() {
                return true;
            }
            std::hint::spin_loop();
        }
        if begun.elapsed() > time {
            return false;
        }
    }
}

impl Pool {
    pub fn new(file: Arc<Opened>) -> Self {
        let look = thread::available_parallelism().is_ok_and(|count| count.get() > 1);
        Pool { file, shared: Arc::default(), kept: Mutex::default(), look }
    }

    /// Memory for a request; what is in it doesn't matter.
    pub fn memory(&self, size: usize) -> Vec<u8> {
        let mut kept = lock(&self.kept);
        let mut memory = kept.pop().unwrap_or_default();
        drop(kept);
        memory.resize(size, 0);
        memory
    }

    /// Keeps the memory of a request for another.
    pub fn give_back(&self, memory: Vec<u8>) {
        let mut kept = lock(&self.kept);
        if kept.len() < KEPT && memory.capacity() <= KEPT_SIZE {
            kept.push(memory);
        }
    }

    /// Has a request done. It is done even if the future is dropped.
    pub async fn request(&self, request: Request) -> Outcome {
        let reply = Arc::new(Reply::default());
        self.enqueue(Job { request, reply: reply.clone() });
        let mut first = true;
        poll_fn(move |context| {
            if std::mem::take(&mut first) && self.look {
                look(WAIT, || reply.done.load(Ordering::Acquire));
            }
            let mut state = lock(&reply.state);
            match state.0.take() {
                Some(outcome) => Poll::Ready(outcome),
                None => {
                    state.1 = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn enqueue(&self, job: Job) {
        let mut queue = lock(&self.shared.queue);
        queue.jobs.push_back(job);
        self.shared.waiting.store(queue.jobs.len(), Ordering::Release);
        let wanting = queue.jobs.len() > queue.idle && queue.threads.len() < THREADS;
        let asleep = queue.asleep > 0;
        if wanting {
            let (file, shared, look) = (self.file.clone(), self.shared.clone(), self.look);
            let started =
                thread::Builder::new().name("uk-block".to_owned()).spawn(move || work(&file, &shared, look));
            match started {
                Ok(thread) => queue.threads.push(thread),
                // There is no thread to be had: then this one waits for the disk.
                Err(_) if queue.threads.is_empty() => {
                    let jobs: Vec<Job> = queue.jobs.drain(..).collect();
                    drop(queue);
                    jobs.into_iter().for_each(|job| job.perform(&self.file));
                    return;
                }
                Err(_) => {}
            }
        }
        drop(queue);
        if asleep {
            self.shared.come.notify_one();
        }
    }
}

/// What was asked for is done before the disk is closed.
impl Drop for Pool {
    fn drop(&mut self) {
        let mut queue = lock(&self.shared.queue);
        queue.closed = true;
        let threads = std::mem::take(&mut queue.threads);
        drop(queue);
        self.shared.come.notify_all();
        for thread in threads {
            // A thread panics only where the process ends with it.
            let _ = thread.join();
        }
    }
}

/// The life of a thread.
fn work(file: &Opened, shared: &Shared, look_first: bool) {
    let mut queue = lock(&shared.queue);
    loop {
        if let Some(job) = queue.jobs.pop_front() {
            shared.waiting.store(queue.jobs.len(), Ordering::Release);
            drop(queue);
            job.perform(file);
            queue = lock(&shared.queue);
            continue;
        }
        if queue.closed {
            return;
        }
        queue.idle += 1;
        if look_first && queue.idle == 1 {
            drop(queue);
            look(IDLE, || shared.waiting.load(Ordering::Acquire) > 0);
            queue = lock(&shared.queue);
        }
        if queue.jobs.is_empty() && !queue.closed {
            queue.asleep += 1;
            queue = shared.come.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.asleep -= 1;
        }
        queue.idle -= 1;
    }
}

impl Job {
    fn perform(self, file: &Opened) {
        let outcome = match self.request {
            Request::Read { offset, mut memory } => file.read(offset, &mut memory).map(|()| memory),
            Request::Write { offset, memory } => file.write(offset, &memory).map(|()| memory),
            Request::Flush => file.flush().map(|()| Vec::new()),
            Request::Discard { offset, length } => file.discard(offset, length).map(|()| Vec::new()),
        };
        let mut state = lock(&self.reply.state);
        state.0 = Some(outcome);
        let waker = state.1.take();
        drop(state);
        self.reply.done.store(true, Ordering::Release);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
