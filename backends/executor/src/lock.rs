//! A lock for what is touched for a few instructions at a time.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

/// Spins when another thread is inside. On bare metal nobody ever is: interrupts are taken only while halted, when no lock
/// is held.
pub struct Lock<T> {
    locked: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: `with` lets one thread at a time reach the value.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    pub const fn new(value: T) -> Self {
        Lock { locked: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Runs `touch` on the value. It must not come back to this lock, nor run anything that it doesn't know, such as a
    /// waker or a destructor.
    pub fn with<R>(&self, touch: impl FnOnce(&mut T) -> R) -> R {
        while self.locked.swap(true, Ordering::Acquire) {
            core::hint::spin_loop();
        }
        // SAFETY: the flag was clear and is set now, so this is the only reference.
        let result = touch(unsafe { &mut *self.value.get() });
        self.locked.store(false, Ordering::Release);
        result
    }
}
