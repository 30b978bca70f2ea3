//! The planner from outside: texts in, values and diagnostics out.

mod choices;
mod diagnostics;
mod docs;
mod exercise;
mod generate;
mod graph;
mod random;
mod secrets;
mod support;
