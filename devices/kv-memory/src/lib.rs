//! Values under keys, in memory: empty at boot, gone at the end.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

use uk_device::{Change, KvEntry, KvError, KvIndex, KvKind, KvRo, KvRw, Result, read_at};

/// The device.
#[derive(Debug, Default)]
pub struct Memory(RefCell<KvIndex<Rc<[u8]>>>);

/// An empty one.
///
/// # Errors
/// None.
pub async fn connect() -> Result<Memory> {
    Ok(Memory::default())
}

impl Memory {
    fn value(&self, key: &str) -> Result<Rc<[u8]>, KvError> {
        self.0.borrow().value(key).cloned()
    }
}

impl KvRo for Memory {
    type Value = Rc<[u8]>;

    async fn get(&self, key: &str) -> Result<Rc<[u8]>, KvError> {
        self.value(key)
    }

    async fn read(&self, key: &str, offset: u64, buffer: &mut [u8]) -> Result<usize, KvError> {
        Ok(read_at(&self.value(key)?, offset, buffer))
    }

    async fn exists(&self, key: &str) -> Result<Option<KvKind>, KvError> {
        self.0.borrow().kind(key)
    }

    async fn list(&self, key: &str) -> Result<Vec<KvEntry>, KvError> {
        self.0.borrow().names(key)
    }

    async fn size(&self, key: &str) -> Result<u64, KvError> {
        Ok(self.value(key)?.len() as u64)
    }

    async fn digest(&self, key: &str) -> Result<[u8; 32], KvError> {
        Ok(*blake3::hash(&self.value(key)?).as_bytes())
    }
}

impl KvRw for Memory {
    async fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        self.batch(&[Change::Set { key, value }]).await
    }

    async fn remove(&self, key: &str) -> Result<(), KvError> {
        self.batch(&[Change::Remove { key }]).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), KvError> {
        self.batch(&[Change::Rename { from, to }]).await
    }

    async fn batch(&self, changes: &[Change<'_>]) -> Result<(), KvError> {
        let values = changes.iter().filter_map(|change| match change {
            Change::Set { value, .. } => Some(Rc::from(*value)),
            Change::Remove { .. } | Change::Rename { .. } => None,
        });
        let mut index = self.0.borrow_mut();
        let plan = index.plan(changes, values)?;
        index.apply(plan);
        Ok(())
    }
}
