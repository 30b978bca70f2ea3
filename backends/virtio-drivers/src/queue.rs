//! A split queue: buffers that the driver offers, and those that the device has used.

use alloc::alloc::{alloc_zeroed, dealloc, handle_alloc_error};
use alloc::vec::Vec;
use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::{Ordering, fence};

/// The device broke the rules of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// Memory of a buffer.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Where it is.
    pub start: *mut u8,
    /// Bytes, at least one.
    pub length: u32,
    /// Whether the device writes it; else it reads it.
    pub writable: bool,
}

/// A descriptor, as the device reads it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Descriptor {
    address: u64,
    length: u32,
    flags: u16,
    next: u16,
}

const NEXT: u16 = 1;
const WRITE: u16 = 2;
/// The driver wants no interrupts (without event indices).
const NO_INTERRUPT: u16 = 1;
/// The device wants no notifications (without event indices).
const NO_NOTIFY: u16 = 1;

/// What the driver alone knows of a descriptor: the device could change its own copy.
#[derive(Clone, Copy)]
struct Shadow {
    next: u16,
    /// Of the first of a chain: how many descriptors it has, 0 if the device doesn't have it.
    count: u16,
    /// Of the first of a chain: how much the device may write.
    writable: u32,
}

/// A split queue. The device reads and writes the memory that it is in, so it must be reset before the queue is dropped.
pub struct Queue {
    memory: NonNull<u8>,
    layout: Layout,
    size: u16,
    event_index: bool,
    shadows: Vec<Shadow>,
    /// The first free descriptor, and how many there are.
    free: u16,
    room: u16,
    /// How many chains were offered, and how many of them the device was shown; both wrap.
    offered: u16,
    shown: u16,
    /// How many chains were taken back; wraps.
    taken: u16,
}

impl Queue {
    /// A queue with room for `size` descriptors, a power of two.
    pub fn new(size: u16, event_index: bool) -> Self {
        assert!(size.is_power_of_two(), "a split queue's size is a power of two");
        let bytes = Self::used_offset(size) + 6 + 8 * usize::from(size);
        let layout = Layout::from_size_align(bytes, 4096).expect("a queue is less than a mebibyte");
        // SAFETY: the layout isn't of size zero.
        let memory = unsafe { alloc_zeroed(layout) };
        let Some(memory) = NonNull::new(memory) else { handle_alloc_error(layout) };
        let shadows = (1..=size).map(|next| Shadow { next, count: 0, writable: 0 }).collect();
        let mut queue = Queue {
            memory,
            layout,
            size,
            event_index,
            shadows,
            free: 0,
            room: size,
            offered: 0,
            shown: 0,
            taken: 0,
        };
        queue.want_no_interrupt();
        queue
    }

    fn available_offset(size: u16) -> usize {
        16 * usize::from(size)
    }

    fn used_offset(size: u16) -> usize {
        (Self::available_offset(size) + 6 + 2 * usize::from(size)).next_multiple_of(64)
    }

    /// Where the descriptors, the ring of offered buffers and the ring of used ones are.
    pub fn addresses(&self) -> [u64; 3] {
        let start = self.memory.as_ptr() as u64;
        [start, start + Self::available_offset(self.size) as u64, start + Self::used_offset(self.size) as u64]
    }

    /// How many descriptors it has.
    pub fn size(&self) -> u16 {
        self.size
    }

    /// How many of them are free.
    pub fn room(&self) -> u16 {
        self.room
    }

    /// A place in the ring of offered buffers: flags, index, `size` entries, the event index.
    fn available(&self, at: u16) -> *mut u16 {
        let offset = Self::available_offset(self.size) + 2 * usize::from(at);
        debug_assert!(at < self.size + 3);
        // SAFETY: `at` is within the ring, which is within the memory.
        unsafe { self.memory.as_ptr().add(offset).cast() }
    }

    /// A place in the ring of used buffers, in units of two bytes: flags, index, `size` entries of four, the event index.
    fn used(&self, at: usize) -> *mut u16 {
        debug_assert!(at < usize::from(self.size) * 4 + 3);
        // SAFETY: `at` is within the ring, which is within the memory.
        unsafe { self.memory.as_ptr().add(Self::used_offset(self.size) + 2 * at).cast() }
    }

    fn write_available(&mut self, at: u16, value: u16) {
        // SAFETY: the place is within the memory, and aligned; the device only reads it.
        unsafe { self.available(at).write_volatile(value) }
    }

    fn read_used(&self, at: usize) -> u16 {
        // SAFETY: the place is within the memory, and aligned; any bits are a number. The device may write it meanwhile, as
        // registers of devices change.
        unsafe { self.used(at).read_volatile() }
    }

