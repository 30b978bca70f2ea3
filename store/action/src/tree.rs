//! A directory as one canonical object.

use crate::{Bytes, Digest, Encode, Hash, Sink};

/// What stands at a path of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A file, its content's digest, and whether it may be executed. No other mode bit and no time is kept.
    File {
        /// Digest of the content.
        digest: Digest,
        /// Whether the executable bit is set.
        executable: bool,
    },
    /// A symbolic link and what it says.
    Link {
        /// The link's text, not resolved.
        target: String,
    },
}

/// A path and what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative, `/`-separated, without `.`, `..` or empty parts.
    pub path: String,
    /// What is there.
    pub kind: EntryKind,
}

/// A directory: entries sorted by path, each path once. Empty directories aren't kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree(Vec<Entry>);

/// Why entries don't make a tree.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTree {
    /// A path is absolute, empty, or has `.`, `..`, an empty part or a NUL.
    #[error("`{0}` isn't a path inside a tree")]
    Path(String),
    /// A path stands twice, or as a file and as a folder.
    #[error("`{0}` stands twice in a tree")]
    Twice(String),
    /// The bytes aren't the canonical encoding of a tree.
    #[error("these bytes aren't a tree")]
    Encoding,
}

impl Tree {
    /// Sorts and checks `entries`.
    ///
    /// # Errors
    /// [`InvalidTree`] names the first path that can't stand.
    pub fn new(mut entries: Vec<Entry>) -> Result<Self, InvalidTree> {
        // By parts, so that `a/b` stands directly behind `a` whatever else sorts between them as text.
        entries.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
        for entry in &entries {
            let bad = |part: &str| part.is_empty() || part == "." || part == ".." || part.contains('\0');
            if entry.path.split('/').any(bad) {
                return Err(InvalidTree::Path(entry.path.clone()));
            }
        }
        for pair in entries.windows(2) {
            let under = pair[1].path.strip_prefix(&pair[0].path);
            if under.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
                return Err(InvalidTree::Twice(pair[0].path.clone()));
            }
        }
        Ok(Self(entries))
    }

    /// The entries, sorted.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// What every encoding begins with.
    pub const MARK: &[u8; 15] = b"\x07\0\0\0uk-tree\x01\0\0\0";

    /// The digest of the canonical encoding.
    pub fn digest(&self) -> Digest {
        Hash::of(self)
    }

    /// The canonical encoding: what a store keeps under [`Tree::digest`].
    pub fn to_bytes(&self) -> Vec<u8> {
        Bytes::of(self)
    }

    /// Reads a canonical encoding.
    ///
    /// # Errors
    /// [`InvalidTree`] for any other bytes: each tree has one encoding, and only that is read.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidTree> {
        let mut reader = Reader(bytes);
        let entries = reader.entries().ok_or(InvalidTree::Encoding)?;
        let tree = Self::new(entries)?;
        // Sorting in `new` would hide an encoding in another order.
        if tree.to_bytes() == bytes { Ok(tree) } else { Err(InvalidTree::Encoding) }
    }
}

const TAG: &str = "uk-tree";
const VERSION: u32 = 1;

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn entries(&mut self) -> Option<Vec<Entry>> {
        let tag = self.number32()? as usize;
        if self.take(tag)? != TAG.as_bytes() || self.number32()? != VERSION {
            return None;
        }
        let count = self.number64()?;
        // No capacity from an untrusted count: the bytes end long before a wrong one is reached.
        let mut entries = Vec::new();
        for _ in 0..count {
            let path = self.text()?;
            let kind = match self.number32()? {
                executable @ (0 | 1) => {
                    let digest = Digest::from_bytes(self.take(32)?.try_into().ok()?);
                    EntryKind::File { digest, executable: executable == 1 }
                }
                2 => EntryKind::Link { target: self.text()? },
                _ => return None,
            };
            entries.push(Entry { path, kind });
        }
        self.0.is_empty().then_some(entries)
    }

    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn number32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn number64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number64()?).ok()?;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }
}

impl Encode for Tree {
    fn encode<S: Sink>(&self, sink: &mut S) {
        sink.record(TAG, VERSION);
        sink.sequence("entries", self.0.len());
        for entry in &self.0 {
            sink.text("path", &entry.path);
            match &entry.kind {
                EntryKind::File { digest, executable } => {
                    sink.variant(
                        "kind",
                        if *executable { "program" } else { "file" },
                        u32::from(*executable),
                    );
                    sink.digest("content", digest);
                }
                EntryKind::Link { target } => {
                    sink.variant("kind", "link", 2);
                    sink.text("target", target);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_begins_with_the_mark() {
        assert!(Tree::default().to_bytes().starts_with(Tree::MARK));
    }
}
