//! Roots: what a project's artifacts were made by, kept as long as the project has a record of them.
//!
//! A root is a checksummed text `roots/NAME`, one field a line:
//!
//! ```text
//! uk-root 1
//! witness /home/me/hello/.uk/made.json
//! artifact hello.virtio
//! key DIGEST
//! tree DIGEST
//! check DIGEST
//! ```
//!
//! The witness is a file outside of the store: the root counts while it exists. In both names bytes other than printable
//! ASCII are written as `%XX`. Keys are those of every action behind the artifact, trees the fixed trees that they used.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use uk_action::{ActionId, Digest, Graph};

use crate::error::During;
use crate::executor::{Report, fixed_trees};
use crate::layout::Store;
use crate::status::select;
use crate::{StoreError, checked};

/// What an artifact needs to be made again without running anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The file whose existence keeps it, absolute.
    pub witness: PathBuf,
    /// What the artifact is called there.
    pub artifact: String,
    /// The keys of all actions behind it.
    pub keys: Vec<Digest>,
    /// The fixed trees that they used.
    pub trees: Vec<Digest>,
}

impl Root {
    /// The root of what `actions` made in a build that `report` tells of.
    pub fn of(
        witness: PathBuf,
        artifact: &str,
        store: &Store,
        graph: &Graph,
        actions: &[ActionId],
        report: &Report,
    ) -> Self {
        let selected = select(graph, actions);
        let behind = || graph.iter().filter(|(id, _)| selected[id.index()]);
        let sorted = |mut all: Vec<Digest>| {
            all.sort_unstable();
            all.dedup();
            all
        };
        let keys = sorted(behind().filter_map(|(id, _)| report.keys[id.index()]).collect());
        let trees = sorted(behind().flat_map(|(_, action)| fixed_trees(action, store)).collect());
        Self { witness, artifact: artifact.to_owned(), keys, trees }
    }

    /// Whether its witness still is where it was. One that can't be looked at counts as there.
    pub(crate) fn stands(&self) -> bool {
        match fs::symlink_metadata(&self.witness) {
            Ok(_) => true,
            Err(error) => !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
        }
    }

    fn to_text(&self) -> String {
        let mut text = String::from("uk-root 1\n");
        // Writing to a String can't fail.
        let _ = writeln!(text, "witness {}", escape(self.witness.as_os_str().as_bytes()));
        let _ = writeln!(text, "artifact {}", escape(self.artifact.as_bytes()));
        self.keys.iter().for_each(|key| _ = writeln!(text, "key {key}"));
        self.trees.iter().for_each(|tree| _ = writeln!(text, "tree {tree}"));
        checked::with_digest(text)
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut lines = checked::lines(text, "uk-root")?;
        let witness = PathBuf::from(OsString::from_vec(unescape(checked::field(&mut lines, "witness")?)?));
        let artifact = String::from_utf8(unescape(checked::field(&mut lines, "artifact")?)?).ok()?;
        let (mut keys, mut trees) = (Vec::new(), Vec::new());
        for line in lines {
            match line.split_once(' ')? {
                ("key", digest) => keys.push(digest.parse().ok()?),
                ("tree", digest) => trees.push(digest.parse().ok()?),
                _ => return None,
            }
        }
        Some(Self { witness, artifact, keys, trees })
    }
}

fn name(witness: &Path, artifact: &str) -> String {
    let mut bytes = witness.as_os_str().as_bytes().to_vec();
    bytes.push(0);
    bytes.extend_from_slice(artifact.as_bytes());
    Digest::of(&bytes).short()
}

/// A file of `roots/` as it was found.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// `None` when it can't be read as one.
    pub(crate) root: Option<Root>,
}

impl Store {
    /// Keeps what `root` names from garbage collection while its witness exists. Replaces an earlier root of the same
    /// artifact.
    ///
    /// # Errors
    /// When the store can't be written.
    pub fn add_root(&self, root: &Root) -> Result<(), StoreError> {
        let path = self.root_path(&root.witness, &root.artifact);
        let text = root.to_text();
        if fs::read(&path).is_ok_and(|known| known == text.as_bytes()) {
            return Ok(());
        }
        // A damaged root stops every collection.
        self.place_synced(text.as_bytes(), &path)
    }

    /// Whether there is a root of the artifact that `witness` knows by this name: a look, nothing is read.
    pub fn has_root(&self, witness: &Path, artifact: &str) -> bool {
        fs::symlink_metadata(self.root_path(witness, artifact)).is_ok()
    }

    fn root_path(&self, witness: &Path, artifact: &str) -> PathBuf {
        self.root().join("roots").join(name(witness, artifact))
    }

    pub(crate) fn roots(&self) -> Result<Vec<Found>, StoreError> {
        let folder = self.root().join("roots");
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.during("read", &folder)?,
        };
        let mut all = Vec::new();
        for entry in entries {
            let path = entry.during("read", &folder)?.path();
            match fs::read(&path) {
                Ok(bytes) => {
                    let text = String::from_utf8(bytes).ok();
                    all.push(Found { root: text.and_then(|text| Root::from_text(&text)), path });
                }
                // Taken away by another process.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("read", &path, error)),
            }
        }
        all.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(all)
    }
}

pub(crate) fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'%' | 0..=0x20 | 0x7f.. => _ = write!(text, "%{byte:02X}"),
            _ => text.push(char::from(*byte)),
        }
    }
    text
}

pub(crate) fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, behind) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = behind;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_read_as_it_was_written() {
        let root = Root {
            witness: PathBuf::from(OsString::from_vec(b"/a b\n%\xff/made".to_vec())),
            artifact: "é+k=1.virtio".to_owned(),
            keys: vec![Digest::of(b"1"), Digest::of(b"2")],
            trees: vec![Digest::of(b"3")],
        };
        let text = root.to_text();
        assert_eq!(Root::from_text(&text), Some(root));
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            assert_eq!(String::from_utf8(bytes).ok().and_then(|text| Root::from_text(&text)), None);
        }
    }
}
