//! Objects: content under its digest.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::num::NonZero;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use uk_action::{Digest, Entry, EntryKind, OutputKind, Produced, Tree};

use crate::copy::{CopyError, copy_hashed};
use crate::error::During;
use crate::layout::Store;
use crate::scratch::Temporary;
use crate::{StoreError, fault, walk};

impl Store {
    /// Keeps `bytes`.
    ///
    /// # Errors
    /// When the store can't be written.
    pub fn put_bytes(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let mut batch = Batch::new(self);
        let digest = batch.add_bytes(bytes)?;
        batch.publish()?;
        Ok(digest)
    }

    /// Keeps a copy of a file.
    ///
    /// # Errors
    /// When the file can't be read or the store not written.
    pub fn put_file(&self, path: &Path) -> Result<Digest, StoreError> {
        let mut batch = Batch::new(self);
        let (digest, _) = batch.add_file(path)?;
        batch.publish()?;
        Ok(digest)
    }

    /// Keeps a copy of a folder: its files, links and their paths. Empty folders, times and owners aren't kept.
    ///
    /// # Errors
    /// When the folder can't be read or kept as it is (a socket, a name that isn't UTF-8), or the store not written.
    pub fn put_tree(&self, folder: &Path) -> Result<(Tree, Digest), StoreError> {
        let mut batch = Batch::new(self);
        let (tree, digest, _) = batch.add_tree(folder)?;
        batch.publish()?;
        Ok((tree, digest))
    }

    /// The content of an object, checked against its name.
    ///
    /// # Errors
    /// When it isn't there or is damaged; a damaged object is moved out of the way, to be made anew.
    pub fn read(&self, digest: Digest) -> Result<Vec<u8>, StoreError> {
        let path = self.blob_path(digest);
        match fs::read(&path) {
            Ok(bytes) if Digest::of(&bytes) == digest => Ok(bytes),
            Ok(_) => Err(self.condemn(digest)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Missing { digest }),
            Err(error) => Err(StoreError::io("read", &path, error)),
        }
    }

    /// The tree kept under `digest`.
    ///
    /// # Errors
    /// As [`Store::read`]; also when the object is no tree.
    pub fn read_tree(&self, digest: Digest) -> Result<Tree, StoreError> {
        // The bytes have their digest, so they are what was put: not a tree, but not damage that a new build repairs.
        Tree::from_bytes(&self.read(digest)?).map_err(|error| {
            StoreError::io("read", &self.blob_path(digest), io::Error::new(io::ErrorKind::InvalidData, error))
        })
    }

    /// Whether an output's bytes are there, by name and length.
    pub(crate) fn has(&self, produced: &Produced, kind: OutputKind) -> bool {
        if !self.has_object(produced.digest, Some(produced.size)) {
            return false;
        }
        let present = |entry: &Entry| match &entry.kind {
            EntryKind::File { digest, .. } => self.has_object(*digest, None),
            EntryKind::Link { .. } => true,
        };
        kind != OutputKind::Tree
            || self.read_tree(produced.digest).is_ok_and(|tree| tree.entries().iter().all(present))
    }

    fn has_object(&self, digest: Digest, size: Option<u64>) -> bool {
        let found = fs::symlink_metadata(self.blob_path(digest));
        found.is_ok_and(|found| found.is_file() && size.is_none_or(|size| size == found.len()))
    }

    /// Whether an output's bytes are there and are what their names say. Those that are stay as long as this store is open.
    pub(crate) fn holds(&self, produced: &Produced, kind: OutputKind) -> bool {
        if !self.holds_object(produced.digest, Some(produced.size)) {
            return false;
        }
        if kind != OutputKind::Tree {
            return true;
        }
        let Ok(tree) = self.read_tree(produced.digest) else { return false };
        let files = tree.entries().iter().filter_map(|entry| match &entry.kind {
            EntryKind::File { digest, .. } => Some(*digest),
            EntryKind::Link { .. } => None,
        });
        let files = files.collect::<Vec<_>>();
        // In a store that can't be written nothing is collected either.
        let _ = self.protect(files.iter().copied());
        files.into_iter().all(|file| self.holds_object(file, None))
    }

