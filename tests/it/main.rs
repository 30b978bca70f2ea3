//! The command line as users meet it: the real `uk`, on copies of the examples, with real artifacts and a real QEMU.
//!
//! Tests run side by side. Most share one store, so that the crates are compiled once; those about caching have their
//! own. Where a test needs a source that was never built before, it writes a [`support::token`] into it.

mod bad_build;
mod bad_host;
mod bad_manifest;
mod caching;
mod clean;
mod deeds;
mod devices;
mod disks;
mod docs;
mod explained;
mod guests;
mod hermetic;
mod hooks;
mod hooks_data;
mod hooks_kept;
mod interrupted;
mod jobserver;
mod kept;
mod kv_ro;
mod language;
mod links;
mod no_std;
mod outside;
mod plan;
mod registry;
mod reproducible;
mod scripts;
mod store;
mod support;
mod workspace;
