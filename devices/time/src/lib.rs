//! Sleeping: the default-time device of every target.
#![no_std]
