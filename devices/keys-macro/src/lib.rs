//! The keys! macro: a typed struct from the manifest's keys.
