//! The folders that data for devices are made of: all their files, also those that git ignores.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use uk_diagnostic::{Code, Diagnostic};

/// Why a folder isn't one of files under keys.
#[derive(Debug)]
pub struct FolderFault {
    /// What is wrong, to follow the folder's name.
    pub cause: String,
    /// What to do about it.
    pub help: &'static str,
}

impl FolderFault {
    /// As `UK0411`, of the folder that messages call `shown`.
    pub(crate) fn diagnostic(self, shown: &str) -> Box<Diagnostic> {
        let message = format!("no data can be made of the folder `{shown}`: {}", self.cause);
        Box::new(Diagnostic::error(Code::UnfitFolder, message).help(self.help))
    }
}

type Result<T> = std::result::Result<T, FolderFault>;

/// Whether all files in `folder` can be had under keys: what holds for data holds for a folder that a guest is given as it is.
///
/// # Errors
/// What stands in the way.
pub fn check_folder(folder: &Path) -> Result<()> {
    list(folder, false, &Apart::default()).map(|_| ())
}

/// The files of a folder, as paths relative to it with `/` between names.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Files and links in the folder, sorted: what a copy of the folder must have.
    pub entries: Vec<String>,
    /// Files with links followed, and their sizes if they were asked for.
    pub files: Vec<(String, u64)>,
}

/// What of a folder isn't from the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Apart {
    /// Files and folders in it that are made while building: what is there in their place doesn't count.
    pub made: Vec<String>,
    /// Whether it need not be there.
    pub may_be_missing: bool,
}

/// Lists the folder `root`, less what is `apart`; with `sizes`, those of its files too.
pub(crate) fn list(root: &Path, sizes: bool, apart: &Apart) -> Result<Found> {
    let fault = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound => unfit("it isn't there", "make it, or name another folder"),
        io::ErrorKind::NotADirectory => unfit("it isn't a folder", "name the folder that the files are in"),
        _ => unfit(&error.to_string(), "make it readable"),
    };
    let real = match root.canonicalize() {
        Err(error) if apart.may_be_missing && error.kind() == io::ErrorKind::NotFound => {
            return Ok(Found::default());
        }
        real => real.map_err(|error| fault(&error))?,
    };
    // What would be told of the first name in it.
    fs::read_dir(&real).map_err(|error| fault(&error))?;
    let mut walk =
        Walk { root: real.clone(), sizes, apart: &apart.made, found: Found::default(), above: Vec::new() };
    walk.folder(&real, "", true)?;
    let mut found = walk.found;
    found.entries.sort();
    found.files.sort();
    Ok(found)
}

struct Walk<'a> {
    root: PathBuf,
    sizes: bool,
    apart: &'a [String],
    found: Found,
    /// The real paths of the folders that are being listed.
    above: Vec<PathBuf>,
}

impl Walk<'_> {
    /// Lists `folder`; `own` unless a link on the way led there, so that its entries are listed elsewhere.
    fn folder(&mut self, folder: &Path, prefix: &str, own: bool) -> Result<()> {
        self.above.push(folder.to_owned());
        for entry in fs::read_dir(folder).map_err(|error| unreadable(prefix, &error))? {
            let entry = entry.map_err(|error| unreadable(prefix, &error))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let cause = format!("the name `{}` in it isn't UTF-8", entry.path().display());
                return Err(unfit(&cause, "rename the file: names become keys, which are text"));
            };
            let key = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            if self.apart.contains(&key) {
                continue;
            }
            let kind = entry.file_type().map_err(|error| unreadable(&key, &error))?;
            if own && !kind.is_dir() {
                self.found.entries.push(key.clone());
            }
            if kind.is_symlink() {
                self.link(&entry.path(), key)?;
            } else if kind.is_dir() {
                self.folder(&entry.path(), &key, own)?;
            } else {
                self.file(&entry.path(), key, kind.is_file())?;
            }
        }
        self.above.pop();
        Ok(())
    }

    fn file(&mut self, path: &Path, key: String, is_file: bool) -> Result<()> {
        if !is_file {
            let cause = format!("`{key}` in it is neither a file nor a folder");
            return Err(unfit(&cause, "take it out of the folder"));
        }
        let size = if self.sizes { fs::metadata(path).map(|found| found.len()) } else { Ok(0) };
        let size = size.map_err(|error| unreadable(&key, &error))?;
        self.found.files.push((key, size));
        Ok(())
    }

    /// A link counts as what it leads to, which is in the folder too: data hang on nothing outside of it.
    fn link(&mut self, path: &Path, key: String) -> Result<()> {
        let help = "make it a link to a file in the folder, relative to itself, or a copy of the file";
        let text = fs::read_link(path).map_err(|error| unreadable(&key, &error))?;
        let target = match path.canonicalize() {
            Ok(target) => target,
            Err(error) => {
                // ELOOP has no kind on stable Rust, and the system's words are clear.
                let cause = format!("the link `{key}` in it leads nowhere: {error}");
                return Err(unfit(&cause, help));
            }
        };
        if text.is_absolute() || !target.starts_with(&self.root) {
            let cause = format!("the link `{key}` in it leads out of it, to `{}`", text.display());
            return Err(unfit(&cause, help));
        }
        if !target.is_dir() {
            return self.file(&target, key, target.is_file());
        }
        if self.above.contains(&target) {
            let cause = format!("the link `{key}` in it leads in a circle, to a folder around it");
            return Err(unfit(&cause, "take the link away"));
        }
        self.folder(&target, &key, false)
    }
}

fn unreadable(key: &str, error: &io::Error) -> FolderFault {
    let cause = if key.is_empty() { error.to_string() } else { format!("`{key}` in it: {error}") };
    unfit(&cause, "make every file in it readable")
}

fn unfit(cause: &str, help: &'static str) -> FolderFault {
    FolderFault { cause: cause.to_owned(), help }
}
