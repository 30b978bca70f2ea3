//! The one stage that reads the user's tree: manifests, sources, cargo, the toolchain and the embedded SDK.
//!
//! It hands texts and values on and is asked for nothing later. What it learns from other programs is remembered with the
//! stamps of every file that the answer depends on (see [`memo`]), so that a build without changes starts no process.
#![forbid(unsafe_code)]

mod cargo;
mod cc;
mod data;
mod globs;
mod host_programs;
mod lock;
pub mod memo;
mod needs;
mod project;
mod root;
mod sdk;
mod sources;
mod toolchain;

pub use cargo::{Cargo, DeviceText, Found, Locking, programs, unpack};
pub use data::{Apart, FolderFault, check_folder};
pub use globs::glob_fault;
pub use host_programs::{host_programs, interpreters};
pub use project::{MANIFEST, Project, members, no_folder, shown, typed};
pub use root::{Root, RootCrate};
pub use sdk::Sdk;
pub use sources::{DataFolder, SourceSet, SourceSets};
pub use toolchain::host;

use uk_diagnostic::Diagnostic;

/// A result whose error is a finished diagnostic.
pub type Result<T> = std::result::Result<T, Box<Diagnostic>>;