    /// Offers a chain of memory to the device, which doesn't look before [`show`](Queue::show). Gives the number under which
    /// [`take`](Queue::take) tells of it; `None` if there is no room.
    ///
    /// # Safety
    /// The memory must stay where it is, and nobody may touch it (or, where the device only reads, write it), until `take`
    /// has given the number back or the device is reset.
    pub unsafe fn offer(&mut self, parts: &[Part]) -> Option<u16> {
        let count = u16::try_from(parts.len()).ok().filter(|count| (1..=self.room).contains(count))?;
        let first = self.free;
        let mut at = first;
        for (number, part) in parts.iter().enumerate() {
            let next = self.shadows[usize::from(at)].next;
            let more = number + 1 < parts.len();
            let descriptor = Descriptor {
                address: part.start as u64,
                length: part.length,
                flags: if more { NEXT } else { 0 } | if part.writable { WRITE } else { 0 },
                next: if more { next } else { 0 },
            };
            // SAFETY: `at` is one of the free list, whose numbers are below `size`: the place is within the memory.
            unsafe {
                self.memory.as_ptr().cast::<Descriptor>().add(usize::from(at)).write_volatile(descriptor);
            }
            if !more {
                self.free = next;
                break;
            }
            at = next;
        }
        self.room -= count;
        let writable = parts.iter().filter(|part| part.writable).map(|part| part.length).sum();
        let head = &mut self.shadows[usize::from(first)];
        (head.count, head.writable) = (count, writable);
        self.write_available(2 + self.offered % self.size, first);
        self.offered = self.offered.wrapping_add(1);
        Some(first)
    }

    /// Shows the device what was offered. True if it wants to be notified.
    pub fn show(&mut self) -> bool {
        let (before, now) = (self.shown, self.offered);
        if before == now {
            return false;
        }
        // What is written before is seen by whoever sees the index.
        fence(Ordering::Release);
        self.write_available(1, now);
        self.shown = now;
        // The index is seen before the device's wish is read.
        fence(Ordering::SeqCst);
        if self.event_index {
            let wish = self.read_used(2 + 4 * usize::from(self.size));
            // The index has passed the one that was wished for.
            now.wrapping_sub(wish).wrapping_sub(1) < now.wrapping_sub(before)
        } else {
            self.read_used(0) & NO_NOTIFY == 0
        }
    }

    /// Takes back what the device has used: its number, and how many bytes the device says to have written.
    ///
    /// # Errors
    /// If the device tells nonsense.
    pub fn take(&mut self) -> Result<Option<(u16, u32)>, Broken> {
        let index = self.read_used(1);
        if index == self.taken {
            return Ok(None);
        }
        if index.wrapping_sub(self.taken) > self.size {
            return Err(Broken);
        }
        fence(Ordering::Acquire);
        let place = 2 + 4 * usize::from(self.taken % self.size);
        let word = |at: usize| u32::from(self.read_used(at)) | u32::from(self.read_used(at + 1)) << 16;
        let (number, length) = (word(place), word(place + 2));
        let first = u16::try_from(number).ok().filter(|number| *number < self.size).ok_or(Broken)?;
        let head = self.shadows[usize::from(first)];
        if head.count == 0 || length > head.writable {
            return Err(Broken);
        }
        let mut last = first;
        for _ in 1..head.count {
            last = self.shadows[usize::from(last)].next;
        }
        self.shadows[usize::from(last)].next = self.free;
        self.shadows[usize::from(first)].count = 0;
        self.free = first;
        self.room += head.count;
        self.taken = self.taken.wrapping_add(1);
        Ok(Some((first, length)))
    }

    /// Whether [`take`](Queue::take) has something to say.
    pub fn has_used(&self) -> bool {
        self.read_used(1) != self.taken
    }

    /// Asks for an interrupt with the next buffer that is used. False if there is one already: then take it first.
    pub fn want_interrupt(&mut self) -> bool {
        if self.event_index {
            self.write_available(2 + self.size, self.taken);
        } else {
            self.write_available(0, 0);
        }
        // The wish is seen before the index is read.
        fence(Ordering::SeqCst);
        !self.has_used()
    }

    /// Asks for no interrupts.
    pub fn want_no_interrupt(&mut self) {
        if self.event_index {
            // An index that comes last of all.
            self.write_available(2 + self.size, self.taken.wrapping_sub(1));
        } else {
            self.write_available(0, NO_INTERRUPT);
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the memory came from this layout; the device was reset and doesn't use it any more.
        unsafe { dealloc(self.memory.as_ptr(), self.layout) }
    }
}
