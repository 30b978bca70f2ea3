//! A disk of virtio as the standard has it, and as it may not be.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use uk_device::Wall;
use uk_executor::Platform;
use uk_virtio_drivers::{EVENT_INDEX, Queue, Transport, VERSION_1};

/// The features of a disk: read-only, sector size, flush, discard.
pub const READ_ONLY: u64 = 1 << 5;
pub const SECTOR_SIZE: u64 = 1 << 6;
const FLUSH: u64 = 1 << 9;
const DISCARD: u64 = 1 << 13;

/// How the device answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Manner {
    Honest,
    /// What it finds at once, the last first.
    Reversed,
    /// With a buffer that there is none of.
    WrongNumber,
    /// Each buffer twice.
    Twice,
    /// With more bytes than there is room for.
    TooLong,
    /// With an index that is ahead of what was offered.
    Runaway,
    /// Well, but with nothing written.
    Short,
    /// With this status.
    Status(u8),
    /// Not at all.
    Never,
}

pub struct Model {
    pub bytes: Vec<u8>,
    pub features: u64,
    pub sector_size: u32,
    pub queue_size: u16,
    pub interrupts: bool,
    /// How long it takes.
    pub delay: Option<Duration>,
    pub manner: Manner,
    /// What the driver settled for.
    pub accepted: u64,
    pub resets: u32,
    pub notifications: u32,
    pub kinds: Vec<u32>,
    running: bool,
    addresses: [u64; 3],
    size: u16,
    seen: u16,
    used: u16,
    waiting: Vec<Waker>,
}

/// The driver's way to it.
#[derive(Clone)]
pub struct Bus(pub Rc<RefCell<Model>>);

impl Bus {
    pub fn new(sectors: usize) -> Self {
        Bus(Rc::new(RefCell::new(Model {
            bytes: vec![0; sectors * 512],
            features: VERSION_1 | EVENT_INDEX | FLUSH | DISCARD,
            sector_size: 512,
            queue_size: 64,
            interrupts: true,
            delay: None,
            manner: Manner::Honest,
            accepted: 0,
            resets: 0,
            notifications: 0,
            kinds: Vec::new(),
            running: false,
            addresses: [0; 3],
            size: 0,
            seen: 0,
            used: 0,
            waiting: Vec::new(),
        })))
    }

    pub fn with(self, change: impl FnOnce(&mut Model)) -> Self {
        change(&mut self.0.borrow_mut());
        self
    }
}

impl Transport for Bus {
    fn begin(&mut self) -> u64 {
        self.reset();
        self.0.borrow().features
    }

    fn accept(&mut self, features: u64) -> bool {
        let mut model = self.0.borrow_mut();
        assert_eq!(features & !model.features, 0, "only what was offered");
        model.accepted = features;
        true
    }

    fn config(&self, offset: usize, bytes: &mut [u8]) {
        let model = self.0.borrow();
        let mut config = [0; 60];
        config[..8].copy_from_slice(&(model.bytes.len() as u64 / 512).to_le_bytes());
        config[20..24].copy_from_slice(&model.sector_size.to_le_bytes());
        config[36..40].copy_from_slice(&100_u32.to_le_bytes());
        bytes.copy_from_slice(&config[offset..offset + bytes.len()]);
    }

    fn queue_size(&mut self, number: u16) -> u16 {
        if number == 0 { self.0.borrow().queue_size } else { 0 }
    }

    unsafe fn set_queue(&mut self, _: u16, queue: &Queue) {
        let mut model = self.0.borrow_mut();
        (model.addresses, model.size, model.seen, model.used) = (queue.addresses(), queue.size(), 0, 0);
    }

    fn ready(&mut self) {
        self.0.borrow_mut().running = true;
    }

    fn notify(&self, _: u16) {
        let delay = {
            let mut model = self.0.borrow_mut();
            model.notifications += 1;
            model.delay
        };
        match delay {
            None => self.0.borrow_mut().work(),
            Some(delay) => {
                let model = self.0.clone();
                let later = uk_executor::now() + delay.as_nanos() as u64;
                uk_executor::spawn(async move {
                    uk_executor::sleep_until(later).await;
                    model.borrow_mut().work();
                })
                .detach();
            }
        }
    }

    fn interrupts(&self) -> bool {
        self.0.borrow().interrupts
    }

    fn acknowledge(&self) {}

    fn interrupt(&self) -> impl Future<Output = ()> + 'static {
        let model = self.0.clone();
        let mut waited = false;
        poll_fn(move |context| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            model.borrow_mut().waiting.push(context.waker().clone());
            Poll::Pending
        })
    }

    fn reset(&mut self) -> bool {
        let mut model = self.0.borrow_mut();
        model.running = false;
        model.resets += 1;
        true
    }
}

