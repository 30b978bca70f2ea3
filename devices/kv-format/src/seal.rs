//! Digests of all files of a disk image, in its last bytes: what neither a file system nor an archive has room for.
//!
//! | at | what |
//! |---|---|
//! | 0 | entries of 64 bytes, sorted: BLAKE3 of a key, BLAKE3 of its value |
//! | the image's last 64 bytes | `uk-seal 1` and zeros: 16 bytes; entries `u64`; zeros: 8 bytes; BLAKE3 of the entries |
//!
//! The entries end where those 64 bytes begin. A folder is an entry too: its key ends with `/` (the uppermost is `/`), and its
//! value is its names, each with `/` behind it if it is a folder and a NUL behind that, sorted by name.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::bytes::{digest, number64};
use crate::{Digest, Hash};

const MAGIC: &[u8; 16] = b"uk-seal 1\0\0\0\0\0\0\0";
/// Bytes of an entry.
pub const ENTRY: usize = 64;
/// Bytes of the end, which says how many entries stand before it.
pub const END: usize = 64;

/// The seal of an image with these files, to be its last bytes.
pub fn write(files: &[(&str, Digest)], hash: Hash) -> Vec<u8> {
    let mut folders: BTreeMap<String, BTreeMap<String, bool>> = BTreeMap::new();
    folders.entry(String::new()).or_default();
    for (key, _) in files {
        let mut folder = String::new();
        for name in key.split('/') {
            let path = if folder.is_empty() { name.to_string() } else { alloc::format!("{folder}/{name}") };
            let is_folder = path.len() < key.len();
            folders.entry(folder).or_default().insert(name.to_string(), is_folder);
            folder = path;
        }
    }
    let mut entries: Vec<[u8; ENTRY]> =
        files.iter().map(|(key, digest)| entry(&hash(key.as_bytes()), digest)).collect();
    for (folder, names) in &folders {
        let names = names.iter().map(|(name, folder)| (name.as_str(), *folder));
        entries.push(entry(&folder_key(folder, hash), &listing(names, hash)));
    }
    entries.sort_unstable();
    let mut seal = entries.concat();
    let digest = hash(&seal);
    seal.extend_from_slice(MAGIC);
    seal.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    seal.extend_from_slice(&[0; 8]);
    seal.extend_from_slice(&digest);
    seal
}

fn entry(key: &Digest, value: &Digest) -> [u8; ENTRY] {
    let mut entry = [0; ENTRY];
    entry[..32].copy_from_slice(key);
    entry[32..].copy_from_slice(value);
    entry
}

fn folder_key(folder: &str, hash: Hash) -> Digest {
    hash(alloc::format!("{folder}/").as_bytes())
}

/// The digest of a folder's names, which are sorted, and whether each is a folder.
fn listing<'n>(names: impl Iterator<Item = (&'n str, bool)>, hash: Hash) -> Digest {
    let mut text = Vec::new();
    for (name, folder) in names {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(if folder { b"/\0" } else { b"\0" });
    }
    hash(&text)
}

/// The end of a seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// How many entries stand before it.
    pub entries: u64,
    digest: Digest,
}

impl End {
    /// What an image's last [`END`] bytes say; none if it has no seal.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..END).filter(|bytes| bytes.starts_with(MAGIC) && bytes[24..32] == [0; 8])?;
        Some(End { entries: number64(bytes, 16)?, digest: digest(bytes, 32)? })
    }
}

/// What all files and folders of an image are to be.
#[derive(Debug, Clone)]
pub struct Seal {
    entries: Vec<u8>,
    hash: Hash,
}

impl Seal {
    /// The seal that ends with `end`; none if its entries aren't as they were made.
    pub fn new(entries: Vec<u8>, end: &End, hash: Hash) -> Option<Self> {
        let whole = u64::try_from(entries.len()).ok()? == end.entries.checked_mul(ENTRY as u64)?;
        (whole && hash(&entries) == end.digest).then_some(Seal { entries, hash })
    }

    /// How many files and folders there are.
    pub fn count(&self) -> usize {
        self.entries.len() / ENTRY
    }

    /// The place among the entries and the digest that the value of `key` is to have.
    pub fn value(&self, key: &str) -> Option<(usize, Digest)> {
        self.find(&(self.hash)(key.as_bytes()))
    }

    /// Whether there is such a folder.
    pub fn is_folder(&self, folder: &str) -> bool {
        self.find(&folder_key(folder, self.hash)).is_some()
    }

    /// Whether `folder` has these names, which are sorted, and no others. The second of each says whether it is a folder.
    pub fn has_names<'n>(&self, folder: &str, names: impl Iterator<Item = (&'n str, bool)>) -> bool {
        let expected = self.find(&folder_key(folder, self.hash));
        expected.is_some_and(|(_, expected)| expected == listing(names, self.hash))
    }

    fn find(&self, key: &Digest) -> Option<(usize, Digest)> {
        let entries = self.entries.as_chunks::<ENTRY>().0;
        let place = entries.binary_search_by(|entry| entry[..32].cmp(key)).ok()?;
        Some((place, digest(&entries[place], 32)?))
    }
}
