//! Words of the command line: the `default-args` device of every target, which brings the key that takes them.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used)]
#![warn(missing_docs)]

extern crate alloc;

use alloc::vec::Vec;

/// The device `default-args`.
#[derive(Clone, Debug)]
pub struct Args(Vec<&'static str>);

/// Connects the device, which has these words; this can't fail.
pub async fn connect(words: Vec<&'static str>) -> uk_device::Result<Args> {
    Ok(Args(words))
}

impl uk_device::Args for Args {
    fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().copied()
    }
}
