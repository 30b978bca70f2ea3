//! The host half of every target: what it is called, how its main is linked and packed, and how it runs.
//!
//! Pure data and functions: no file is read and no process is started here. The guest halves are the crates beside this
//! one (`unix/`, `virtio/`); the host knows them by name alone.
#![forbid(unsafe_code)]

mod qemu;
mod target;

pub use qemu::{Accel, EXIT_PORT, Guest, Machine, PROGRAM, qemu_args};
pub use target::{Linker, Target, UnknownTarget};
