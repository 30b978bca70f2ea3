//! What garbage collection must leave alone although no root names it yet.
//!
//! Every process that writes lists in a file of its temporary folder what it has found in the store or put there: keys,
//! objects and fixed trees, 32 bytes each. It appends under a shared lock of the file `lock`, and looks only afterwards
//! whether the thing is there. The collection reads the lists of all living processes and moves what it takes away under
//! the exclusive lock, so whatever was seen after it was listed stays until the process ends.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use uk_action::Digest;

use crate::StoreError;
use crate::error::During;
use crate::layout::Store;

/// The list's name in a temporary folder.
const LIST: &str = "roots";

/// What this process has listed, and what it knows to be sound or has found damaged.
#[derive(Debug, Default)]
pub(crate) struct Protected(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    list: Option<File>,
    listed: HashSet<Digest>,
    sound: HashSet<Digest>,
    damaged: HashSet<Digest>,
}

impl Protected {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an object's content was compared with its name by this process, or written by it.
    pub(crate) fn is_sound(&self, digest: Digest) -> bool {
        self.state().sound.contains(&digest)
    }

    pub(crate) fn set_sound(&self, digest: Digest) {
        self.state().sound.insert(digest);
    }

    pub(crate) fn set_damaged(&self, digest: Digest) {
        self.state().damaged.insert(digest);
    }
}

impl Store {
    /// How many objects this process has found damaged, whether they were made again since or not.
    pub fn damaged(&self) -> usize {
        self.protected.state().damaged.len()
    }

    /// Keeps garbage collection from `digests` as long as this store is open. What is looked for afterwards and found stays.
    pub(crate) fn protect(&self, digests: impl IntoIterator<Item = Digest>) -> Result<(), StoreError> {
        let scratch = self.scratch()?;
        let mut state = self.protected.state();
        let new = digests.into_iter().filter(|digest| !state.listed.contains(digest)).collect::<HashSet<_>>();
        if new.is_empty() {
            return Ok(());
        }
        let path = scratch.folder().join(LIST);
        let list = match state.list.take() {
            Some(list) => list,
            None => OpenOptions::new().append(true).create(true).open(&path).during("write", &path)?,
        };
        let bytes = new.iter().flat_map(|digest| *digest.as_bytes()).collect::<Vec<_>>();
        let lock = open_lock(self.root())?;
        lock.lock_shared().during("lock", &lock_path(self.root()))?;
        (&list).write_all(&bytes).during("write", &path)?;
        drop(lock);
        state.list = Some(list);
        state.listed.extend(new);
        Ok(())
    }

    /// Waits until nobody adds to a list, and keeps everybody from it.
    pub(crate) fn lock_lists(&self) -> Result<File, StoreError> {
        let lock = open_lock(self.root())?;
        lock.lock().during("lock", &lock_path(self.root()))?;
        Ok(lock)
    }

    /// What all living processes have listed. To be asked for with [`Store::lock_lists`].
    pub(crate) fn listed(&self) -> Result<HashSet<Digest>, StoreError> {
        let tmp = self.root().join("tmp");
        let mut all = HashSet::new();
        let entries = match fs::read_dir(&tmp) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(all),
            entries => entries.during("read", &tmp)?,
        };
        for entry in entries {
            // Those of the dead protect nothing, but whose they are isn't worth a look: the next writer removes them.
            let path = entry.during("read", &tmp)?.path().join(LIST);
            match fs::read(&path) {
                Ok(bytes) => all.extend(bytes.as_chunks::<32>().0.iter().copied().map(Digest::from_bytes)),
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => return Err(StoreError::io("read", &path, error)),
            }
        }
        Ok(all)
    }
}

fn lock_path(root: &Path) -> PathBuf {
    root.join("lock")
}

fn open_lock(root: &Path) -> Result<File, StoreError> {
    let path = lock_path(root);
    OpenOptions::new().create(true).truncate(false).write(true).open(&path).during("write", &path)
}
