//! State of the one processor.

use core::cell::UnsafeCell;

/// A value that only this processor touches, never from an interrupt handler.
pub struct Single<T>(UnsafeCell<T>);

// SAFETY: there is one processor, and interrupt handlers (`boot`) touch no `Single`; exceptions end the unikernel.
unsafe impl<T> Sync for Single<T> {}

impl<T> Single<T> {
    pub const fn new(value: T) -> Self {
        Single(UnsafeCell::new(value))
    }

    /// Runs `touch` on the value.
    ///
    /// # Safety
    /// `touch` must not come back to this value.
    pub unsafe fn with<R>(&self, touch: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: nobody else is here (see above), nor will come (the caller says).
        touch(unsafe { &mut *self.0.get() })
    }

    /// Where the value is, for hardware that reads it.
    pub const fn get(&self) -> *mut T {
        self.0.get()
    }
}

impl<T: Copy> Single<T> {
    pub fn load(&self) -> T {
        // SAFETY: copying runs nobody's code.
        unsafe { self.with(|value| *value) }
    }

    pub fn store(&self, new: T) {
        // SAFETY: a `Copy` type has no destructor, so this runs nobody's code.
        unsafe { self.with(|value| *value = new) }
    }
}
