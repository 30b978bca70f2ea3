//! What can be wrong with a store.

use std::io;
use std::path::{Path, PathBuf};

use uk_action::Digest;
use uk_diagnostic::{Code, Diagnostic};

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No folder for the store is known: neither `UK_STORE` nor `XDG_CACHE_HOME` nor `HOME` is set.
    #[error("there is no folder for the store: `UK_STORE`, `XDG_CACHE_HOME` and `HOME` aren't set")]
    Homeless,
    /// The operating system refused.
    #[error("can't {doing} `{path}`: {source}", path = path.display())]
    Unusable {
        /// What was tried, an infinitive.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A place outside of the store, where something was to be put, can't be written.
    #[error("can't {doing} `{path}`: {source}", path = path.display())]
    Destination {
        /// What was tried, an infinitive.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file system or the user's quota is full.
    #[error("no space is left for `{path}`", path = path.display())]
    Full {
        /// What was being written.
        path: PathBuf,
    },
    /// An object's bytes don't have the digest in its name. It has been moved out of the way.
    #[error("object `{digest}` of the store is damaged")]
    Corrupt {
        /// Its name.
        digest: Digest,
    },
    /// A fixed tree isn't what its name says. It has been moved out of the way.
    #[error("`{path}` in the store is damaged", path = path.display())]
    CorruptTree {
        /// Where it was.
        path: PathBuf,
    },
    /// An object isn't there.
    #[error("object `{digest}` isn't in the store")]
    Missing {
        /// Its name.
        digest: Digest,
    },
    /// A root's file is damaged, so what it keeps isn't known.
    #[error("the root `{path}` is damaged", path = path.display())]
    BadRoot {
        /// Its file.
        path: PathBuf,
    },
    /// Records that roots name aren't there, so what these roots need isn't known.
    #[error(
        "records behind {} are missing, so nothing is removed: what has to stay isn't known",
        named(roots)
    )]
    Incomplete {
        /// The artifacts, each with the witness of its root.
        roots: Vec<(String, PathBuf)>,
    },
    /// There is no store yet.
    #[error("there is no store in `{path}`", path = path.display())]
    None {
        /// The folder.
        path: PathBuf,
    },
    /// A file is where its folder, or one around it, would be.
    #[error("there can be no store in `{path}`: that is a file, not a folder", path = path.display())]
    NoFolder {
        /// The file.
        path: PathBuf,
    },
    /// The folder holds other things.
    #[error("`{path}` isn't a store, and isn't empty", path = path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// The file that tells the store's format is damaged, or somebody else's.
    #[error("`{path}` isn't that of a store", path = path.display())]
    BadFormat {
        /// The file.
        path: PathBuf,
    },
    /// The store was made by a newer `uk`.
    #[error("the store `{path}` has format {found}, and this `uk` reads up to {known}", path = path.display())]
    Newer {
        /// The store.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest known one.
        known: u64,
    },
}

impl StoreError {
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path: path.to_owned() },
            _ => Self::Unusable { doing, path: path.to_owned(), source },
        }
    }

    /// The same, told of a place outside of the store in `root`.
    pub(crate) fn outside(self, root: &Path) -> Self {
        match self {
            Self::Unusable { doing, path, source } if !path.starts_with(root) => {
                Self::Destination { doing, path, source }
            }
            other => other,
        }
    }

    /// Its entry in the error index.
    pub fn code(&self) -> Code {
        match self {
            Self::Homeless | Self::None { .. } | Self::NoFolder { .. } | Self::Unusable { .. } => {
                Code::StoreUnusable
            }
            Self::Destination { .. } => Code::NotWritable,
            Self::Full { .. } => Code::StoreFull,
            Self::Corrupt { .. } | Self::CorruptTree { .. } | Self::Missing { .. } | Self::BadRoot { .. } => {
                Code::StoreCorrupt
            }
            Self::Incomplete { .. } => Code::Incomplete,
            Self::Foreign { .. } | Self::BadFormat { .. } => Code::StoreForeign,
            Self::Newer { .. } => Code::StoreNewer,
        }
    }

    /// The error as people see it, with what to do about it.
    pub fn diagnostic(&self) -> Diagnostic {
        let help = match self {
            Self::Homeless => "set `UK_STORE` to a folder that may be written",
            Self::None { .. } => "`uk build` makes it; `UK_STORE` names another folder",
            Self::NoFolder { .. } => "set `UK_STORE` to a folder",
            Self::Unusable { .. } => {
                "make it writable for this user, or set `UK_STORE` to a folder that may be written"
            }
            Self::Destination { .. } => "make the folder writable for this user",
            Self::Full { .. } => "make room on its file system, or set `UK_STORE` to a folder on another one",
            Self::Corrupt { .. } => {
                "run the command again: it is made anew; `uk store verify` looks at all others, for the disk may be failing"
            }
            Self::Missing { .. } => "run the command again: what is missing is built anew",
            Self::CorruptTree { .. } => {
                "run the command again: it was moved away, and `uk` makes it anew; `uk store verify` looks at the rest"
            }
            Self::BadRoot { .. } => {
                "`uk store verify` moves it away; build its project again before the next `uk store gc`"
            }
            Self::Incomplete { .. } => {
                "`uk store verify`, then `uk build` in that folder with the artifact's `--target` and `--set` make them again; \
                 `uk clean` there gives them up"
            }
            Self::Foreign { .. } => "set `UK_STORE` to an empty folder or to one that doesn't exist yet",
            Self::BadFormat { .. } => {
                "if everything beside it is a store's, remove it, and `uk build` makes it again; else set `UK_STORE` to \
                 another folder"
            }
            Self::Newer { .. } => "use the newer `uk`, or set `UK_STORE` to another folder",
        };
        Diagnostic::error(self.code(), self.to_string()).help(help)
    }
}

/// The artifacts of roots, with the folders of their projects: a witness is in a folder of its own there.
fn named(roots: &[(String, PathBuf)]) -> String {
    const MOST: usize = 3;
    let name = |(artifact, witness): &(String, PathBuf)| {
        let folder = witness.ancestors().nth(2).unwrap_or(witness);
        format!("`{artifact}` of `{}`", folder.display())
    };
    let names = roots.iter().take(MOST).map(name).collect::<Vec<_>>().join(", ");
    match roots.len().saturating_sub(MOST) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

/// Names what was tried, and where, when the operating system refuses.
pub(crate) trait During<T> {
    fn during(self, doing: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, doing: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::io(doing, path, error))
    }
}

impl<T> During<T> for rustix::io::Result<T> {
    fn during(self, doing: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::io(doing, path, error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_errors() {
        let full = Path::new("/dev/full");
        let error = std::fs::write(full, "x").during("write", full).expect_err("it is always full");
        assert_eq!(error.code(), Code::StoreFull);
        assert_eq!(error.to_string(), "no space is left for `/dev/full`");
        let error = std::fs::write("/dev", "x").during("write", Path::new("/dev")).expect_err("a folder");
        assert_eq!(error.code(), Code::StoreUnusable);
        assert_eq!(error.outside(Path::new("/store")).code(), Code::NotWritable);
    }
}
