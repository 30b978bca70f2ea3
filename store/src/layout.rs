//! Where things are: the store's folder, its format, its paths.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use uk_action::Digest;

use crate::Cancel;
use crate::error::During;
use crate::protect::Protected;
use crate::scratch::{Lock, Scratch};
use crate::walls::Known;
use crate::{StoreError, fault};

/// The format that this code reads and writes. Raised only when an older `uk` could harm a store written by a newer.
const FORMAT: u64 = 1;
const FORMAT_FILE: &str = "FORMAT";
const IGNORE_FILE: &str = ".gitignore";
/// Everything that may stand at the top of a store; anything else is somebody else's folder.
pub(crate) const OWN: [&str; 15] = [
    FORMAT_FILE,
    IGNORE_FILE,
    "ac",
    "bad",
    "cas",
    "durations",
    "last",
    "lock",
    "log",
    "memo",
    "recent",
    "roots",
    "sdk",
    "tmp",
    "why",
];
/// Folders `FOLDER/xx/KEY` whose file belongs to the record `ac/xx/KEY`: it is kept, exported and removed with it.
pub(crate) const WITH_RECORD: [&str; 2] = ["log", "why"];

/// A content-addressed store on the host's file system.
///
/// Objects and records appear by a rename after their bytes are on the disk, and never change: readers need no lock.
/// Dropping it removes its temporary files.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    scratch: Mutex<Option<Arc<Scratch>>>,
    pub(crate) protected: Protected,
    pub(crate) known: Known,
    cancel: Cancel,
}

