//! Fixed trees: folders that lie open in the store, each under the digest of its files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use uk_action::Digest;

use crate::StoreError;
use crate::error::During;
use crate::layout::Store;
use crate::object::{make_canonical, sync_all};
use crate::scratch::remove;

/// Where they are.
pub(crate) const FOLDER: &str = "sdk";

impl Store {
    /// A folder in the store with given files, read-only, at a path that names its content: `sdk/DIGEST`. It is written
    /// once; afterwards this costs one look.
    ///
    /// # Errors
    /// When the store can't be written.
    pub fn fixed_tree<'f>(
        &self,
        digest: Digest,
        files: impl IntoIterator<Item = (&'f str, &'f [u8])>,
    ) -> Result<PathBuf, StoreError> {
        let place = self.root().join(FOLDER).join(digest.to_string());
        if fs::symlink_metadata(&place).is_ok() {
            return Ok(place);
        }
        let temporary = self.scratch()?.name();
        fs::create_dir(&temporary).during("make", &temporary)?;
        for (path, bytes) in files {
            let path = temporary.join(path);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).during("make", folder)?;
            }
            let mut file = crate::materialise::create(&path, 0o444)?;
            file.write_all(bytes).during("write", &path)?;
            make_canonical(&file, 0o444).during("write", &path)?;
        }
        sync_all(&temporary)?;
        match temporary.place(&place) {
            // Another process was faster; its folder is as good.
            Err(_) if fs::symlink_metadata(&place).is_ok() => {}
            result => result?,
        }
        Ok(place)
    }

    /// The fixed tree that `path` lies in, if any.
    pub(crate) fn fixed_root(&self, path: &Path) -> Option<PathBuf> {
        let inside = path.strip_prefix(self.root().join(FOLDER)).ok()?;
        Some(self.root().join(FOLDER).join(inside.components().next()?))
    }

    /// Moves a damaged fixed tree to `bad/`: whoever needs it next makes it again.
    pub(crate) fn condemn_fixed(&self, root: &Path) -> StoreError {
        let bad = self.root().join("bad");
        let to = bad.join(root.file_name().unwrap_or_default());
        // In a store that can't be written it stays, and is found damaged again.
        let _ = fs::create_dir_all(&bad).and_then(|()| {
            let _ = remove(&to);
            fs::rename(root, &to)
        });
        StoreError::CorruptTree { path: root.to_owned() }
    }
}