    /// The content is compared with the name once a process; a damaged object is moved out of the way.
    pub(crate) fn holds_object(&self, digest: Digest, size: Option<u64>) -> bool {
        let _ = self.protect([digest]);
        if !self.has_object(digest, size) {
            if self.has_object(digest, None) {
                self.condemn(digest);
            }
            return false;
        }
        if self.protected.is_sound(digest) {
            return true;
        }
        match hash_file(&self.blob_path(digest)) {
            Ok(found) if found == digest => {
                self.protected.set_sound(digest);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            _ => {
                self.condemn(digest);
                false
            }
        }
    }

    /// Moves a damaged object to `bad/`, so that it counts as missing.
    pub(crate) fn condemn(&self, digest: Digest) -> StoreError {
        self.protected.set_damaged(digest);
        let bad = self.root().join("bad").join(digest.to_string());
        // In a store that can't be written it stays, and is found damaged again.
        let _ = fs::create_dir_all(self.root().join("bad"));
        let _ = fs::rename(self.blob_path(digest), &bad);
        StoreError::Corrupt { digest }
    }
}

/// Objects that are written one by one, brought to the disk together and then appear.
pub(crate) struct Batch<'a> {
    store: &'a Store,
    pending: Vec<Pending>,
}

struct Pending {
    temporary: Temporary,
    digest: Digest,
    size: u64,
}

impl<'a> Batch<'a> {
    /// Above this many files one `syncfs` is cheaper than an `fsync` each.
    const SYNC_EACH: usize = 8;
    /// Above this many files more than one thread copies them.
    const MANY: usize = 128;

    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store, pending: Vec::new() }
    }

    pub(crate) fn add_bytes(&mut self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        let size = bytes.len() as u64;
        if !self.store.holds_object(digest, Some(size)) {
            let (mut file, temporary) = self.store.create_object()?;
            fault::step().and_then(|()| file.write_all(bytes)).during("write", &temporary)?;
            self.pending.push(Pending { temporary, digest, size }.finished(&file)?);
        }
        Ok(digest)
    }

    pub(crate) fn add_file(&mut self, path: &Path) -> Result<(Digest, u64), StoreError> {
        let new = self.store.copy_in(path)?;
        let made = (new.digest, new.size);
        self.pending.push(new);
        Ok(made)
    }

    /// The digests of many files, in their order.
    fn add_files(&mut self, paths: &[PathBuf]) -> Result<Vec<Digest>, StoreError> {
        let store = self.store;
        let copy =
            |paths: &[PathBuf]| paths.iter().map(|path| store.copy_in(path)).collect::<Result<Vec<_>, _>>();
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let copied = if paths.len() < Self::MANY {
            vec![copy(paths)]
        } else {
            // Not rayon's threads, see `copy_hashed`.
            thread::scope(|scope| {
                let chunks = paths.chunks(paths.len().div_ceil(threads));
                // Where no more threads can be had, here.
                let begun = chunks.map(|chunk| {
                    let thread = thread::Builder::new().spawn_scoped(scope, move || copy(chunk));
                    thread.map_err(|_| copy(chunk))
                });
                let begun = begun.collect::<Vec<_>>();
                let ended = begun.into_iter().map(|begun| match begun {
                    Ok(thread) => thread.join().expect("copying doesn't panic"),
                    Err(copied) => copied,
                });
                ended.collect()
            })
        };
        let before = self.pending.len();
        for copied in copied {
            self.pending.extend(copied?);
        }
        Ok(self.pending[before..].iter().map(|new| new.digest).collect())
    }

    /// Takes `length` bytes of `from`, which must be the object `digest`: `copy` brings them to a file and compares. Gives
    /// where they are until they are published.
    pub(crate) fn add_reader<E: From<StoreError>>(
        &mut self,
        from: &mut dyn io::Read,
        digest: Digest,
        size: u64,
        copy: impl FnOnce(&mut dyn io::Read, &File, &Path, Digest, u64) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let (file, temporary) = self.store.create_object()?;
        copy(from, &file, &temporary, digest, size)?;
        let path = temporary.to_owned();
        self.pending.push(Pending { temporary, digest, size }.finished(&file)?);
        Ok(path)
    }

    /// Gives the tree, its digest and the length of its encoding.
    pub(crate) fn add_tree(&mut self, folder: &Path) -> Result<(Tree, Digest, u64), StoreError> {
        let all = walk::files(folder)?;
        let files = all.iter().filter(|found| found.link.is_none());
        let files = files.map(|found| folder.join(&found.path)).collect::<Vec<_>>();
        let mut digests = self.add_files(&files)?.into_iter();
        let entries = all.into_iter().map(|found| {
            let kind = match found.link {
                Some(target) => EntryKind::Link { target },
                None => EntryKind::File {
                    digest: digests.next().expect("each file has one"),
                    executable: found.executable,
                },
            };
            Entry { path: found.path, kind }
        });
        let entries = entries.collect();
        let tree = Tree::new(entries).map_err(|error| {
            StoreError::io("keep", folder, io::Error::new(io::ErrorKind::InvalidData, error))
        })?;
        let bytes = tree.to_bytes();
        let digest = self.add_bytes(&bytes)?;
        Ok((tree, digest, bytes.len() as u64))
    }

    /// Brings everything to the disk, then gives it its name.
    pub(crate) fn publish(mut self) -> Result<(), StoreError> {
        let store = self.store;
        store.protect(self.pending.iter().map(|pending| pending.digest))?;
        self.pending.retain(|new| !store.holds_object(new.digest, Some(new.size)));
        let folder = match self.pending.first() {
            None => return Ok(()),
            Some(first) => first.temporary.parent().unwrap_or(store.root()),
        };
        fault::step().during("write", folder)?;
        if self.pending.len() <= Self::SYNC_EACH || !sync_all(folder)? {
            for Pending { temporary, .. } in &self.pending {
                fault::step().during("write", temporary)?;
                File::open(temporary).and_then(|file| file.sync_all()).during("write", temporary)?;
                fault::synced(Some(temporary));
            }
        }
        for Pending { temporary, digest, .. } in self.pending {
            temporary.place(&store.blob_path(digest))?;
            store.protected.set_sound(digest);
        }
        Ok(())
    }
}

