//! Reads the keys, and nothing else, of a `unikernel.kdl`.
//!
//! The `keys!` macro runs this inside the compiler for every application, so it is small and stands on [`uk_kdl`] alone.
//! It takes a key's *projection* only: what its Rust type depends on. `uk` writes the projection to a file of its own
//! ([`write()`]) and gives the macro that, so that another default, doc or device line doesn't compile the application
//! again.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

mod keys;

use alloc::string::String;
use core::fmt;

pub use keys::{Key, Type, read, write};

/// A fault in a manifest's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The line on which it was found, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl core::error::Error for Error {}
