//! The executor: one run queue and one timer heap, the same on every target.
#![no_std]
