//! Sources of the host that others can write, copied and checked before an action sees them.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use uk_action::{Digest, Entry, EntryKind, Seal, Tree};
use uk_sandbox::NotUnpacked;

use crate::error::During;
use crate::executor::Builtins;
use crate::failure::Reason;
use crate::layout::Store;
use crate::scratch::Temporary;
use crate::{StoreError, walk};

/// Checked copies, each made when it is first needed and removed in the end. What is a fixed tree of the store is checked, and
/// used where it is.
pub(crate) struct Sealed<'a> {
    store: &'a Store,
    builtins: &'a dyn Builtins,
    copies: Mutex<HashMap<(PathBuf, Seal), Copy>>,
}

/// A folder that was checked, with what removes it if it is a copy; who holds the lock makes it.
type Copy = Arc<Mutex<Option<(PathBuf, Option<Temporary>)>>>;

impl<'a> Sealed<'a> {
    pub(crate) fn new(store: &'a Store, builtins: &'a dyn Builtins) -> Self {
        Self { store, builtins, copies: Mutex::default() }
    }

    /// A folder that everybody may read and nobody may write.
    pub(super) fn shared(&self, from: &Path, seal: &Seal) -> Result<PathBuf, Reason> {
        let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        let copy = Arc::clone(copies.entry((from.to_owned(), seal.clone())).or_default());
        drop(copies);
        let mut copy = copy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((checked, _)) = &*copy {
            return Ok(checked.clone());
        }
        let new = match seal {
            Seal::Tree(digest) if self.store.fixed_root(from).is_some() => {
                self.check(from, *digest, None)?;
                (from.to_owned(), None)
            }
            _ => {
                let new = self.store.scratch()?.name();
                self.copy(from, seal, &new)?;
                (new.to_path_buf(), Some(new))
            }
        };
        Ok(copy.insert(new).0.clone())
    }

    /// Makes the folder `to`, a copy for one action.
    pub(super) fn copy(&self, from: &Path, seal: &Seal, to: &Path) -> Result<(), Reason> {
        fs::create_dir(to).during("make", to)?;
        match seal {
            Seal::Trusted => unreachable!("what is trusted is used where it is"),
            Seal::Archive(sum) => self.builtins.unpack(from, sum, to).map_err(|error| match error {
                NotUnpacked::Unlike(cause) => {
                    Reason::Unlike { path: from.to_owned(), archive: true, cause: cause.into() }
                }
                NotUnpacked::Unreadable(source) => Reason::Unreadable { path: from.to_owned(), source },
                NotUnpacked::Unwritable(source) => StoreError::io("write", to, source).into(),
            }),
            Seal::Tree(digest) => self.check(from, *digest, Some(to)),
        }
    }

    /// Whether the folder holds that tree; copies it on the way.
    fn check(&self, from: &Path, digest: Digest, to: Option<&Path>) -> Result<(), Reason> {
        if copy_tree(from, to, theirs)?.digest() == digest {
            return Ok(());
        }
        Err(match self.store.fixed_root(from) {
            Some(root) => self.store.condemn_fixed(&root).into(),
            None => {
                let cause = "its files aren't what they were when the build was planned".into();
                Reason::Unlike { path: from.to_owned(), archive: false, cause }
            }
        })
    }
}

/// The digest of everything in `folder` but what git and cargo keep there for themselves: what [`Seal::Tree`] holds.
///
/// # Errors
/// When something there can't be read, or can't stand in a tree.
pub fn seal_of(folder: &Path) -> Result<Digest, StoreError> {
    Ok(copy_tree(folder, None, theirs)?.digest())
}

/// Everything in `folder`, whoever it is of: a copy has only what belongs there.
pub(super) fn tree_of(folder: &Path) -> Result<Tree, StoreError> {
    copy_tree(folder, None, |_| false)
}

/// Whether git or cargo keeps the file or folder for itself in a folder of sources.
fn theirs(path: &str) -> bool {
    path == ".cargo-ok" || path == ".git" || path.ends_with("/.git")
}

/// Hashes a folder without what `skip` names, and copies it on the way.
fn copy_tree(from: &Path, to: Option<&Path>, skip: fn(&str) -> bool) -> Result<Tree, StoreError> {
    let mut entries = Vec::new();
    for found in walk::files_but(from, skip)? {
        let (source, place) = (from.join(&found.path), to.map(|to| to.join(&found.path)));
        if let Some(folder) = place.as_deref().and_then(Path::parent) {
            fs::create_dir_all(folder).during("make", folder)?;
        }
        let kind = match found.link {
            Some(target) => {
                if let Some(place) = place {
                    symlink(&target, &place).during("write", &place)?;
                }
                EntryKind::Link { target }
            }
            None => {
                let bytes = fs::read(&source).during("read", &source)?;
                if let Some(place) = place {
                    let mode = if found.executable { 0o755 } else { 0o644 };
                    let copy = OpenOptions::new().write(true).create_new(true).mode(mode).open(&place);
                    copy.and_then(|mut copy| copy.write_all(&bytes)).during("write", &place)?;
                }
                EntryKind::File { digest: Digest::of(&bytes), executable: found.executable }
            }
        };
        entries.push(Entry { path: found.path, kind });
    }
    Tree::new(entries)
        .map_err(|error| StoreError::io("read", from, io::Error::new(io::ErrorKind::InvalidData, error)))
}
