//! The texts that are compiled with the application: `main.rs`, `keys.rs`, and what `keys!` reads.
//!
//! They are three so that each changes only with what it says: another value with `--set` changes `keys.rs` alone,
//! another device line `main.rs` alone.

mod keys;
mod literal;
mod main_rs;

pub use keys::{changed_keys, former_values, key_table, projection};
pub use main_rs::{MainRs, main_rs};
