//! Panics end the process with their own code, wherever they happen.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;

use uk_device::backend::PANIC;

/// Prints panics on standard error as `NAME: panic in job JOB at PLACE: MESSAGE` and exits.
pub fn install(name: &'static str) {
    std::panic::set_hook(Box::new(move |info| {
        let job = uk_executor::current_job().map(|job| format!(" in job `{job}`")).unwrap_or_default();
        let place = info.location().map(|place| format!(" at {place}")).unwrap_or_default();
        let message = info.payload_as_str().unwrap_or("(no message)");
        let mut err = std::io::stderr().lock();
        let _ = writeln!(err, "{name}: panic{job}{place}: {message}");
        // Captured only where RUST_BACKTRACE asks for it.
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            let _ = write!(err, "{trace}");
        }
        std::process::exit(PANIC.into());
    }));
}
