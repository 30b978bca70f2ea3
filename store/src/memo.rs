//! Small named facts about the host that others derived and want to find again: hints that may be lost.
//!
//! A file holds the fact and the digest of it, since what a memo says ends up in keys: a damaged one counts as none.

use std::fs;
use std::path::PathBuf;

use uk_action::Digest;

use crate::StoreError;
use crate::layout::Store;

impl Store {
    /// The fact called `name`, if there is one.
    pub fn memo(&self, name: &str) -> Option<Vec<u8>> {
        intact(fs::read(self.memo_path(name)).ok()?)
    }

    /// Keeps a fact under `name`, a file name.
    ///
    /// # Errors
    /// When the store can't be written; nothing is lost but time.
    pub fn set_memo(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let check = Digest::of(bytes);
        self.place_bytes(&[bytes, check.as_bytes()].concat(), &self.memo_path(name))
    }

    fn memo_path(&self, name: &str) -> PathBuf {
        self.root().join("memo").join(name)
    }
}

/// The fact in a memo's bytes, unless they are damaged.
pub(crate) fn intact(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let (fact, check) = bytes.split_last_chunk::<32>()?;
    let length = fact.len();
    (Digest::of(fact) == Digest::from_bytes(*check)).then(|| {
        bytes.truncate(length);
        bytes
    })
}
