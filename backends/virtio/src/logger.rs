//! Log lines on the console.

use uk_device::backend::write_line;
use uk_device::log::Record;
use uk_device::{Duration, Wall};

use crate::clock;
use crate::serial::Serial;

/// Prints what was logged.
pub fn log(application: &str, record: &Record<'_>) {
    // Without a wall clock, lines show how long the unikernel has run.
    let now = wall().unwrap_or(Wall { unix: Duration::from_nanos(clock::now()), offset: None });
    Serial.fresh_line();
    let _ = write_line(&mut Serial, now, application, record);
}

/// The time of day. Which zone the machine is in isn't known.
pub fn wall() -> Option<Wall> {
    clock::wall().map(|nanoseconds| Wall { unix: Duration::from_nanos(nanoseconds), offset: None })
}
