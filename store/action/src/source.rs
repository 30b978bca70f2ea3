//! Where an action's inputs come from, and what of the host stands behind them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::{ActionId, Digest, Tree};

/// Files of the user's tree, fingerprinted; copied and checked against their digests when an action needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalTree {
    /// The folder on the host.
    pub root: PathBuf,
    /// Its files, relative to `root`.
    pub tree: Tree,
    /// `tree.digest()`.
    pub digest: Digest,
}

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An output of an earlier action.
    Output {
        /// Which action.
        action: ActionId,
        /// Which of its outputs, from 0.
        index: u32,
    },
    /// Files of the user's tree.
    Local(Arc<LocalTree>),
    /// A file or folder of the host that never changes under its identity (a crate of a registry): used where it is when it
    /// is trusted, otherwise a checked copy of it.
    Fixed(Arc<Fixed>),
}

/// What a [`Source::Fixed`] stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// Where it is, or the archive that holds it. Not encoded.
    pub path: PathBuf,
    /// What it is.
    pub identity: Digest,
    /// How that is checked. Not encoded: the identity stands for it.
    pub seal: Seal,
}

impl Source {
    /// A [`Source::Fixed`].
    pub fn fixed(path: impl Into<PathBuf>, identity: Digest, seal: Seal) -> Self {
        Source::Fixed(Arc::new(Fixed { path: path.into(), identity, seal }))
    }
}

/// How a [`Source::Fixed`] is checked before an action sees it. Others can write where it lies, so what is checked is a
/// copy that nobody else writes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Seal {
    /// Not at all: whoever made the action answers for it.
    Trusted,
    /// It is an archive of this SHA-256 (hexadecimal, lower case), and the action is given the folder that it holds.
    Archive(String),
    /// It is a folder that holds this tree, besides what git and cargo keep there for themselves.
    Tree(Digest),
}

/// An input: where it comes from and where the sandbox has it. Graphs hold millions of them, so a copy shares what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Path in the sandbox.
    pub path: Arc<str>,
    /// Where it comes from.
    pub source: Source,
}

/// What of a [`crate::Command::Given`] a process sees behind walls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// The parts of its folder that it consists of, relative to it; all of it when there are none.
    pub parts: Vec<PathBuf>,
    /// What programs of it look for at its place on the host: a dynamic linker, libraries, headers. When the thing itself is
    /// among these or below one, it is used there.
    pub host: Vec<HostPath>,
    /// Files of it as they were when it was identified: what is made with others isn't kept.
    pub files: Vec<HostFile>,
}

/// A file of the host and what told its content from another at some moment: as `stat` says it, the time in nanoseconds since
/// the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFile {
    /// Where it is, links followed.
    pub path: PathBuf,
    /// Its inode.
    pub inode: u64,
    /// Its length in bytes.
    pub size: u64,
    /// When its content was changed.
    pub modified: i64,
}

/// A file or folder of the host that is needed at a certain place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPath {
    /// The absolute path that it is looked for at.
    pub at: PathBuf,
    /// What is there; mostly the same.
    pub from: PathBuf,
}

impl HostPath {
    /// What the host has at `path`.
    pub fn same(path: impl Into<PathBuf>) -> Self {
        let at = path.into();
        Self { from: at.clone(), at }
    }
}
