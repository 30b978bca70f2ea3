//! The content-addressed store, the action cache and the executor.
//!
//! A [`Store`] keeps objects under their digests (`cas/`) and records of what actions came out as (`ac/`). [`realise`]
//! makes the roots of an action graph: each action is looked up by its key, and only what isn't known runs, in a sandbox
//! of its own. [`status`] says what that would be. [`StatCache`] fingerprints the user's sources.
//!
//! Files are the truth, written to `tmp/`, brought to the disk and then renamed; a process that is killed leaves only
//! `tmp/`, which the next one clears. `recent/` and `durations` are hints that may be lost.
#![forbid(unsafe_code)]

mod cancel;
mod check;
mod checked;
mod copy;
mod durations;
mod error;
mod exchange;
mod executor;
mod failure;
mod fault;
mod files;
mod fixed;
mod layout;
mod materialise;
mod memo;
mod object;
mod protect;
mod recent;
mod record;
mod sandbox;
mod scratch;
mod stat_cache;
mod status;
mod upkeep;
mod walk;
mod walls;
mod why;

pub use cancel::Cancel;
pub use check::{CheckError, Checked, Unlike, ahead, check};
pub use copy::copy_file;
pub use error::StoreError;
pub use exchange::{
    ArchiveError, Exported, Imported, PublicKey, Selection, SigningKey, Terms, config_folder, trusted_keys,
};
pub use executor::{Builtins, Event, How, Observer, Options, Report, realise, usual_jobs};
pub use failure::{Failure, Fault, Reason};
pub use files::{Stamp, write_atomically};
pub use layout::Store;
pub use object::hash_file;
#[doc(hidden)]
pub use recent::save as save_recent;
pub use record::Record;
pub use sandbox::{Reached, Refusal, seal_of};
pub use stat_cache::{SourceError, StatCache};
pub use status::{State, status};
pub use uk_sandbox::{NotUnpacked, end_with_this_thread, serve as serve_launcher, would_wait};
pub use upkeep::{Collected, Finding, Keep, Root, Share, Stats, Verified};
pub use walls::Sandboxing;
pub use why::{Cause, Change, Difference, History, Name, When, Why};
