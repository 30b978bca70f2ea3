//! A folder of the host, read as it is: what changes there shows at once.
//!
//! Links count as what they lead to, if that is in the folder; others aren't there. Names that aren't UTF-8 are no keys and
//! aren't listed. What the page cache lacks is waited for: other tasks wait too.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used)]
#![warn(missing_docs)]

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use uk_device::{Attachment, Error, KvEntry, KvError, KvKind, KvRo, Result, is_key};

/// A folder of the host.
#[derive(Debug)]
pub struct Direct {
    /// Its real path.
    root: PathBuf,
}

/// The folder that the process is given (`uk_unix::attached`), else `attachment.path`.
///
/// # Errors
/// If there is no such folder, or it can't be read.
pub async fn connect(_dir: &'static str, attachment: Attachment) -> Result<Direct> {
    open(&uk_unix::attached(&attachment)).map_err(|error| uk_unix::unfit(&attachment, &error))
}

/// Any folder of the host.
///
/// # Errors
/// As [`connect`].
pub fn open(folder: &Path) -> Result<Direct> {
    let root = folder.canonicalize().and_then(|root| fs::read_dir(&root).map(|_| root));
    match root {
        Ok(root) => Ok(Direct { root }),
        Err(error) => Err(Error::new(format!("the folder `{}` can't be read: {error}", folder.display()))),
    }
}

/// What is at a key.
enum Found {
    Value(PathBuf),
    Folder(PathBuf),
}

impl Direct {
    fn find(&self, key: &str) -> Result<Option<Found>, KvError> {
        if !key.is_empty() && !is_key(key) {
            return Err(KvError::BadKey);
        }
        self.look(&self.root.join(key))
    }

    fn look(&self, path: &Path) -> Result<Option<Found>, KvError> {
        let found = path.canonicalize().and_then(|real| Ok((fs::metadata(&real)?, real)));
        match found {
            // A link that leads out of the folder isn't there.
            Ok((_, real)) if !real.starts_with(&self.root) => Ok(None),
            Ok((found, real)) if found.is_file() => Ok(Some(Found::Value(real))),
            Ok((found, real)) if found.is_dir() => Ok(Some(Found::Folder(real))),
            Ok(_) => Ok(None),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    fn file(&self, key: &str) -> Result<File, KvError> {
        match self.find(key)? {
            Some(Found::Value(path)) => File::open(path).map_err(|error| match error {
                error if is_missing(&error) => KvError::NotFound,
                error => failed(&error),
            }),
            Some(Found::Folder(_)) => Err(KvError::IsFolder),
            None => Err(KvError::NotFound),
        }
    }
}

/// Whether there is nothing at a path: also where a link leads nowhere or in a circle, or a name is longer than names can be.
fn is_missing(error: &io::Error) -> bool {
    const ELOOP: i32 = if cfg!(target_os = "linux") { 40 } else { 62 };
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename
    ) || error.raw_os_error() == Some(ELOOP)
}

fn failed(error: &io::Error) -> KvError {
    KvError::Failed(error.raw_os_error().unwrap_or(0))
}

impl KvRo for Direct {
    type Value = Vec<u8>;

    async fn get(&self, key: &str) -> Result<Vec<u8>, KvError> {
        let mut value = Vec::new();
        self.file(key)?.read_to_end(&mut value).map_err(|error| failed(&error))?;
        Ok(value)
    }

    async fn read(&self, key: &str, offset: u64, buffer: &mut [u8]) -> Result<usize, KvError> {
        let file = self.file(key)?;
        let mut count = 0;
        // Offsets end where those of files do.
        while count < buffer.len() && offset <= i64::MAX as u64 {
            match file.read_at(&mut buffer[count..], offset + count as u64) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(&error)),
            }
        }
        Ok(count)
    }

    async fn exists(&self, key: &str) -> Result<Option<KvKind>, KvError> {
        Ok(self.find(key)?.map(|found| match found {
            Found::Value(_) => KvKind::Value,
            Found::Folder(_) => KvKind::Folder,
        }))
    }

    async fn list(&self, key: &str) -> Result<Vec<KvEntry>, KvError> {
        let folder = match self.find(key)? {
            Some(Found::Folder(path)) => path,
            Some(Found::Value(_)) => return Err(KvError::IsValue),
            None => return Err(KvError::NotFound),
        };
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(|error| failed(&error))? {
            let entry = entry.map_err(|error| failed(&error))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let kind = match self.look(&entry.path())? {
                Some(Found::Value(_)) => KvKind::Value,
                Some(Found::Folder(_)) => KvKind::Folder,
                None => continue,
            };
            entries.push(KvEntry { name, kind });
        }
        entries.sort();
        Ok(entries)
    }

    async fn size(&self, key: &str) -> Result<u64, KvError> {
        self.file(key)?.metadata().map(|found| found.len()).map_err(|error| failed(&error))
    }

    async fn digest(&self, key: &str) -> Result<[u8; 32], KvError> {
        let mut hasher = blake3::Hasher::new();
        let mut file = self.file(key)?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finalize().into()),
                Ok(count) => drop(hasher.update(&buffer[..count])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(&error)),
            }
        }
    }
}
