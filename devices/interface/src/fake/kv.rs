//! Values in memory.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{KvEntry, KvError, KvKind, SortedKeys, is_key, read_at};

/// Values under keys, from a list.
///
/// ```
/// use uk_device::{KvRo as _, fake};
///
/// let digest = |_: &[u8]| [0; 32];
/// let site = fake::KvRo::new([("index.html", "<p>hello"), ("css/site.css", "p {}")], digest);
/// assert_eq!(fake::block_on(site.get("css/site.css")), Ok(b"p {}".to_vec()));
/// ```
#[derive(Clone, Debug)]
pub struct KvRo {
    /// Sorted.
    values: Vec<(String, Vec<u8>)>,
    digest: fn(&[u8]) -> [u8; 32],
}

impl KvRo {
    /// These values; `digest` stands for BLAKE3, which this crate lacks.
    ///
    /// # Panics
    /// If a text is no key, or a key stands twice or has both a value and a folder.
    #[track_caller]
    pub fn new<K: Into<String>, V: Into<Vec<u8>>>(
        values: impl IntoIterator<Item = (K, V)>,
        digest: fn(&[u8]) -> [u8; 32],
    ) -> Self {
        let mut values: Vec<(String, Vec<u8>)> =
            values.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        values.sort();
        let fake = KvRo { values, digest };
        for (place, (key, _)) in fake.values.iter().enumerate() {
            assert!(is_key(key), "`{key}` is no key");
            assert_eq!(fake.place(key), Ok(place), "`{key}` stands twice");
            assert!(!fake.is_folder(key), "`{key}` has both a value and a folder");
        }
        fake
    }

    fn find(&self, key: &str) -> Result<&[u8], KvError> {
        self.value(key).map(|place| &*self.values[place].1)
    }
}

impl SortedKeys for KvRo {
    fn count(&self) -> usize {
        self.values.len()
    }

    fn key(&self, place: usize) -> &str {
        &self.values[place].0
    }
}

impl crate::KvRo for KvRo {
    type Value = Vec<u8>;

    async fn get(&self, key: &str) -> Result<Vec<u8>, KvError> {
        self.find(key).map(<[u8]>::to_vec)
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
        self.find(key).map(|value| value.len() as u64)
    }

    async fn digest(&self, key: &str) -> Result<[u8; 32], KvError> {
        self.find(key).map(self.digest)
    }
}
