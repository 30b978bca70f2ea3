//! Guest half of the virtio target: a freestanding image that any PVH loader boots.
//!
//! The way up: `boot` (32-bit entry, long mode) calls `uk_boot` in `start`, which brings up console, exceptions, page tables,
//! heap, clock, and then the unikernel. The way down, whatever the reason, is `exit`. README.md describes what the
//! host sees.
//!
//! Crates of devices find here what they share with it: [`bus`] to find virtio devices, [`interrupt`] to wait for
//! devices, and the [`serial`] port.
//!
//! There is nothing here to run on the host: boot tests try it, and a test build is empty.
#![cfg(not(test))]
#![no_std]
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks, clippy::unwrap_used)]
#![warn(missing_docs)]

extern crate alloc;

mod boot;
pub mod bus;
mod clock;
mod cpu;
mod exit;
mod fault;
mod heap;
mod image;
pub mod interrupt;
mod kvmclock;
mod lapic;
mod logger;
mod mem_functions;
mod memory;
mod paging;
mod panic;
mod pvh;
mod rtc;
pub mod serial;
mod single;
mod start;
mod trace;

pub use start::main;
pub use uk_executor::{Job, alone, job, jobs};

/// Declares the unikernel. The crate must be `#![no_std]` and `#![no_main]`.
///
/// - `name`: the unikernel's name, for `--help` and messages;
/// - `application`: the application's crate, whose log lines are tagged `application`;
/// - `keys`: the table of its keys, `&'static [uk_device::keys::Key<'static>]`;
/// - `start`: an `async fn(&'static uk_device::keys::Values) -> uk_device::Result`.
#[macro_export]
macro_rules! entry {
    (name: $name:expr, application: $application:expr, keys: $keys:expr, start: $start:expr $(,)?) => {
        #[unsafe(no_mangle)]
        extern "C" fn uk_main() -> ! {
            $crate::main($name, $application, $keys, $start)
        }
    };
}
