//! From manifest text to a checked device graph and an action graph, without IO.
//!
//! ```text
//! unikernel.kdl ─ Manifest::parse ─┐
//! device.kdl... ─ Catalogue::parse ├─ device::resolve ─ DeviceGraph ─ generate
//! --set, UK_KEY_ ─ Settings ───────┘
//! ```
#![forbid(unsafe_code)]

pub mod catalogue;
pub mod data;
pub mod device;
pub mod entries;
pub mod generate;
mod hint;
pub mod hooks;
mod key;
pub mod lower;
pub mod manifest;
pub mod names;
pub mod paths;
mod read;
mod settings;
pub mod syntax;
mod target;
pub mod units;
mod value;
mod variants;

pub use catalogue::Catalogue;
pub use device::{DeviceGraph, resolve};
pub use key::Key;
pub use manifest::Manifest;
pub use read::Name;
pub use settings::{KnownKey, Provenance, Setting, Settings, VARIABLE};
pub use target::target;
pub use value::{Literal, Type};
pub use variants::{MAX_VARIANTS, Variant, variants};
