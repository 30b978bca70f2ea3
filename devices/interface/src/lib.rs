//! Device interfaces for unikernel applications, with fakes for host tests.
#![no_std]
