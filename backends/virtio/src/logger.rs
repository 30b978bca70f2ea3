//! Log lines on the console.

use uk_device::backend::{enabled, max_level, write_line};
use uk_device::keys::Filter;
use uk_device::log::{Log, Metadata, Record, set_logger, set_max_level};
use uk_device::{Duration, Wall};

use crate::clock;
use crate::serial::Serial;

struct Logger {
    application: &'static str,
    filter: &'static Filter,
}

/// Makes log lines of the levels that `filter` lets through appear.
pub fn install(application: &'static str, filter: &'static Filter) {
    if set_logger(uk_device::share(Logger { application, filter })).is_ok() {
        set_max_level(max_level(filter));
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        enabled(self.filter, self.application, metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            // Without a wall clock, lines show how long the unikernel has run.
            let now = wall().unwrap_or(Wall { unix: Duration::from_nanos(clock::now()), offset: None });
            Serial.fresh_line();
            let _ = write_line(&mut Serial, now, self.application, record);
        }
    }

    fn flush(&self) {}
}

/// The time of day. Which zone the machine is in isn't known.
pub fn wall() -> Option<Wall> {
    clock::wall().map(|nanoseconds| Wall { unix: Duration::from_nanos(nanoseconds), offset: None })
}
