//! The files of a FAT file system (12, 16 or 32 bits, long names) on a disk, read only.
//!
//! One that `uk` made has the digests of its files behind it, and what isn't as it was made is [`KvError::Corrupt`]. FAT itself
//! has no checksums: of one of others only what can't be is noticed.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used)]
#![warn(missing_docs)]

extern crate alloc;

mod entries;
mod volume;

use alloc::vec::Vec;

use uk_device::{Block, Error, KvEntry, KvError, KvKind, KvRo, Result, is_key};
use uk_kv_disk::{Bytes, Run, Sealed};

use entries::Entry;
use volume::{Start, Volume};

/// The files of a FAT file system.
#[derive(Debug)]
pub struct Fat<B> {
    bytes: Bytes<B>,
    volume: Volume,
    sealed: Sealed,
}

/// What is found at a key.
enum Found {
    Value(Entry),
    Folder(Start),
}

/// The files of the FAT file system on `block`.
///
/// # Errors
/// If there is no such file system, or it is damaged, or the disk can't be read.
pub async fn connect<B: Block>(block: B) -> Result<Fat<B>> {
    Fat::open(block).await.map_err(|error| match error {
        KvError::Corrupt => Error::new("the disk holds no FAT file system, or a damaged one"),
        other => other.into(),
    })
}

impl<B: Block> Fat<B> {
    /// Reads what the file system on `block` says of itself.
    ///
    /// # Errors
    /// [`KvError::Corrupt`] if there is none or it can't be; [`KvError::Block`].
    pub async fn open(block: B) -> Result<Self, KvError> {
        let bytes = Bytes::new(block);
        let volume = Volume::read(&bytes).await?;
        let sealed = Sealed::read(&bytes).await?;
        Ok(Fat { bytes, volume, sealed })
    }

    /// What is at `key`.
    async fn find(&self, key: &str) -> Result<Option<Found>, KvError> {
        let mut found = Found::Folder(self.volume.root());
        if key.is_empty() {
            return Ok(Some(found));
        }
        if !is_key(key) {
            return Err(KvError::BadKey);
        }
        for name in key.split('/') {
            let Found::Folder(start) = found else { return Ok(None) };
            let entries = self.entries(start).await?;
            let Some(entry) = entries.into_iter().find(|entry| entry.name == name) else { return Ok(None) };
            found =
                if entry.folder { Found::Folder(self.volume.folder(&entry)?) } else { Found::Value(entry) };
        }
        Ok(Some(found))
    }

    async fn entries(&self, start: Start) -> Result<Vec<Entry>, KvError> {
        let runs = self.volume.folder_runs(&self.bytes, start).await?;
        let length = runs.iter().map(|run| run.length).sum();
        entries::read(&self.bytes.value(&runs, length).await?)
    }

    /// The place and the size of the value of `key`.
    async fn value(&self, key: &str) -> Result<(Vec<Run>, u64), KvError> {
        match self.find(key).await? {
            Some(Found::Value(entry)) => {
                Ok((self.volume.file_runs(&self.bytes, &entry).await?, u64::from(entry.size)))
            }
            Some(Found::Folder(_)) => {
                self.sealed.check_folder(key)?;
                Err(KvError::IsFolder)
            }
            None => {
                self.sealed.check_missing(key)?;
                Err(KvError::NotFound)
            }
        }
    }
}

impl<B: Block> KvRo for Fat<B> {
    type Value = Vec<u8>;

    async fn get(&self, key: &str) -> Result<Vec<u8>, KvError> {
        let (runs, size) = self.value(key).await?;
        let value = self.bytes.value(&runs, size).await?;
        self.sealed.check(key, &value)?;
        Ok(value)
    }

    async fn read(&self, key: &str, offset: u64, buffer: &mut [u8]) -> Result<usize, KvError> {
        let (runs, size) = self.value(key).await?;
        let count = size.saturating_sub(offset).min(buffer.len() as u64) as usize;
        if count > 0 {
            self.sealed.check_once(key, &self.bytes, &runs, size).await?;
            self.bytes.read_runs(&runs, offset, &mut buffer[..count]).await?;
        }
        Ok(count)
    }

    async fn exists(&self, key: &str) -> Result<Option<KvKind>, KvError> {
        match self.find(key).await? {
            Some(Found::Value(_)) => self.sealed.digest(key).map(|_| Some(KvKind::Value)),
            Some(Found::Folder(_)) => self.sealed.check_folder(key).map(|()| Some(KvKind::Folder)),
            None => self.sealed.check_missing(key).map(|()| None),
        }
    }

    async fn list(&self, key: &str) -> Result<Vec<KvEntry>, KvError> {
        match self.find(key).await? {
            Some(Found::Folder(start)) => {
                let kind = |folder| if folder { KvKind::Folder } else { KvKind::Value };
                let entries = self.entries(start).await?.into_iter();
                let mut entries: Vec<KvEntry> =
                    entries.map(|entry| KvEntry { name: entry.name, kind: kind(entry.folder) }).collect();
                entries.sort();
                self.sealed.check_names(key, &entries)?;
                Ok(entries)
            }
            Some(Found::Value(_)) => self.sealed.digest(key).and(Err(KvError::IsValue)),
            None => self.sealed.check_missing(key).and(Err(KvError::NotFound)),
        }
    }

    async fn size(&self, key: &str) -> Result<u64, KvError> {
        let (runs, size) = self.value(key).await?;
        // The size alone isn't among the digests: the bytes are.
        self.sealed.check_once(key, &self.bytes, &runs, size).await?;
        Ok(size)
    }

    async fn digest(&self, key: &str) -> Result<[u8; 32], KvError> {
        let (runs, size) = self.value(key).await?;
        match self.sealed.digest(key)? {
            Some(digest) => Ok(digest),
            None => self.bytes.digest(&runs, size).await,
        }
    }
}
