//! Reads the keys, and nothing else, of a unikernel.kdl.
#![no_std]
