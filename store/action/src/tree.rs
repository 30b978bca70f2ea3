//! A directory as one canonical object.

use crate::{Digest, Encode, Hash, Sink};

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

    /// The digest of the canonical encoding.
    pub fn digest(&self) -> Digest {
        Hash::of(self)
    }
}

impl Encode for Tree {
    fn encode<S: Sink>(&self, sink: &mut S) {
        sink.record("uk-tree", 1);
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
