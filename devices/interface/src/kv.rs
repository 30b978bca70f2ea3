//! Values under keys.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::future::Future;

use crate::{BlockError, Result};

/// Read-only values under keys, such as the files of a folder.
///
/// A key is a path: names with `/` between them (`css/site.css`), without one at either end. A name isn't empty, `.` or `..`,
/// and has no NUL. What lies below a key is its *folder*; a key has a value or a folder, not both. Whether there can be a folder
/// with nothing in it is up to the implementation. What would be below a value isn't there.
pub trait KvRo {
    /// A value's bytes.
    type Value: AsRef<[u8]>;

    /// The value of `key`.
    ///
    /// # Errors
    /// [`KvError::NotFound`], [`KvError::IsFolder`], [`KvError::BadKey`]; [`KvError::Corrupt`] and [`KvError::Block`] where the
    /// values come from a disk.
    fn get(&self, key: &str) -> impl Future<Output = Result<Self::Value, KvError>>;

    /// Copies bytes of the value from `offset` on into `buffer` and gives their number: less than `buffer.len()` only at the
    /// value's end, 0 at or beyond it.
    ///
    /// # Errors
    /// As [`get`](KvRo::get).
    fn read(&self, key: &str, offset: u64, buffer: &mut [u8])
    -> impl Future<Output = Result<usize, KvError>>;

    /// Whether `key` has a value or a folder; `None` where it has neither. `""` is the uppermost folder, as for
    /// [`list`](KvRo::list).
    ///
    /// # Errors
    /// As [`get`](KvRo::get), but for [`KvError::NotFound`] and [`KvError::IsFolder`].
    fn exists(&self, key: &str) -> impl Future<Output = Result<Option<KvKind>, KvError>>;

    /// Names directly below the folder `key`, sorted by their bytes; `""` is the uppermost folder, which always is.
    ///
    /// # Errors
    /// As [`get`](KvRo::get), with [`KvError::IsValue`] in place of [`KvError::IsFolder`].
    fn list(&self, key: &str) -> impl Future<Output = Result<Vec<KvEntry>, KvError>>;

    /// Length of the value in bytes.
    ///
    /// # Errors
    /// As [`get`](KvRo::get).
    fn size(&self, key: &str) -> impl Future<Output = Result<u64, KvError>>;

    /// The BLAKE3 digest of the value.
    ///
    /// # Errors
    /// As [`get`](KvRo::get).
    fn digest(&self, key: &str) -> impl Future<Output = Result<[u8; 32], KvError>>;
}

/// Values under keys that can be changed. What a method has done when it is ready survives a loss of power.
pub trait KvRw: KvRo {
    /// Gives `key` a value.
    ///
    /// # Errors
    /// As [`batch`](KvRw::batch).
    fn set(&self, key: &str, value: &[u8]) -> impl Future<Output = Result<(), KvError>>;

    /// Removes the value of `key`.
    ///
    /// # Errors
    /// As [`batch`](KvRw::batch).
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), KvError>>;

    /// Moves the value of `from` to `to`, in the place of one that is there.
    ///
    /// # Errors
    /// As [`batch`](KvRw::batch).
    fn rename(&self, from: &str, to: &str) -> impl Future<Output = Result<(), KvError>>;

    /// Makes all changes, in order, or none: neither an error nor a loss of power leaves some of them.
    ///
    /// # Errors
    /// [`KvError::NotFound`] if what is to be removed or moved isn't there, [`KvError::IsFolder`] and [`KvError::IsValue`] if a
    /// key would have both, [`KvError::BadKey`], [`KvError::Full`], [`KvError::ReadOnly`], [`KvError::Corrupt`],
    /// [`KvError::Block`].
    fn batch(&self, changes: &[Change<'_>]) -> impl Future<Output = Result<(), KvError>>;
}

/// A change of a [`KvRw`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// As [`KvRw::set`].
    Set {
        /// The key.
        key: &'a str,
        /// Its new value.
        value: &'a [u8],
    },
    /// As [`KvRw::remove`].
    Remove {
        /// The key.
        key: &'a str,
    },
    /// As [`KvRw::rename`].
    Rename {
        /// The key that is.
        from: &'a str,
        /// The key that will be.
        to: &'a str,
    },
}

