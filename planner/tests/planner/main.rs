//! The planner from outside: texts in, values and diagnostics out.

mod diagnostics;
mod docs;
mod generate;
mod support;
mod syntax;