impl Store {
    /// Copies a file to where it can be published from. Never links or renames: whoever made it may still have it open.
    fn copy_in(&self, path: &Path) -> Result<Pending, StoreError> {
        let mut from = File::open(path).during("read", path)?;
        let (mut file, temporary) = self.create_object()?;
        fault::step().during("write", &temporary)?;
        let (digest, size) =
            copy_hashed(&mut from, &mut file, &temporary, true).map_err(|error| match error {
                CopyError::Read(error) => StoreError::io("read", path, error),
                CopyError::Write(error) => StoreError::io("write", &temporary, error),
            })?;
        Pending { temporary, digest, size }.finished(&file)
    }

    fn create_object(&self) -> Result<(File, Temporary), StoreError> {
        let temporary = self.scratch()?.name();
        let open = || OpenOptions::new().write(true).create_new(true).mode(0o444).open(&temporary);
        let file = fault::step().and_then(|()| open()).during("write", &temporary)?;
        fault::written(&temporary);
        Ok((file, temporary))
    }
}

impl Pending {
    fn finished(self, file: &File) -> Result<Self, StoreError> {
        make_canonical(file, 0o444).during("write", &self.temporary)?;
        Ok(self)
    }
}

/// The digest of a file's content. No memory map: on a disk that fails, reading one ends the process.
///
/// # Errors
/// When it can't be read.
pub fn hash_file(path: &Path) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
}

/// The one mode and the one time (a second after the epoch: some tools take zero for "unknown").
pub(crate) fn make_canonical(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1))
}

/// Brings a whole file system to the disk; `false` where that can't be asked for.
pub(crate) fn sync_all(folder: &Path) -> Result<bool, StoreError> {
    #[cfg(target_os = "linux")]
    {
        let file = File::open(folder).during("read", folder)?;
        rustix::fs::syncfs(file).during("write", folder)?;
        fault::synced(None);
        Ok(true)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folder;
        Ok(false)
    }
}
