//! The planner from outside: texts in, values and diagnostics out.

mod choices;
mod data;
mod diagnostics;
mod docs;
mod exercise;
mod generate;
mod graph;
#[path = "../../../fuzz/soak.rs"]
mod harness;
mod random;
mod secrets;
mod support;
