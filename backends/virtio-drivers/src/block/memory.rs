//! The memory of a request: what the device reads and writes.

use alloc::alloc::{alloc_zeroed, dealloc, handle_alloc_error};
use core::alloc::Layout;
use core::ptr::NonNull;

use crate::Part;

/// Bytes of a request's head: its kind, a reserved word, the sector.
const HEAD: usize = 16;
/// Where the status is, and where the data begin.
const STATUS: usize = HEAD;
const DATA: usize = 64;
/// What no device gives as a status.
const NO_STATUS: u8 = 0xff;

/// Memory of one request. Only raw pointers lead to it, since the device has it for a while.
pub struct Memory {
    start: NonNull<u8>,
    /// Bytes of data that there is room for.
    capacity: usize,
}

impl Memory {
    /// Memory with room for `size` bytes of data.
    pub fn new(size: usize) -> Self {
        let capacity = size.max(4096).next_power_of_two();
        let layout = Self::layout(capacity);
        // SAFETY: the layout isn't of size zero.
        let start = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        Memory { start, capacity }
    }

    fn layout(capacity: usize) -> Layout {
        Layout::from_size_align(DATA + capacity, DATA).expect("pieces of requests are small")
    }

    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Writes the head and the data, for a device that doesn't have this memory.
    pub fn fill(&mut self, kind: u32, sector: u64, data: &[u8]) {
        assert!(data.len() <= self.capacity, "a request's memory is big enough for it");
        let start = self.start.as_ptr();
        // SAFETY: head, status and data are within the memory, which the device doesn't have, and `data` isn't.
        unsafe {
            start.cast::<[u32; 2]>().write([kind.to_le(), 0]);
            start.add(8).cast::<u64>().write(sector.to_le());
            start.add(STATUS).write(NO_STATUS);
            start.add(DATA).copy_from_nonoverlapping(data.as_ptr(), data.len());
        }
    }

    /// Copies the data out, once the device has given the memory back.
    pub fn copy_to(&self, data: &mut [u8]) {
        assert!(data.len() <= self.capacity, "a request's memory is big enough for it");
        // SAFETY: the data are within the memory, which the device doesn't have, and `data` isn't.
        unsafe {
            data.as_mut_ptr().copy_from_nonoverlapping(self.start.as_ptr().add(DATA), data.len());
        }
    }

    /// The status that the device gave.
    pub fn status(&self) -> u8 {
        // SAFETY: the status is within the memory. The device had it: any byte is a number.
        unsafe { self.start.as_ptr().add(STATUS).read_volatile() }
    }

    /// The parts that the device gets: head, data if there are any, status.
    pub fn parts(&self, length: usize, writable: bool) -> ([Part; 3], usize) {
        assert!(length <= self.capacity, "a request's memory is big enough for it");
        // SAFETY: all offsets are within the memory.
        let at = |offset: usize| unsafe { self.start.as_ptr().add(offset) };
        let head = Part { start: at(0), length: HEAD as u32, writable: false };
        // Pieces are shorter than 4 GiB.
        let data = Part { start: at(DATA), length: length as u32, writable };
        let status = Part { start: at(STATUS), length: 1, writable: true };
        if length == 0 { ([head, status, status], 2) } else { ([head, data, status], 3) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the memory came from this layout. Whoever drops it knows that the device doesn't have it.
        unsafe { dealloc(self.start.as_ptr(), Self::layout(self.capacity)) }
    }
}
