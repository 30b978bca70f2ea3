//! Log lines on standard output.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};
use std::mem::MaybeUninit;
use std::time::{SystemTime, UNIX_EPOCH};

use uk_device::backend::{Moment, enabled, max_level, write_line};
use uk_device::keys::Filter;
use uk_device::log::{Log, Metadata, Record, set_logger, set_max_level};

struct Logger {
    application: &'static str,
    filter: &'static Filter,
}

/// Makes log lines of the levels that `filter` lets through appear.
pub fn install(application: &'static str, filter: &'static Filter) {
    // An application that has set a logger of its own keeps it.
    if set_logger(uk_device::share(Logger { application, filter })).is_ok() {
        set_max_level(max_level(filter));
    }
}

/// Writes a text whole. A console that is gone doesn't stop the unikernel.
pub fn print(text: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Writes `NAME: MESSAGE` to standard error, if there is one.
pub fn complain(name: &str, message: &dyn Display) {
    let _ = writeln!(stderr(), "{name}: {message}");
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        enabled(self.filter, self.application, metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let mut line = String::new();
            // Writing to a `String` fails only if the message's own `Display` does; then what there is is printed.
            let _ = write_line(&mut line, now(), self.application, record);
            print(&line);
        }
    }

    fn flush(&self) {}
}

fn now() -> Moment {
    let seconds = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs() as i64,
        Err(before) => -(before.duration().as_secs() as i64),
    };
    Moment { seconds, offset: offset(seconds) }
}

/// How far local time is ahead of UTC at a moment.
fn offset(seconds: i64) -> Option<i32> {
    let time = libc::time_t::try_from(seconds).ok()?;
    let mut parts = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call. `localtime_r` reads the environment: the backend changes none.
    let found = unsafe { !libc::localtime_r(&raw const time, parts.as_mut_ptr()).is_null() };
    // SAFETY: a `tm` of zeroes is valid, and so is what `localtime_r` wrote.
    found.then(|| unsafe { parts.assume_init() }.tm_gmtoff as i32)
}
