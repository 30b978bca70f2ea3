//! The walls around a build step.
//!
//! Whoever runs steps starts a *launcher*: a program (usually itself, see [`serve`]) that reads a [`Plan`] from its standard
//! input, puts up the walls, and becomes the step. The launcher has one thread, so it may do what a child of a program with
//! many threads may not.
//!
//! Of the launcher's processes one ends as the step ended: with its code, or by its signal. What keeps a step from being
//! started is written to the plan's [`Plan::fault`] instead, and so is what it changed and must not.

mod clock;
mod fault;
mod follow;
mod landlock;
mod launch;
mod namespaces;
mod proc;
mod sys;
mod trace;
mod unpacked;
mod wire;

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub use fault::{Fault, FaultKind};
pub use launch::NOT_STARTED;
// No walls, but this is the one crate on the host's side that may have `unsafe`.
pub use sys::{end_with_this_thread, would_wait};
pub use trace::{Kind as SeenKind, Seen};

/// Brings what an archive holds to an empty folder, if the archive's SHA-256 is the text's (hexadecimal). The bytes that are
/// compared must be those that are unpacked, and nothing may be written outside of the folder.
///
/// # Errors
/// [`NotUnpacked`]; what is in the folder by then isn't used.
pub type Unpack = fn(&Path, &str, &Path) -> Result<(), NotUnpacked>;

/// Why an archive wasn't unpacked.
#[derive(Debug)]
pub enum NotUnpacked {
    /// It can't be read.
    Unreadable(io::Error),
    /// It isn't what it should be: a text that ends the sentence "PATH can't be used: ".
    Unlike(String),
    /// Its folder can't be written.
    Unwritable(io::Error),
}

/// The only argument of a launcher.
pub const ARGUMENT: &str = "--uk-sandbox-launcher";

/// A step and its walls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it is kept behind.
    pub walls: Walls,
    /// Program and arguments, the program as an absolute path behind the walls. Empty: only put the walls up, to see
    /// whether they can be had.
    pub argv: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Working directory behind the walls, absolute.
    pub cwd: PathBuf,
    /// Bytes of address space that each process may have.
    pub memory: Option<u64>,
    /// Paths of the host that open the two ends of a pipe with job tokens, to read and to write. The step finds the pipe as
    /// make and cargo show theirs, in `CARGO_MAKEFLAGS`; where it can't be opened there is no such variable.
    pub jobs: Option<[PathBuf; 2]>,
    /// The host's file for a [`Fault`].
    pub fault: PathBuf,
    /// What is done beside running it.
    pub watch: Option<Watch>,
}

/// What is done with a step by whoever watches its system calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watch {
    /// What it was refused is written to this file of the host (see [`Seen::read`]).
    Refusals(PathBuf),
    /// Its date is so many seconds ahead. Where that can't be had, the step isn't started.
    Clock(u64),
}

/// What keeps a step to what it declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Walls {
    /// Nothing but limits.
    None,
    /// User, mount, pid, network, IPC and UTS namespaces of its own: it sees what [`Step`]s put there, a `/proc` of its own
    /// processes that tells of the machine only whether memory is promised beyond what there is, and no network.
    Namespaces {
        /// An empty folder of the host, where the new root is mounted for the step alone.
        base: PathBuf,
        /// What the root holds, in order.
        steps: Vec<Step>,
    },
    /// The host's root, of which Landlock opens the named parts only, and no TCP where the kernel can do that.
    Landlock {
        /// What may be opened.
        rules: Vec<Rule>,
    },
}

/// A thing put into a new root. Places are absolute paths there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A folder; one that is there already is as good.
    Folder(PathBuf),
    /// A file with these bytes, read-only.
    File(PathBuf, Vec<u8>),
    /// A symbolic link.
    Link {
        /// Where it is.
        at: PathBuf,
        /// What it says.
        target: PathBuf,
    },
    /// A file or folder of the host, with everything below it, over one that is there.
    Bind {
        /// The host's path; a relative one is below the new root.
        from: PathBuf,
        /// Where it is seen.
        at: PathBuf,
        /// Whether it may be written.
        writable: bool,
    },
    /// What an archive of the host holds, in memory, over a folder that is there.
    Unpack {
        /// The host's path.
        archive: PathBuf,
        /// Its SHA-256, hexadecimal.
        sum: String,
        /// Where it is seen.
        at: PathBuf,
        /// Whether it may be written. Whoever has done so must have left it as it was when the step ends well.
        writable: bool,
    },
    /// A device of the host's `/dev`, by name.
    Device(String),
}

/// A part of the host that may be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// A file, or a folder with all below it.
    pub path: PathBuf,
    /// Whether it may be written, too.
    pub writable: bool,
}

impl Plan {
    /// For a launcher's standard input.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }
}

/// Makes the program a launcher if it was started as one, and then doesn't come back before the step has ended. To be called
/// first in `main`, while there is one thread.
pub fn serve(unpack: Unpack) -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(ARGUMENT)) {
        return None;
    }
    let mut bytes = Vec::new();
    let read = io::stdin().lock().read_to_end(&mut bytes);
    let plan = read.ok().and_then(|_| wire::decode(&bytes));
    // Nothing to say it to: the plan names the file for faults.
    let Some(plan) = plan else { return Some(ExitCode::from(NOT_STARTED)) };
    Some(launch::launch(plan, unpack))
}
