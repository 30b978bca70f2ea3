//! The store and the executor from outside.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cancel;
mod common;
mod crash;
mod disk;
mod exchange;
mod executor;
mod faults;
mod gc;
mod otherwise;
mod random;
mod staging;
mod stat_cache;
mod store;
mod why;
