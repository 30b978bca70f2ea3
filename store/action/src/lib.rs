//! Digests, canonical encodings and the action graph: pure data, no IO.
//!
//! An [`Action`] is a build step. Its key is the digest of its canonical encoding *with the digests of its inputs*, so an
//! input that comes out the same stops a rebuild. The store realises a [`Graph`]; the planner makes one.
#![forbid(unsafe_code)]

mod action;
mod digest;
mod encode;
mod graph;
mod source;
mod tree;

pub use action::{Action, Arg, Class, Command, Kind, Output, OutputKind, PathArg, Produced};
pub use digest::{Digest, InvalidDigest};
pub use encode::{Bytes, Encode, Explain, Hash, Sink};
pub use graph::{ActionId, Graph};
pub use source::{Fixed, HostFile, HostPath, Input, LocalTree, Seal, Shown, Source};
pub use tree::{Entry, EntryKind, InvalidTree, Tree};