/// What a key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KvKind {
    /// A value.
    Value,
    /// Further names below it.
    Folder,
}

/// A name in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KvEntry {
    /// The name, without those of the folders above.
    pub name: String,
    /// What it has.
    pub kind: KvKind,
}

/// Why a value can't be had or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KvError {
    /// The key has neither a value nor a folder.
    NotFound,
    /// The key has a folder where a value is wanted.
    IsFolder,
    /// The key has a value where a folder is wanted. For a change, one above it may be what has the value.
    IsValue,
    /// The text is no key.
    BadKey,
    /// There is no room for the change.
    Full,
    /// Nothing can be changed here.
    ReadOnly,
    /// What is stored is damaged.
    Corrupt,
    /// The disk below refuses or fails.
    Block(BlockError),
    /// The device fails, with the error number of the system below.
    Failed(i32),
}

impl fmt::Display for KvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KvError::NotFound => f.write_str("there is no such key"),
            KvError::IsFolder => f.write_str("the key has a folder, not a value"),
            KvError::IsValue => f.write_str("the key has a value, not a folder"),
            KvError::BadKey => f.write_str("the text is no key: names with `/` between them"),
            KvError::Full => f.write_str("there is no room left"),
            KvError::ReadOnly => f.write_str("the values can only be read"),
            KvError::Corrupt => f.write_str("the stored values are damaged"),
            KvError::Block(error) => error.fmt(f),
            KvError::Failed(number) => write!(f, "reading the values fails with error {number}"),
        }
    }
}

impl core::error::Error for KvError {}

impl From<BlockError> for KvError {
    fn from(error: BlockError) -> Self {
        KvError::Block(error)
    }
}

/// Whether `text` is a key as [`KvRo`] describes it; the empty text, which names the uppermost folder alone, isn't.
pub fn is_key(text: &str) -> bool {
    text.split('/').all(|name| !matches!(name, "" | "." | "..") && !name.contains('\0'))
}

/// What [`KvRo::read`] does with a value that is at hand.
pub fn read_at(value: &[u8], offset: u64, buffer: &mut [u8]) -> usize {
    let rest = usize::try_from(offset).ok().and_then(|offset| value.get(offset..)).unwrap_or_default();
    let count = rest.len().min(buffer.len());
    buffer[..count].copy_from_slice(&rest[..count]);
    count
}

/// Keys in the order of their bytes, each once, as tables of values have them.
pub trait SortedKeys {
    /// How many there are.
    fn count(&self) -> usize;

    /// The key at `place`, which is below [`count`](SortedKeys::count).
    fn key(&self, place: usize) -> &str;

