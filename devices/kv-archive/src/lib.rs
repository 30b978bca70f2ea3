//! The files of a tar archive on a disk. Its headers are read once, when connecting; files are read when they are asked for.
//!
//! An archive that `uk` made has the digests of its files behind it, and what isn't as it was made is [`KvError::Corrupt`]. In
//! one of others only the headers have checksums.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used)]
#![warn(missing_docs)]

extern crate alloc;

mod index;

use alloc::string::String;
use alloc::vec::Vec;

use uk_device::{Block, Error, KvEntry, KvError, KvKind, KvRo, Result, SortedKeys};
use uk_kv_disk::{Bytes, Run, Sealed};

/// The files of an archive.
#[derive(Debug)]
pub struct Archive<B> {
    bytes: Bytes<B>,
    files: Files,
    sealed: Sealed,
}

/// Keys in the order of their bytes, with the place of each value.
#[derive(Debug, Default)]
struct Files(Vec<(String, Run)>);

/// The files of the archive on `block`.
///
/// # Errors
/// If there is no archive, or it is damaged, or the disk can't be read.
pub async fn connect<B: Block>(block: B) -> Result<Archive<B>> {
    Archive::open(block).await.map_err(|error| match error {
        KvError::Corrupt => Error::new("the disk holds no tar archive, or a damaged one"),
        other => other.into(),
    })
}

impl<B: Block> Archive<B> {
    /// Reads the headers of the archive on `block`.
    ///
    /// # Errors
    /// [`KvError::Corrupt`] if there is no archive or it is damaged; [`KvError::Block`].
    pub async fn open(block: B) -> Result<Self, KvError> {
        let bytes = Bytes::new(block);
        let sealed = Sealed::read(&bytes).await?;
        let files = Files(index::read(&bytes).await?);
        let archive = Archive { bytes, files, sealed };
        archive.check_keys()?;
        Ok(archive)
    }

    /// Whether there are the files and folders that there are to be, and no others.
    fn check_keys(&self) -> Result<(), KvError> {
        let mut folders: Vec<&str> = Vec::from([""]);
        for (key, _) in &self.files.0 {
            self.sealed.digest(key)?;
            folders.extend(key.match_indices('/').map(|(at, _)| &key[..at]));
        }
        folders.sort_unstable();
        folders.dedup();
        folders.into_iter().try_for_each(|folder| match self.files.names(folder) {
            Ok(names) => self.sealed.check_names(folder, &names),
            Err(error) => Err(error),
        })
    }

    fn find(&self, key: &str) -> Result<&Run, KvError> {
        self.files.value(key).map(|place| &self.files.0[place].1)
    }
}

impl SortedKeys for Files {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn key(&self, place: usize) -> &str {
        &self.0[place].0
    }
}

impl<B: Block> KvRo for Archive<B> {
    type Value = Vec<u8>;

    async fn get(&self, key: &str) -> Result<Vec<u8>, KvError> {
        let run = self.find(key)?;
        let value = self.bytes.value(&[*run], run.length).await?;
        self.sealed.check(key, &value)?;
        Ok(value)
    }

    async fn read(&self, key: &str, offset: u64, buffer: &mut [u8]) -> Result<usize, KvError> {
        let run = self.find(key)?;
        let count = run.length.saturating_sub(offset).min(buffer.len() as u64) as usize;
        if count > 0 {
            self.sealed.check_once(key, &self.bytes, &[*run], run.length).await?;
            self.bytes.read(run.start + offset, &mut buffer[..count]).await?;
        }
        Ok(count)
    }

    async fn exists(&self, key: &str) -> Result<Option<KvKind>, KvError> {
        self.files.kind(key)
    }

    async fn list(&self, key: &str) -> Result<Vec<KvEntry>, KvError> {
        self.files.names(key)
    }

    async fn size(&self, key: &str) -> Result<u64, KvError> {
        self.find(key).map(|run| run.length)
    }

    async fn digest(&self, key: &str) -> Result<[u8; 32], KvError> {
        let run = self.find(key)?;
        match self.sealed.digest(key)? {
            Some(digest) => Ok(digest),
            None => self.bytes.digest(&[*run], run.length).await,
        }
    }
}
