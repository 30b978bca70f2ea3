//! `uk` builds Rust unikernels from a declarative manifest.
fn main() {}
