//! The executor: one run queue and one timer heap, the same on every target.
//!
//! A backend gives [`run`] a [`Platform`] and the unikernel's main future; device crates use [`spawn`], [`now`] and
//! [`sleep_until`]. One thread runs everything, so futures need not be `Send`; wakers may be used from any thread and from
//! interrupt handlers.
#![no_std]
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks, clippy::unwrap_used)]
#![warn(missing_docs)]

extern crate alloc;

mod jobs;
mod lock;
mod run;
mod timers;

pub use jobs::{Job, alone, job, jobs};
pub use run::{Platform, Task, current_job, now, run, spawn, wall, yield_now};
pub use timers::{Sleep, sleep_until};
