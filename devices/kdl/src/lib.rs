//! KDL 2 text to nodes with places.
//!
//! The reader of `uk` and of the `keys!` macro, so it has no dependencies and builds in a moment. It reads on after a
//! fault: a text with five mistakes is told of five. Its caller says what a place is, from a range of bytes.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

mod cursor;
mod node;
mod parser;
mod print;
mod scalar;
mod string;

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

pub use node::{Node, Property, Scalar, Text, Value};
pub use print::{in_quotes, quote};

/// How many faults are told of one text; beyond that it is not a manifest with mistakes but something else.
pub const MAX_FAULTS: usize = 100;

/// Blocks may nest this deep. The language of manifests needs six levels.
pub const MAX_DEPTH: usize = 32;

/// What is wrong with a text. `S` is what the caller of [`parse`] takes for a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault<S> {
    /// One sentence; lower case, no full stop, what was written in backticks.
    pub message: String,
    /// Where.
    pub place: S,
    /// What is at that place.
    pub label: &'static str,
    /// What to write instead.
    pub help: Option<String>,
}

/// Reads `text`. What can be read is read even where there are faults, which come in the order in which they were
/// found. `place` makes a place of a range of bytes, which lies within the text on the bounds of characters.
pub fn parse<S: Clone>(text: &str, place: impl Fn(Range<usize>) -> S) -> (Vec<Node<'_, S>>, Vec<Fault<S>>) {
    parser::Parser::new(text, place).document()
}