    /// Where `key` is, or the place at which it would be.
    ///
    /// # Errors
    /// The place, where there is no such key.
    fn place(&self, key: &str) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.key(middle).cmp(key) {
                core::cmp::Ordering::Equal => return Ok(middle),
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Where the value of `key` is.
    ///
    /// # Errors
    /// As [`KvRo::get`].
    fn value(&self, key: &str) -> Result<usize, KvError> {
        match self.place(key) {
            Ok(place) => Ok(place),
            Err(_) if key.is_empty() || self.is_folder(key) => Err(KvError::IsFolder),
            Err(_) if is_key(key) => Err(KvError::NotFound),
            Err(_) => Err(KvError::BadKey),
        }
    }

    /// As [`KvRo::exists`].
    ///
    /// # Errors
    /// [`KvError::BadKey`].
    fn kind(&self, key: &str) -> Result<Option<KvKind>, KvError> {
        match self.value(key) {
            Ok(_) => Ok(Some(KvKind::Value)),
            Err(KvError::IsFolder) => Ok(Some(KvKind::Folder)),
            Err(KvError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As [`KvRo::list`].
    ///
    /// # Errors
    /// [`KvError::NotFound`], [`KvError::IsValue`], [`KvError::BadKey`].
    fn names(&self, folder: &str) -> Result<Vec<KvEntry>, KvError> {
        match self.kind(folder)? {
            Some(KvKind::Folder) => {}
            Some(KvKind::Value) => return Err(KvError::IsValue),
            None => return Err(KvError::NotFound),
        }
        let prefix = if folder.is_empty() { String::new() } else { alloc::format!("{folder}/") };
        let mut entries: Vec<KvEntry> = Vec::new();
        let mut place = self.place(&prefix).unwrap_or_else(|place| place);
        while place < self.count() {
            let Some(below) = self.key(place).strip_prefix(&*prefix) else { break };
            match below.split_once('/') {
                None => {
                    entries.push(KvEntry { name: below.into(), kind: KvKind::Value });
                    place += 1;
                }
                Some((name, _)) => {
                    entries.push(KvEntry { name: name.into(), kind: KvKind::Folder });
                    // `0` is what follows `/`: everything below the name stands before it.
                    let behind = alloc::format!("{prefix}{name}0");
                    place = self.place(&behind).unwrap_or_else(|place| place);
                }
            }
        }
        // `a-b` stands before `a/c` among the keys, and behind `a` among the names.
        entries.sort();
        Ok(entries)
    }

    /// Whether there are keys below `key`.
    fn is_folder(&self, key: &str) -> bool {
        let place = self.place(&alloc::format!("{key}/")).unwrap_or_else(|place| place);
        let next = (place < self.count()).then(|| self.key(place));
        next.is_some_and(|next| next.strip_prefix(key).is_some_and(|rest| rest.starts_with('/')))
    }
}

impl<K: KvRo + ?Sized> KvRo for &K {
    type Value = K::Value;

    fn get(&self, key: &str) -> impl Future<Output = Result<Self::Value, KvError>> {
        (**self).get(key)
    }

    fn read(
        &self,
        key: &str,
        offset: u64,
        buffer: &mut [u8],
    ) -> impl Future<Output = Result<usize, KvError>> {
        (**self).read(key, offset, buffer)
    }

    fn exists(&self, key: &str) -> impl Future<Output = Result<Option<KvKind>, KvError>> {
        (**self).exists(key)
    }

    fn list(&self, key: &str) -> impl Future<Output = Result<Vec<KvEntry>, KvError>> {
        (**self).list(key)
    }

    fn size(&self, key: &str) -> impl Future<Output = Result<u64, KvError>> {
        (**self).size(key)
    }

    fn digest(&self, key: &str) -> impl Future<Output = Result<[u8; 32], KvError>> {
        (**self).digest(key)
    }
}

impl<K: KvRw + ?Sized> KvRw for &K {
    fn set(&self, key: &str, value: &[u8]) -> impl Future<Output = Result<(), KvError>> {
        (**self).set(key, value)
    }

    fn remove(&self, key: &str) -> impl Future<Output = Result<(), KvError>> {
        (**self).remove(key)
    }

    fn rename(&self, from: &str, to: &str) -> impl Future<Output = Result<(), KvError>> {
        (**self).rename(from, to)
    }

    fn batch(&self, changes: &[Change<'_>]) -> impl Future<Output = Result<(), KvError>> {
        (**self).batch(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::is_key;

    #[test]
    fn keys_are_paths() {
        for key in ["a", "a/b", "css/site.css", "ä/…/x y", "..."] {
            assert!(is_key(key), "{key}");
        }
        for text in ["", "/", "/a", "a/", "a//b", ".", "a/..", "../a", "a\0"] {
            assert!(!is_key(text), "{text:?}");
        }
    }
}
