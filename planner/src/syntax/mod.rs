//! KDL 2 text to nodes with byte spans.
//!
//! A reader of our own: the `kdl` crate takes 36 µs a node, which alone would cost more than a whole no-op build, and
//! it stops at the first broken property. `kdl` stays as the judge in the tests: both must read the same documents
//! into the same values.

mod cursor;
mod node;
mod parser;
mod print;
mod scalar;
mod string;

pub use node::{Node, Property, Scalar, Text, Value};
pub use print::quote;

use uk_diagnostic::{Diagnostic, SourceId};

/// How many faults are told of one text; beyond that it is not a manifest with mistakes but something else.
pub const MAX_FAULTS: usize = 100;

/// Blocks may nest this deep. The language itself needs six levels.
pub const MAX_DEPTH: usize = 32;

/// Reads `text`, the text of `source`. What can be read is read even where there are faults, which come in the order
/// of their places.
pub fn parse(source: SourceId, text: &str) -> (Vec<Node<'_>>, Vec<Diagnostic>) {
    parser::Parser::new(source, text).document()
}
