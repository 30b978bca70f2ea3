//! Typed keys and their command line, the same on every target.
#![no_std]
