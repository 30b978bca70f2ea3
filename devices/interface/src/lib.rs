//! Device interfaces for unikernel applications, with fakes for host tests.
//!
//! An application is a library crate whose entry function is generic over the interfaces in this crate:
//!
//! ```
//! use uk_device::{Duration, Time};
//!
//! pub async fn start(time: impl Time) -> uk_device::Result {
//!     time.sleep(Duration::from_secs(1)).await;
//!     Ok(())
//! }
//!
//! // On the host, a fake stands in for the device.
//! let clock = uk_device::fake::Clock::running();
//! uk_device::fake::block_on(start(&clock)).expect("sleeping doesn't fail");
//! assert_eq!(clock.now(), Duration::from_secs(1));
//! ```
#![no_std]
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks, clippy::unwrap_used)]
#![warn(missing_docs)]

#[doc(hidden)]
pub extern crate alloc;

mod args;
mod attachment;
pub mod backend;
mod block;
mod clock;
pub mod conformance;
mod console;
mod error;
pub mod fake;
mod join;
mod kv;
mod kv_index;
mod random;
mod time;

pub use core::time::Duration;
pub use log;
pub use uk_keys as keys;
pub use uk_keys_macro::keys;

pub use args::Args;
pub use attachment::Attachment;
pub use block::{Block, BlockError, Geometry};
pub use clock::{Clock, NoWallClock, Wall};
pub use console::{Console, ConsoleError};
pub use error::{Error, Outcome, Result, finish};
pub use join::join_all;
pub use kv::{Change, KvEntry, KvError, KvKind, KvRo, KvRw, SortedKeys, is_key, read_at};
pub use kv_index::{KvIndex, KvPlan};
pub use random::{Generator, Random};
pub use time::Time;

use alloc::boxed::Box;

/// Keys of an application as a struct; [`keys!`] implements it.
pub trait FromValues: Sized {
    /// The keys' values as fields.
    fn from_values(values: &'static keys::Values) -> Self;
}

/// Makes a device that several jobs use live as long as the unikernel.
pub fn share<T>(device: T) -> &'static T {
    Box::leak(Box::new(device))
}
