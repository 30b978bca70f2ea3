//! Typed keys and their command line, the same on every target.
//!
//! A [`Key`] is a named, typed value of a unikernel. A table of them is fixed in the image; [`parse`] reads a command
//! line against that table into [`Values`]. The host uses the same [`Kind::parse`] for `--set`, so a value that was
//! accepted when building is accepted when booting.
//!
//! ```
//! use uk_keys::{Key, Kind, Outcome, parse};
//!
//! static KEYS: &[Key] = &[Key { default: Some("8080"), doc: "The port.", ..Key::new("port", Kind::U16) }];
//! let Outcome::Run(values) = parse("demo", KEYS, ["--port=80"]) else { panic!("a port is a port") };
//! assert_eq!(values.get::<u16>("port"), 80);
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used)]
#![warn(missing_docs)]

extern crate alloc;

mod args;
mod help;
mod kind;
mod logs;
mod near;
mod text;
mod value;
mod values;
pub mod words;

pub use args::{Outcome, Usage, parse};
pub use help::help;
pub use kind::{Invalid, Kind};
pub use logs::{Filter, Level};
pub use near::nearest;
pub use value::{Cidr4, Cidr6, FromValue, Mac, Value};
pub use values::Values;

/// Names that a key can't have, because every command line already understands them.
pub const RESERVED: &[&str] = &["help", "logs"];

/// A key of this name that is a list of strings takes the words of the command line that belong to no key: those that don't
/// begin with `-`, and all after a `--`.
pub const WORDS: &str = "args";

/// When a key's value may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// While building; the value is fixed in the image.
    Build,
    /// While building (which bakes a default) and when booting (which overrides it).
    Both,
    /// Only when booting.
    Run,
}

/// A declared key.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The name as it was declared; `-` and `_` are the same in it.
    pub name: &'a str,
    /// What values it takes.
    pub kind: Kind<'a>,
    /// When a value may be given.
    pub stage: Stage,
    /// The value where none is given, in the text form of `kind`.
    pub default: Option<&'a str>,
    /// One sentence for `--help`.
    pub doc: &'a str,
    /// Whether booting without a value is an error.
    pub required: bool,
    /// Whether the value is kept out of messages and `--help`.
    pub secret: bool,
}

impl<'a> Key<'a> {
    /// A key of stage [`Stage::Both`] without default or doc, neither required nor secret.
    pub const fn new(name: &'a str, kind: Kind<'a>) -> Self {
        Key { name, kind, stage: Stage::Both, default: None, doc: "", required: false, secret: false }
    }
}

/// Whether two names are the same key: `-` and `_` are equal.
///
/// ```
/// assert!(uk_keys::same_name("kv_ro", "kv-ro"));
/// ```
pub fn same_name(one: &str, other: &str) -> bool {
    let fold = |byte| if byte == b'_' { b'-' } else { byte };
    one.len() == other.len() && one.bytes().map(fold).eq(other.bytes().map(fold))
}
