//! A folder's files, compiled into the image: a look-up is one hash and one comparison, and nothing is copied.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used)]
#![warn(missing_docs)]

extern crate alloc;

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::cell::Cell;

use uk_device::{Error, KvEntry, KvError, KvKind, KvRo, Result, SortedKeys, read_at};
use uk_kv_format::crunch::{Entry, Table};

/// The values of a table in the image.
#[derive(Debug)]
pub struct Crunch<'t> {
    table: Table<'t>,
    /// Whether the value at each place was found to be what it is to be.
    checked: Box<[Cell<bool>]>,
}

/// The values of `table`, which was made of the folder `dir`.
///
/// # Errors
/// If the table isn't as it was made.
pub async fn connect(dir: &'static str, table: &'static [u8]) -> Result<Crunch<'static>> {
    Crunch::new(table).ok_or_else(|| Error::new(format!("the table of `{dir}` in the image is damaged")))
}

impl<'t> Crunch<'t> {
    /// The values of `table`; none if its index isn't as it was made. A value is looked at when it is first asked for.
    pub fn new(table: &'t [u8]) -> Option<Self> {
        let table = Table::new(table, hash)?;
        let checked: Vec<Cell<bool>> = (0..table.count()).map(|_| Cell::new(false)).collect();
        Some(Crunch { table, checked: checked.into() })
    }

    #[inline]
    fn find(&self, key: &str) -> Result<&'t [u8], KvError> {
        let Some(entry) = self.table.find(key) else { return self.lacks(key) };
        if self.checked[entry.place].get() { Ok(self.table.bytes(&entry)) } else { self.check(&entry) }
    }

    #[cold]
    fn check(&self, entry: &Entry<'t>) -> Result<&'t [u8], KvError> {
        let bytes = self.table.bytes(entry);
        if hash(bytes) != self.table.digest(entry) {
            return Err(KvError::Corrupt);
        }
        self.checked[entry.place].set(true);
        Ok(bytes)
    }

    #[cold]
    fn lacks(&self, key: &str) -> Result<&'t [u8], KvError> {
        self.value(key).and(Err(KvError::Corrupt))
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    blake3::hash(bytes).into()
}

impl SortedKeys for Crunch<'_> {
    fn count(&self) -> usize {
        self.table.count()
    }

    fn key(&self, place: usize) -> &str {
        self.table.key(place)
    }
}

impl<'t> KvRo for Crunch<'t> {
    type Value = &'t [u8];

    async fn get(&self, key: &str) -> Result<&'t [u8], KvError> {
        self.find(key)
    }

    async fn read(&self, key: &str, offset: u64, buffer: &mut [u8]) -> Result<usize, KvError> {
        Ok(read_at(self.find(key)?, offset, buffer))
    }

    async fn exists(&self, key: &str) -> Result<Option<KvKind>, KvError> {
        self.kind(key)
    }

    async fn list(&self, key: &str) -> Result<Vec<KvEntry>, KvError> {
        self.names(key)
    }

    async fn size(&self, key: &str) -> Result<u64, KvError> {
        match self.table.find(key) {
            Some(entry) => Ok(entry.length as u64),
            None => self.lacks(key).map(|_| 0),
        }
    }

    async fn digest(&self, key: &str) -> Result<[u8; 32], KvError> {
        match self.table.find(key) {
            Some(entry) => Ok(self.table.digest(&entry)),
            None => self.lacks(key).map(|_| [0; 32]),
        }
    }
}
