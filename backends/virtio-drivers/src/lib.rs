//! Drivers of virtio devices (<https://docs.oasis-open.org/virtio/virtio/v1.3/>), over any transport.
//!
//! What a device says is not trusted: a wrong number of a buffer, a length that is too long, or anything said twice ends the
//! use of the device, and every request fails from then on. A device can write to the memory that it is given, and to no
//! other that a driver reads.
//!
//! Nothing here touches hardware, so host tests try the drivers against devices that misbehave.
#![no_std]
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks, clippy::unwrap_used)]
#![warn(missing_docs)]

extern crate alloc;

pub mod block;
mod queue;
mod transport;

pub use queue::{Broken, Part, Queue};
pub use transport::{EVENT_INDEX, Transport, VERSION_1};
