//! Log messages for tests.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

/// The log messages of a test, while it lives. Tests that capture take turns, since there is one logger in a process.
pub struct Logs(());

struct Capture {
    /// Whether some [`Logs`] lives.
    taken: AtomicBool,
    /// Guards `lines`.
    locked: AtomicBool,
    lines: UnsafeCell<Vec<String>>,
}

// SAFETY: `lines` is only touched in `with`, by the thread that has set `locked`.
unsafe impl Sync for Capture {}

static CAPTURE: Capture = Capture {
    taken: AtomicBool::new(false),
    locked: AtomicBool::new(false),
    lines: UnsafeCell::new(Vec::new()),
};

impl Capture {
    fn with<T>(&self, touch: impl FnOnce(&mut Vec<String>) -> T) -> T {
        while self.locked.swap(true, Ordering::Acquire) {
            core::hint::spin_loop();
        }
        // SAFETY: the flag was clear and is set now, so no other thread is here; `touch` doesn't come back here.
        let result = touch(unsafe { &mut *self.lines.get() });
        self.locked.store(false, Ordering::Release);
        result
    }
}

impl log::Log for Capture {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        // The message is written before the lock is taken, since writing it runs code of others.
        let line = record.args().to_string();
        if self.taken.load(Ordering::Acquire) {
            self.with(|lines| lines.push(line));
        }
    }

    fn flush(&self) {}
}

impl Logs {
    /// Starts to capture. Waits while another test captures.
    ///
    /// # Panics
    /// If the process has another logger.
    pub fn capture() -> Self {
        while CAPTURE.taken.swap(true, Ordering::AcqRel) {
            core::hint::spin_loop();
        }
        CAPTURE.with(Vec::clear);
        let ours = log::set_logger(&CAPTURE).is_ok();
        let test = log::max_level() == log::LevelFilter::Trace;
        if !ours && !test {
            CAPTURE.taken.store(false, Ordering::Release);
            panic!("another logger is set already");
        }
        log::set_max_level(log::LevelFilter::Trace);
        Logs(())
    }

    /// The messages so far, without level or target.
    pub fn lines(&self) -> Vec<String> {
        CAPTURE.with(|lines| lines.clone())
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        CAPTURE.taken.store(false, Ordering::Release);
    }
}
