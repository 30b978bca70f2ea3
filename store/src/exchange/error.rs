//! What can be wrong with an archive or a key.

use std::io;
use std::path::PathBuf;

use uk_action::Digest;
use uk_diagnostic::{Code, Diagnostic};

use super::PublicKey;
use crate::StoreError;

/// Why nothing was exported or imported.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Its signer isn't among the trusted keys.
    #[error("the archive is signed by `{0}`, which isn't trusted")]
    Untrusted(PublicKey),
    /// The signature isn't one of this key and this manifest.
    #[error("the archive's signature isn't that of `{0}`: it was changed since it was signed")]
    Forged(PublicKey),
    /// It is something else.
    #[error("this isn't an archive of a store: {0}")]
    Foreign(String),
    /// It ends too early.
    #[error("the archive ends too early")]
    Truncated,
    /// It is larger than allowed.
    #[error("the archive holds {size} bytes, and {most} are allowed")]
    TooLarge {
        /// What it says to hold.
        size: u64,
        /// The limit.
        most: u64,
    },
    /// A tree in it has a path or link that leads out of the tree.
    #[error("the tree `{tree}` has {what}")]
    LeadsOut {
        /// Its digest.
        tree: Digest,
        /// Which, a noun.
        what: String,
    },
    /// A content isn't what the manifest says.
    #[error("{0}")]
    Mismatch(String),
    /// The store has nothing of that name.
    #[error("{0}")]
    Unknown(String),
    /// Records or objects behind an artifact aren't there.
    #[error(
        "`{artifact}` can't be exported whole: the store lacks the record or an output of {}",
        steps(lacking)
    )]
    Incomplete {
        /// What was to be exported.
        artifact: String,
        /// What people call the actions, or their keys; sorted.
        lacking: Vec<String>,
    },
    /// A key's file or text can't be used.
    #[error("{0}")]
    Key(String),
    /// The archive can't be read.
    #[error("can't read {archive}: {source}")]
    Unreadable {
        /// What people call it.
        archive: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The archive can't be written.
    #[error("can't write the archive: {0}")]
    Unwritable(io::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ArchiveError {
    /// It can't be read, or ends too early.
    pub fn read(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            _ => Self::Unreadable { archive: "the archive".to_owned(), source: error },
        }
    }

    /// The same, told of `name`.
    #[must_use]
    pub fn of(self, name: &str) -> Self {
        match self {
            Self::Unreadable { source, .. } => Self::Unreadable { archive: name.to_owned(), source },
            other => other,
        }
    }

    /// A key's file.
    pub(super) fn key_file(doing: &str, path: &std::path::Path, error: &io::Error) -> Self {
        Self::Key(format!("can't {doing} `{}`: {error}", path.display()))
    }

    /// The error as people see it, with what to do about it.
    pub fn diagnostic(&self, trusted: Option<&PathBuf>) -> Diagnostic {
        let file = trusted.map_or_else(|| "trusted-keys".to_owned(), |path| path.display().to_string());
        let (code, help) = match self {
            Self::Untrusted(key) => (
                Code::UntrustedArchive,
                format!("if you trust whoever has this key, give `--trust {key}`, or write it on a line of `{file}`"),
            ),
            Self::Forged(_) => (Code::UntrustedArchive, "get it again from whoever has signed it".to_owned()),
            Self::Foreign(_) => (Code::NotAnArchive, "archives are what `uk store export` makes".to_owned()),
            Self::Truncated => (Code::ArchiveTruncated, "copy it again; nothing of it was taken".to_owned()),
            Self::TooLarge { .. } => {
                (Code::ArchiveTooLarge, "if that may be, allow more with `--max-size SIZE`".to_owned())
            }
            Self::LeadsOut { .. } => {
                (Code::ArchiveLeadsOut, "a tree may only link to what is in it; nothing was taken".to_owned())
            }
            Self::Mismatch(_) => {
                (Code::ArchiveMismatch, "get it again; nothing of it was taken".to_owned())
            }
            Self::Unknown(_) => (
                Code::NothingToExport,
                "name a file in a `dist/` that `uk build` has made, or a digest that `uk plan --format json` shows"
                    .to_owned(),
            ),
            Self::Incomplete { .. } => (
                Code::Incomplete,
                "`uk store verify`, then `uk build` in its project with its `--target` and `--set` make it again; then export"
                    .to_owned(),
            ),
            Self::Key(_) => (
                Code::UnusableKey,
                "`uk store key` makes a key and shows its public half, as `ed25519:` and 64 digits".to_owned(),
            ),
            Self::Unreadable { .. } => (
                Code::UnreadableArchive,
                "name a file that `uk store export` has written, or `-` for standard input".to_owned(),
            ),
            Self::Unwritable(_) => (Code::NotWritable, "look at where standard output leads to".to_owned()),
            Self::Store(error) => return error.diagnostic(),
        };
        Diagnostic::error(code, self.to_string()).help(help)
    }
}

/// Some of their names, and how many there are besides.
fn steps(names: &[String]) -> String {
    const MOST: usize = 5;
    let quoted = names.iter().take(MOST).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => quoted,
        more => format!("{quoted} and {more} more"),
    }
}