impl Store {
    /// Where the store is unless the user says otherwise: `UK_STORE`, else `uk/store` in the XDG cache folder.
    ///
    /// # Errors
    /// [`StoreError::Homeless`] when none of the variables is set.
    pub fn default_root(env: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, StoreError> {
        let set = |name| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(root) = set("UK_STORE") {
            return Ok(root);
        }
        // The XDG base directory specification: a relative path is to be ignored.
        let cache = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        let cache = cache.or_else(|| set("HOME").map(|home| home.join(".cache")));
        cache.map(|cache| cache.join("uk/store")).ok_or(StoreError::Homeless)
    }

    /// Opens the store in `root`, and makes it first when there is nothing. A store that can't be written is opened for
    /// reading.
    ///
    /// # Errors
    /// When the folder can't be read or made, holds something else, or is of a newer format.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let marker = root.join(FORMAT_FILE);
        match fs::read_to_string(&marker) {
            Ok(text) => check_format(root, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(root, &marker)?,
            Err(error) => return Err(unreadable(root, &marker, error)),
        }
        Self::at(root)
    }

    /// Opens a store that is there, to look after it. Makes none.
    ///
    /// # Errors
    /// When there is none, or the folder holds something else or is of a newer format.
    pub fn open_existing(root: &Path) -> Result<Self, StoreError> {
        let marker = root.join(FORMAT_FILE);
        match fs::read_to_string(&marker) {
            Ok(text) => check_format(root, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if root.exists() {
                    // A process that ended while it made a store left these.
                    holds_only(root, &[IGNORE_FILE])?;
                }
                return Err(StoreError::None { path: root.to_owned() });
            }
            Err(error) => return Err(unreadable(root, &marker, error)),
        }
        Self::at(root)
    }

    fn at(root: &Path) -> Result<Self, StoreError> {
        // Sandboxes lie in the store, and what runs there may ask for its real path.
        let root = fs::canonicalize(root).during("find", root)?;
        let (protected, known, cancel) = Default::default();
        Ok(Self { root, scratch: Mutex::new(None), protected, known, cancel })
    }

    /// The same store, for a command that `cancel` ends.
    #[must_use]
    pub fn with_cancel(self, cancel: Cancel) -> Self {
        Self { cancel, ..self }
    }

    /// What ends the command that uses the store.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// The store's folder: absolute, without symbolic links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where an object is, if it is there.
    pub fn blob_path(&self, digest: Digest) -> PathBuf {
        self.sharded("cas", digest)
    }

    /// Where the log of an action is, if it ran: what it printed, with [`uk_action::Action::SANDBOX`] for its sandbox.
    pub fn log_path(&self, key: Digest) -> PathBuf {
        self.sharded("log", key)
    }

    pub(crate) fn record_path(&self, key: Digest) -> PathBuf {
        self.sharded("ac", key)
    }

    /// Where the record of a key is put that comes out otherwise in a second build.
    pub(crate) fn unlike_path(&self, key: Digest) -> PathBuf {
        self.root().join("bad").join(format!("check-{key}"))
    }

    /// Where the explanation of a key is.
    pub(crate) fn why_path(&self, key: Digest) -> PathBuf {
        self.sharded("why", key)
    }

    pub(crate) fn sharded(&self, folder: &str, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        // One allocation: this is on the path of every look-up.
        let mut path = OsString::with_capacity(self.root.as_os_str().len() + folder.len() + name.len() + 5);
        path.push(&self.root);
        for part in ["/", folder, "/", &name[..2], "/", &name] {
            path.push(part);
        }
        path.into()
    }

    /// This process's temporary folder in the store, made at the first call.
    pub(crate) fn scratch(&self) -> Result<Arc<Scratch>, StoreError> {
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(scratch) = &*scratch {
            return Ok(Arc::clone(scratch));
        }
        let new = Arc::new(Scratch::new(&self.root.join("tmp"))?);
        Ok(Arc::clone(scratch.insert(new)))
    }

    /// Whether its file system has no room.
    pub(crate) fn is_full(&self) -> bool {
        self.room() < 1 << 16
    }

    /// Bytes that may be written to its file system.
    pub(crate) fn room(&self) -> u64 {
        let found = rustix::fs::statvfs(&self.root);
        found.map_or(u64::MAX, |found| found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Keeps other processes, and other actions, from building `key` at the same time. As [`Lock::wait`].
    pub(crate) fn lock_key(
        &self,
        key: Digest,
        waits: impl FnOnce(),
        stop: impl Fn() -> bool,
    ) -> Result<Option<Lock>, StoreError> {
        self.scratch()?;
        Lock::wait(&self.root.join("tmp").join(format!("key-{}.lock", key.short())), waits, stop)
    }

    /// Writes a small file in one step, on the disk before it appears.
    pub(crate) fn place_synced(&self, bytes: &[u8], place: &Path) -> Result<(), StoreError> {
        let temporary = self.scratch()?.name();
        fault::step().and_then(|()| fs::write(&temporary, bytes)).during("write", &temporary)?;
        fault::written(&temporary);
        let sync = || fs::File::open(&temporary)?.sync_all();
        fault::step().and_then(|()| sync()).during("write", &temporary)?;
        fault::synced(Some(&temporary));
        temporary.place(place)
    }

    /// Writes a small file in one step, without waiting for the disk: for what may be lost.
    pub(crate) fn place_bytes(&self, bytes: &[u8], place: &Path) -> Result<(), StoreError> {
        let temporary = self.scratch()?.name();
        fault::step().and_then(|()| fs::write(&temporary, bytes)).during("write", &temporary)?;
        fault::written(&temporary);
        temporary.place(place)
    }
}

fn check_format(root: &Path, text: &str) -> Result<(), StoreError> {
    // The first line; what a newer `uk` may write below it is its own.
    let line = text.lines().next().unwrap_or_default();
    let number = line.strip_prefix("uk-store ").and_then(|number| number.parse::<u64>().ok());
    match number {
        Some(found) if found > FORMAT => {
            Err(StoreError::Newer { path: root.to_owned(), found, known: FORMAT })
        }
        Some(_) => Ok(()),
        None => Err(StoreError::BadFormat { path: root.join(FORMAT_FILE) }),
    }
}

/// Why the format of the store in `root` can't be read.
fn unreadable(root: &Path, marker: &Path, error: io::Error) -> StoreError {
    if error.kind() == io::ErrorKind::InvalidData {
        // No text.
        return StoreError::BadFormat { path: marker.to_owned() };
    }
    let file = root.ancestors().find(|path| path.exists()).filter(|path| !path.is_dir());
    match file {
        Some(file) if error.kind() == io::ErrorKind::NotADirectory => {
            StoreError::NoFolder { path: file.to_owned() }
        }
        _ => StoreError::io("read", marker, error),
    }
}

/// Refuses a folder with anything in it but `known` and the markers of stores that are being made.
fn holds_only(root: &Path, known: &[&str]) -> Result<(), StoreError> {
    for entry in fs::read_dir(root).during("read", root)? {
        let name = entry.during("read", root)?.file_name();
        let own = name.to_str().is_some_and(|name| known.contains(&name) || name.starts_with(".format-"));
        if !own {
            return Err(StoreError::Foreign { path: root.to_owned() });
        }
    }
    Ok(())
}

fn create(root: &Path, marker: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(root).during("make", root)?;
    // Another process may be making the same store at this moment.
    holds_only(root, &OWN)?;
    // A store inside a project is none of its sources, for git and for `uk`.
    let ignored = root.join(IGNORE_FILE);
    fs::write(&ignored, "*\n").during("write", &ignored)?;
    let temporary = root.join(format!(".format-{}", std::process::id()));
    fs::write(&temporary, format!("uk-store {FORMAT}\n")).during("write", &temporary)?;
    fs::rename(&temporary, marker).during("write", marker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_with_records_is_the_stores_own() {
        assert!(WITH_RECORD.iter().all(|folder| OWN.contains(folder)));
    }
}
