//! Codes, spans and diagnostics shared by every stage.
//!
//! A stage never prints. It returns [`Diagnostic`]s, whose labels point into [`Sources`]; the command line renders them.
#![forbid(unsafe_code)]

mod code;
mod diagnostic;
mod render;
mod source;

pub use code::{Code, UnknownCode};
pub use diagnostic::{Diagnostic, Label, Severity, sort};
pub use render::Rendered;
pub use source::{Source, SourceId, Sources, Span};
