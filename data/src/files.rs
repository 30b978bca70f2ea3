//! The files of a folder.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A file.
#[derive(Debug)]
pub(crate) struct File {
    /// Its path in the folder, with `/` between names.
    pub key: String,
    pub path: PathBuf,
    pub size: u64,
}

/// All files below `folder`, sorted by key.
pub(crate) fn find(folder: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    list(folder, "", &mut files)?;
    files.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(files)
}

fn list(folder: &Path, prefix: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let path = folder.join(&name);
        let Some(name) = name.to_str() else {
            let message = format!("the name `{}` isn't UTF-8", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        let key = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        let found = fs::metadata(&path)?;
        if found.is_dir() {
            list(&path, &key, files)?;
        } else {
            files.push(File { key, path, size: found.len() });
        }
    }
    Ok(())
}

impl File {
    /// The BLAKE3 of its content.
    pub fn digest(&self) -> io::Result<[u8; 32]> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(fs::File::open(&self.path)?)?;
        Ok(hasher.finalize().into())
    }

    /// Appends its content to `out`. A file that has another size than it had would shift what follows.
    pub fn copy(&self, out: &mut impl Write) -> io::Result<()> {
        let mut file = fs::File::open(&self.path)?.take(self.size);
        if io::copy(&mut file, out)? == self.size {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("`{}` became shorter", self.key)))
    }
}
