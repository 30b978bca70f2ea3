//! The host half of every target: what it is called, how its main is linked and packed, and how it runs.
//!
//! Pure data and functions: no file is read and no process is started here. The guest halves are the crates beside this
//! one (`unix/`, `virtio/`); the host knows them by name alone.
#![forbid(unsafe_code)]

mod qemu;
mod target;

pub use qemu::{Accel, Disk, EXIT_PORT, Guest, Machine, PROGRAM, qemu_args};
/// The variable `UK_ATTACH_NAME` tells an executable of the target `unix` which file is its attachment `NAME`.
pub const ATTACH: &str = "UK_ATTACH_";

pub use target::{Linker, Target, UnknownTarget};
