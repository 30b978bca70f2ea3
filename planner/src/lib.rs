//! From manifest text to a checked device graph and an action graph, without IO.
#![forbid(unsafe_code)]

mod key;
pub mod lower;
pub mod manifest;
pub mod names;
mod read;
pub mod syntax;
pub mod units;
mod value;

pub use key::Key;
pub use read::Name;
pub use value::{Literal, Type};
