//! A folder's files, without judging what they are for.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::StoreError;
use crate::error::During;

/// A file or symbolic link in a folder.
pub(crate) struct Found {
    /// Relative, `/`-separated.
    pub(crate) path: String,
    /// What a symbolic link says.
    pub(crate) link: Option<String>,
    /// Whether a file may be executed.
    pub(crate) executable: bool,
}

/// Everything in `folder` but folders, in no order. A folder that isn't there holds nothing.
pub(crate) fn files(folder: &Path) -> Result<Vec<Found>, StoreError> {
    files_but(folder, |_| false)
}

/// The same without the files and folders whose paths `skip` names.
pub(crate) fn files_but(folder: &Path, skip: impl Fn(&str) -> bool) -> Result<Vec<Found>, StoreError> {
    let mut found = Vec::new();
    let mut open = vec![String::new()];
    while let Some(prefix) = open.pop() {
        let here = folder.join(&prefix);
        let entries = match fs::read_dir(&here) {
            Err(error) if prefix.is_empty() && error.kind() == io::ErrorKind::NotFound => break,
            result => result.during("read", &here)?,
        };
        for entry in entries {
            let entry = entry.during("read", &here)?;
            let there = entry.path();
            let unkeepable = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidData, what.to_owned()));
            let Ok(name) = entry.file_name().into_string() else {
                return unkeepable("its name isn't UTF-8").during("keep", &there);
            };
            let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            if skip(&path) {
                continue;
            }
            let metadata = entry.metadata().during("read", &there)?;
            if metadata.is_dir() {
                open.push(path);
            } else if metadata.is_symlink() {
                let Ok(target) = fs::read_link(&there).during("read", &there)?.into_os_string().into_string()
                else {
                    return unkeepable("what the link says isn't UTF-8").during("keep", &there);
                };
                found.push(Found { path, link: Some(target), executable: false });
            } else if metadata.is_file() {
                let executable = metadata.permissions().mode() & 0o111 != 0;
                found.push(Found { path, link: None, executable });
            } else {
                return unkeepable("it is neither a file nor a link").during("keep", &there);
            }
        }
    }
    Ok(found)
}