impl Model {
    fn read<V>(&self, address: u64) -> V {
        // SAFETY: the driver gave the address, as it would to a real device; it keeps what is there.
        unsafe { (address as *const V).read_volatile() }
    }

    fn write<V>(&self, address: u64, value: V) {
        // SAFETY: as above.
        unsafe { (address as *mut V).write_volatile(value) }
    }

    fn event_index(&self) -> bool {
        self.accepted & EVENT_INDEX != 0
    }

    /// Does what was offered.
    fn work(&mut self) {
        if !self.running || self.manner == Manner::Never {
            return;
        }
        let [_, available, used] = self.addresses;
        let size = u64::from(self.size);
        let before = self.used;
        let mut done = VecDeque::new();
        while self.seen != self.read::<u16>(available + 2) {
            let head: u16 = self.read(available + 4 + 2 * (u64::from(self.seen) % size));
            self.seen = self.seen.wrapping_add(1);
            let written = self.perform(head);
            match self.manner {
                Manner::Reversed => done.push_front((head, written)),
                Manner::WrongNumber => done.push_back((self.size + 7, written)),
                Manner::Twice => done.extend([(head, written); 2]),
                Manner::TooLong => done.push_back((head, 1 << 30)),
                Manner::Short => done.push_back((head, 0)),
                _ => done.push_back((head, written)),
            }
        }
        if self.event_index() {
            // It wants to hear of the next one.
            self.write(used + 4 + 8 * size, self.seen);
        }
        for (number, written) in done {
            let place = used + 4 + 8 * (u64::from(self.used) % size);
            self.write(place, u32::from(number));
            self.write(place + 4, written);
            self.used = self.used.wrapping_add(1);
        }
        if self.manner == Manner::Runaway {
            self.used = self.used.wrapping_add(self.size + 1);
        }
        self.write(used + 2, self.used);
        let wanted = if self.event_index() {
            let wish: u16 = self.read(available + 4 + 2 * size);
            self.used.wrapping_sub(wish).wrapping_sub(1) < self.used.wrapping_sub(before)
        } else {
            self.read::<u16>(available) & 1 == 0
        };
        if wanted && self.used != before {
            std::mem::take(&mut self.waiting).into_iter().for_each(Waker::wake);
        }
    }

    /// Does the request of a chain; how many bytes were written.
    fn perform(&mut self, head: u16) -> u32 {
        let mut parts = Vec::new();
        let mut next = Some(head);
        while let Some(number) = next {
            let descriptor = self.addresses[0] + 16 * u64::from(number);
            let (address, length): (u64, u32) = (self.read(descriptor), self.read(descriptor + 8));
            let (flags, after): (u16, u16) = (self.read(descriptor + 12), self.read(descriptor + 14));
            parts.push((address, length, flags & 2 != 0));
            next = (flags & 1 != 0).then_some(after);
        }
        let [(start, 16, false), data @ .., (status, 1, true)] = &parts[..] else {
            panic!("a chain {parts:?}")
        };
        let (kind, unit): (u32, u64) = (self.read(*start), self.read(start + 8));
        self.kinds.push(kind);
        let mut written = 1;
        for (address, length, writable) in data {
            written += if *writable { *length } else { 0 };
            let at = unit as usize * 512;
            match kind {
                0 => {
                    for offset in 0..u64::from(*length) {
                        self.write(address + offset, self.bytes[at + offset as usize]);
                    }
                }
                1 => {
                    for offset in 0..u64::from(*length) {
                        self.bytes[at + offset as usize] = self.read(address + offset);
                    }
                }
                8 => b"serial\0".iter().zip(0..).for_each(|(byte, at)| self.write(address + at, *byte)),
                11 => {
                    let (from, count): (u64, u32) = (self.read(*address), self.read(address + 8));
                    assert!(count <= 100, "no more than the device takes");
                    let range = from as usize * 512..(from as usize + count as usize) * 512;
                    self.bytes[range].fill(0xd5);
                }
                kind => panic!("data for a request of kind {kind}"),
            }
        }
        self.write(*status, if let Manner::Status(status) = self.manner { status } else { 0 });
        written
    }
}

struct Host(Instant);

impl Platform for Host {
    fn now(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }

    fn wall(&self) -> Option<Wall> {
        None
    }

    fn park(&self, deadline: Option<u64>) {
        let deadline = deadline.expect("somebody waits, and nothing will ever wake it");
        std::thread::sleep(Duration::from_nanos(deadline.saturating_sub(self.now())));
    }

    fn unpark(&self) {}
}

/// Runs a future with an executor. There is one in a process, so tests take turns.
pub fn run<F: Future>(future: F) -> F::Output {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    uk_executor::run(uk_device::share(Host(Instant::now())), future)
}
