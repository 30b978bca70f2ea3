//! The digests of all files of a disk that `uk` made, compared with what is read.

use alloc::boxed::Box;
use alloc::vec;
use core::cell::Cell;

use uk_device::{Block, KvEntry, KvError, KvKind};
use uk_kv_format::seal::{self, HEAD, Head, Seal};

use crate::{Bytes, Run, hash};

/// The digests of a disk's files; none of them on a disk that `uk` didn't make.
#[derive(Debug)]
pub struct Sealed {
    seal: Option<Seal>,
    /// Whether the value of each entry was found to be what it is to be.
    checked: Box<[Cell<bool>]>,
}

impl Sealed {
    /// Reads the digests of the image that begins at the first of `bytes`.
    ///
    /// # Errors
    /// [`KvError::Corrupt`] if they aren't as they were made, or the image isn't whole; those of [`Bytes::read`].
    pub async fn read<B: Block>(bytes: &Bytes<B>) -> Result<Self, KvError> {
        let mut first = [0; 512];
        bytes.read(0, &mut first).await?;
        let Some(start) = seal::start(&first) else {
            return Ok(Sealed { seal: None, checked: Box::default() });
        };
        let mut head = [0; HEAD];
        bytes.read(start, &mut head).await?;
        let head = Head::new(&head).ok_or(KvError::Corrupt)?;
        head.image(start).filter(|size| *size <= bytes.size()).ok_or(KvError::Corrupt)?;
        let entries = Run { start: start + HEAD as u64, length: head.length };
        let entries = bytes.value(&[entries], entries.length).await?;
        let seal = Seal::new(entries, &head, hash).ok_or(KvError::Corrupt)?;
        let checked = vec![Cell::new(false); seal.count()].into();
        Ok(Sealed { seal: Some(seal), checked })
    }

    /// Whether `value` is what `key` is to have.
    ///
    /// # Errors
    /// [`KvError::Corrupt`].
    pub fn check(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        match self.expected(key)? {
            Some((_, digest)) if digest != hash(value) => Err(KvError::Corrupt),
            _ => Ok(()),
        }
    }

    /// Reads the value of `key` to see whether it is what it is to be, unless that was seen before.
    ///
    /// # Errors
    /// [`KvError::Corrupt`]; those of [`Bytes::read`].
    pub async fn check_once<B: Block>(
        &self,
        key: &str,
        bytes: &Bytes<B>,
        runs: &[Run],
        size: u64,
    ) -> Result<(), KvError> {
        let Some((place, digest)) = self.expected(key)? else { return Ok(()) };
        if self.checked[place].get() {
            return Ok(());
        }
        if bytes.digest(runs, size).await? != digest {
            return Err(KvError::Corrupt);
        }
        self.checked[place].set(true);
        Ok(())
    }

    /// The digest that the value of `key` is to have, if the disk says it.
    ///
    /// # Errors
    /// [`KvError::Corrupt`] if the disk says the digests of its files, and there is to be no such file.
    pub fn digest(&self, key: &str) -> Result<Option<[u8; 32]>, KvError> {
        Ok(self.expected(key)?.map(|(_, digest)| digest))
    }

    fn expected(&self, key: &str) -> Result<Option<(usize, [u8; 32])>, KvError> {
        match &self.seal {
            None => Ok(None),
            Some(seal) => seal.value(key).map(Some).ok_or(KvError::Corrupt),
        }
    }

    /// Whether there may be nothing at `key`.
    ///
    /// # Errors
    /// [`KvError::Corrupt`] if there is to be something.
    pub fn check_missing(&self, key: &str) -> Result<(), KvError> {
        match &self.seal {
            Some(seal) if seal.value(key).is_some() || seal.is_folder(key) => Err(KvError::Corrupt),
            _ => Ok(()),
        }
    }

    /// Whether there may be a folder at `key`.
    ///
    /// # Errors
    /// [`KvError::Corrupt`] if there is to be none.
    pub fn check_folder(&self, key: &str) -> Result<(), KvError> {
        match &self.seal {
            Some(seal) if !seal.is_folder(key) => Err(KvError::Corrupt),
            _ => Ok(()),
        }
    }

    /// Whether `entries` are what the folder `key` is to have.
    ///
    /// # Errors
    /// [`KvError::Corrupt`].
    pub fn check_names(&self, key: &str, entries: &[KvEntry]) -> Result<(), KvError> {
        let names = entries.iter().map(|entry| (entry.name.as_str(), entry.kind == KvKind::Folder));
        match &self.seal {
            Some(seal) if !seal.has_names(key, names) => Err(KvError::Corrupt),
            _ => Ok(()),
        }
    }
}
