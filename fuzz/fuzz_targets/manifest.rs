#![no_main]
#![allow(dead_code, reason = "each target uses one function of the module")]

#[path = "../../planner/tests/planner/exercise.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|text: &str| exercise::manifest(text));
