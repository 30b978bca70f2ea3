//! The record of what was made beside a manifest, which is all that `uk clean` removes: artifacts, and what hooks made.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uk_diagnostic::{Code, Diagnostic};
use uk_loader::Project;
use uk_store::{Cancel, write_atomically};

use crate::{dist, hooks};

/// How often it is looked whether another process is done.
const LOOK: Duration = Duration::from_millis(20);

/// Everything that was made for one project, by its path relative to the manifest.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What hooks made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hooks: BTreeMap<PathBuf, hooks::Made>,
    /// What is in `dist/`.
    #[serde(flatten)]
    pub artifacts: BTreeMap<PathBuf, dist::Made>,
}

impl Record {
    /// Reads the record. One that can't be read counts as empty: then nothing is taken for up to date or removed.
    pub fn load(project: &Project) -> Self {
        let text = fs::read(path(project)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Whether nothing was made.
    pub fn is_empty(&self) -> bool {
        self.hooks.is_empty() && self.artifacts.is_empty()
    }

    /// Writes the record. The lock must be held, or the project for oneself alone.
    pub fn save(&self, project: &Project) -> io::Result<()> {
        write_atomically(&path(project), &serde_json::to_vec_pretty(self)?)
    }

    /// Changes the record as it is now, whatever other processes have added meanwhile.
    ///
    /// # Errors
    /// `UK0506` where it can't be written; [`Cancel::diagnostic`].
    pub fn update(
        project: &Project,
        cancel: &Cancel,
        change: impl FnOnce(&mut Record),
    ) -> Result<(), Box<Diagnostic>> {
        let write = || -> io::Result<()> {
            let _lock = lock(project, cancel)?;
            let mut all = Record::load(project);
            change(&mut all);
            all.save(project)
        };
        let written = write();
        cancel.check()?;
        written.map_err(|error| not_writable(&path(project).display().to_string(), &error.to_string()))
    }
}

/// Keeps other builds from changing the record, and from carrying out hooks, until it is dropped. The project must be held
/// ([`Project::hold`]), or the lock's file may go away.
///
/// # Errors
/// [`io::ErrorKind::Interrupted`] where `cancel` is turned while another process has it.
pub fn lock(project: &Project, cancel: &Cancel) -> io::Result<File> {
    let lock = File::create(path(project).with_extension("lock"))?;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if cancel.is_cancelled() => {
                return Err(io::ErrorKind::Interrupted.into());
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// What became of what was to be removed.
#[derive(Debug, Default)]
pub struct Cleaned {
    /// What is gone.
    pub removed: Vec<PathBuf>,
    /// What is left, and why.
    pub kept: Vec<(PathBuf, Kept)>,
}

/// Why something that was made isn't removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Somebody has changed it.
    Edited,
    /// A guest has it as a disk.
    InUse,
    /// A link leads out of the project to it: it is none of ours, and out of the record.
    Outside,
}

/// `UK0506` for `path`.
pub fn not_writable(path: &str, cause: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(Code::NotWritable, format!("`{path}` can't be written: {cause}"))
            .help("make room, or make the folder writable, and run the command again"),
    )
}

/// Names the file that can't be removed: the system's answer alone doesn't.
pub fn not_removed(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("`{}` can't be removed: {error}", path.display()))
}

/// Whether `path` is one that a record can have. Anyone could have written the record: nothing else is ever removed, and
/// nothing that [`Project::check_inside`] refuses.
pub fn is_inside(path: &Path) -> bool {
    let mut parts = path.components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// Where the record is.
pub fn path(project: &Project) -> PathBuf {
    path_in(&project.folder)
}

/// The same for the project in `folder`.
pub fn path_in(folder: &Path) -> PathBuf {
    folder.join(".uk/made.json")
}
