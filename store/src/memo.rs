//! Small named facts about the host that others derived and want to find again: hints that may be lost.

use std::fs;
use std::path::PathBuf;

use crate::StoreError;
use crate::layout::Store;

impl Store {
    /// The fact called `name`, if there is one.
    pub fn memo(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.memo_path(name)).ok()
    }

    /// Keeps a fact under `name`, a file name.
    ///
    /// # Errors
    /// When the store can't be written; nothing is lost but time.
    pub fn set_memo(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.place_bytes(bytes, &self.memo_path(name))
    }

    fn memo_path(&self, name: &str) -> PathBuf {
        self.root().join("memo").join(name)
    }
}
