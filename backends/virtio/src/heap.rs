//! The heap: all memory that nothing else is in.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{copy_nonoverlapping, null_mut};

use talc::DefaultBinning;
use talc::base::Talc;
use talc::source::Manual;

use crate::memory::Free;
use crate::single::Single;

struct Heap {
    talc: Single<Talc<Manual, DefaultBinning>>,
    total: Single<usize>,
    refused: Single<Option<usize>>,
}

#[global_allocator]
static HEAP: Heap =
    Heap { talc: Single::new(Talc::new(Manual)), total: Single::new(0), refused: Single::new(None) };

/// Gives memory to the heap.
///
/// # Safety
/// The ranges must be mapped, writable, and nobody else's.
pub unsafe fn init(free: &Free) {
    for range in free.ranges() {
        // SAFETY: the caller's; talc calls nothing outside itself.
        unsafe { HEAP.talc.with(|talc| talc.claim(range.start as *mut u8, range.len())) };
        HEAP.total.store(HEAP.total.load() + range.len());
    }
}

/// How many bytes the heap began with.
pub fn total() -> usize {
    HEAP.total.load()
}

/// The size of the last allocation that failed.
pub fn refused() -> Option<usize> {
    HEAP.refused.load()
}

impl Heap {
    fn checked(&self, pointer: *mut u8, size: usize) -> *mut u8 {
        if pointer.is_null() {
            self.refused.store(Some(size));
        }
        pointer
    }
}

// SAFETY: talc keeps the contract. It calls nothing outside itself, so nothing comes back here while it works.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller gives a layout whose size isn't zero.
        let block = unsafe { self.talc.with(|talc| talc.allocate(layout)) };
        self.checked(block.map_or(null_mut(), |block| block.as_ptr()), layout.size())
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller gives what `alloc` gave, and its layout.
        unsafe { self.talc.with(|talc| talc.deallocate(pointer, layout)) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above; the caller's size isn't zero and fits the alignment. The new block holds at least the
        // smaller of both sizes, and is another than the old one, which is the caller's until it is given back.
        unsafe {
            if self.talc.with(|talc| talc.try_realloc_in_place(pointer, layout, size)) {
                return pointer;
            }
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                copy_nonoverlapping(pointer, new, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
            new
        }
    }
}
