//! Objects brought back to where people and tools can use them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use uk_action::{Digest, EntryKind};

use crate::StoreError;
use crate::copy::{CopyError, copy_hashed};
use crate::error::During;
use crate::layout::Store;
use crate::object::hash_file;
use crate::scratch::remove;

impl Store {
    /// Puts a copy of an object at `to`, whole or not at all. Never a hard link: what is done to the copy can't reach the
    /// store.
    ///
    /// # Errors
    /// When the object is missing or damaged, or `to` can't be written.
    pub fn materialise_file(&self, digest: Digest, to: &Path, executable: bool) -> Result<(), StoreError> {
        let mode = if executable { 0o777 } else { 0o666 };
        self.materialise(to, |temporary| self.copy_out(digest, temporary, mode))
    }

    fn materialise(
        &self,
        to: &Path,
        make: impl FnOnce(&Path) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let temporary = beside(to);
        let result = (|| {
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder).during("make", folder)?;
            }
            // Left by a process of the same number that was killed.
            let _ = remove(&temporary);
            make(&temporary)?;
            fs::rename(&temporary, to).during("write", to)
        })();
        result.map_err(|error| {
            // The first error is the one to report.
            let _ = remove(&temporary);
            error.outside(self.root())
        })
    }

    /// Writes a copy of an object to `to`, which must not exist, and checks it on the way.
    pub(crate) fn copy_out(&self, digest: Digest, to: &Path, mode: u32) -> Result<(), StoreError> {
        let path = self.blob_path(digest);
        let mut from = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Missing { digest });
            }
            result => result.during("read", &path)?,
        };
        let mut file = create(to, mode)?;
        #[cfg(target_os = "linux")]
        if rustix::fs::ioctl_ficlone(&file, &from).is_ok() {
            return match self.protected.is_sound(digest) || hash_file(to).during("read", to)? == digest {
                true => Ok(()),
                false => Err(self.condemn(digest)),
            };
        }
        match copy_hashed(&mut from, &mut file, to, false) {
            Ok((copied, _)) if copied == digest => Ok(()),
            Ok(_) => Err(self.condemn(digest)),
            Err(CopyError::Read(error)) => Err(StoreError::io("read", &path, error)),
            Err(CopyError::Write(error)) => Err(StoreError::io("write", to, error)),
        }
    }

    /// Writes a copy of a tree to `to`, a folder that is made when needed.
    pub(crate) fn copy_tree(&self, digest: Digest, to: &Path) -> Result<(), StoreError> {
        let tree = self.read_tree(digest)?;
        fs::create_dir_all(to).during("make", to)?;
        for entry in tree.entries() {
            let path = to.join(&entry.path);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).during("make", folder)?;
            }
            match &entry.kind {
                EntryKind::File { digest, executable } => {
                    self.copy_out(*digest, &path, if *executable { 0o777 } else { 0o666 })?;
                }
                EntryKind::Link { target } => {
                    std::os::unix::fs::symlink(target, &path).during("write", &path)?;
                }
            }
        }
        Ok(())
    }
}

/// A name in the same folder, so that a rename is enough; of this process, so that two don't meet.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{:08x}.tmp", std::process::id()));
    path.with_file_name(name)
}

pub(crate) fn create(path: &Path, mode: u32) -> Result<File, StoreError> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path).during("write", path)
}
