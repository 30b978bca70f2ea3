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
/// How long the executor looks for an outcome, where it may come soon: the page cache takes a short write in less. While others
/// are at the disk it has better things to do.
const WAIT: Duration = Duration::from_micros(24);
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
    /// How many are being done. A thread that has an outcome counts itself out before it tells, and takes the next
    /// request without being woken, so that requests one behind the other keep one thread going.
    doing: AtomicUsize,
    /// Told when there is a request and somebody sleeps.
    come: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: Vec<JoinHandle<()>>,
    /// Threads that sleep.
    asleep: usize,
    /// Whether a thread without work looks for some. One is enough.
    looked_at: bool,
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
        let into_memory = matches!(request, Request::Write { .. }) && self.file.has_page_cache();
        let alone = self.enqueue(Job { request, reply: reply.clone() });
        let mut soon = self.look && (into_memory || alone);
        poll_fn(move |context| {
            if std::mem::take(&mut soon) {
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

    /// Whether it is the only one under way.
    fn enqueue(&self, job: Job) -> bool {
        let mut queue = lock(&self.shared.queue);
        queue.jobs.push_back(job);
        self.shared.waiting.store(queue.jobs.len(), Ordering::Release);
        let doing = self.shared.doing.load(Ordering::Acquire);
        let alone = doing == 0 && queue.jobs.len() == 1;
        let free = queue.threads.len().saturating_sub(doing);
        let wanting = queue.jobs.len() > free && queue.threads.len() < THREADS;
        // Those that don't sleep come by themselves.
        let asleep = queue.asleep > 0 && queue.jobs.len() + queue.asleep > free;
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
                    jobs.into_iter().for_each(|job| job.perform(&self.file, || ()));
                    return alone;
                }
                Err(_) => {}
            }
        }
        drop(queue);
        if asleep {
            self.shared.come.notify_one();
        }
        alone
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
            shared.doing.fetch_add(1, Ordering::AcqRel);
            drop(queue);
            job.perform(file, || {
                shared.doing.fetch_sub(1, Ordering::AcqRel);
            });
            queue = lock(&shared.queue);
            continue;
        }
        if queue.closed {
            return;
        }
        if look_first && !queue.looked_at {
            queue.looked_at = true;
            drop(queue);
            look(IDLE, || shared.waiting.load(Ordering::Acquire) > 0);
            queue = lock(&shared.queue);
            queue.looked_at = false;
        }
        if queue.jobs.is_empty() && !queue.closed {
            queue.asleep += 1;
            queue = shared.come.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.asleep -= 1;
        }
    }
}

impl Job {
    /// Does it, says that it was done, and tells the outcome.
    fn perform(self, file: &Opened, done: impl FnOnce()) {
        let outcome = match self.request {
            Request::Read { offset, mut memory } => file.read(offset, &mut memory).map(|()| memory),
            Request::Write { offset, memory } => file.write(offset, &memory).map(|()| memory),
            Request::Flush => file.flush().map(|()| Vec::new()),
            Request::Discard { offset, length } => file.discard(offset, length).map(|()| Vec::new()),
        };
        done();
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Wake};

    struct Unpark(thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    fn pool(look: bool) -> (tempfile::NamedTempFile, Pool) {
        let image = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        image.as_file().set_len(1 << 20).expect("files can be big");
        let file = Opened::open(image.path(), false, 512).expect("it is a disk");
        let mut pool = Pool::new(Arc::new(file));
        pool.look = look;
        (image, pool)
    }

    /// Writes `count` sectors, `depth` at once.
    fn write(pool: &Pool, count: u64, depth: usize) {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut under_way = VecDeque::new();
        let mut begun = 0;
        while begun < count || !under_way.is_empty() {
            while begun < count && under_way.len() < depth {
                let request = Request::Write { offset: begun % 2048 * 512, memory: vec![7; 512] };
                under_way.push_back(Box::pin(pool.request(request)));
                begun += 1;
            }
            under_way.retain_mut(|request| match request.as_mut().poll(&mut context) {
                Poll::Ready(outcome) => {
                    assert_eq!(outcome, Ok(vec![7; 512]));
                    false
                }
                Poll::Pending => true,
            });
            if under_way.len() == depth {
                thread::park();
            }
        }
    }

    /// A thread that has just told its outcome isn't busy: starting or waking another takes longer than the write.
    #[test]
    fn requests_one_behind_the_other_keep_one_thread_going() {
        for look in [false, true] {
            let (_image, pool) = pool(look);
            write(&pool, 2000, 1);
            assert_eq!(lock(&pool.shared.queue).threads.len(), 1, "look: {look}");
        }
    }

    #[test]
    fn many_at_once_are_all_done_by_no_more_threads_than_there_may_be() {
        for look in [false, true] {
            let (_image, pool) = pool(look);
            write(&pool, 20_000, 50);
            let threads = lock(&pool.shared.queue).threads.len();
            assert!((1..=THREADS).contains(&threads), "{threads} threads");
            assert_eq!(pool.shared.doing.load(Ordering::Acquire), 0);
        }
    }
}
