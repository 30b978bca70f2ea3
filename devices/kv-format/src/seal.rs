//! Digests of all files of a disk image, behind its content: what neither a file system nor an archive has room for.
//!
//! | at | what |
//! |---|---|
//! | 500 | `ukS2`, and where the seal begins: 6 bytes |
//! | the seal's begin | `uk-seal 2` and zeros: 16 bytes; entries `u64`; zeros: 8 bytes; BLAKE3 of the entries |
//! | 64 bytes on | entries of 64 bytes, sorted: BLAKE3 of a key, BLAKE3 of its value |
//!
//! The image ends at the next multiple of 4096; a disk may be larger, and not smaller. At 500 a header of an archive
//! has nothing, and the boot sector of a FAT file system the end of a program that starts no computer. A folder is an
//! entry too: its key ends with `/` (the uppermost is `/`), and its value is its names, each with `/` behind it if it
//! is a folder and a NUL behind that, sorted by name.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::bytes::{digest, number64};
use crate::{Digest, Hash};

const MAGIC: &[u8; 16] = b"uk-seal 2\0\0\0\0\0\0\0";
/// Bytes of an entry.
pub const ENTRY: usize = 64;
/// Bytes before the entries, which say how many there are.
pub const HEAD: usize = 64;
/// What an image's length is a multiple of, in bytes: the biggest sectors that a disk may have.
pub const ALIGN: u64 = 4096;

/// Where an image says where its seal is, in bytes from its first.
pub const POINTER: usize = 500;
const MARK: &[u8; 4] = b"ukS2";

/// What stands at [`POINTER`] when the seal begins at `start`; none if there is no room for such a number.
pub fn pointer(start: u64) -> Option<[u8; 10]> {
    let [low @ .., 0, 0] = start.to_le_bytes() else { return None };
    let mut pointer = [0; 10];
    pointer[..4].copy_from_slice(MARK);
    pointer[4..].copy_from_slice(&low);
    Some(pointer)
}

/// Where the seal of an image with these first bytes begins; none if it has none.
pub fn start(first: &[u8; 512]) -> Option<u64> {
    let number = first[POINTER..].strip_prefix(MARK)?.first_chunk::<6>()?;
    Some(number.iter().rev().fold(0, |start, byte| start << 8 | u64::from(*byte)))
}

/// The seal of an image with these files.
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
    let mut seal = Vec::from(MAGIC);
    seal.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    seal.extend_from_slice(&[0; 8]);
    let entries = entries.concat();
    seal.extend_from_slice(&hash(&entries));
    seal.extend_from_slice(&entries);
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

/// The begin of a seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many bytes of entries follow.
    pub length: u64,
    digest: Digest,
}

impl Head {
    /// What the first bytes of a seal say; none if they aren't.
    pub fn new(bytes: &[u8; HEAD]) -> Option<Self> {
        let sound = bytes.starts_with(MAGIC) && bytes[24..32] == [0; 8];
        let length = number64(bytes, 16)?.checked_mul(ENTRY as u64)?;
        sound.then_some(Head { length, digest: digest(bytes, 32)? })
    }

    /// The length of an image whose seal begins so, at `start`.
    pub fn image(&self, start: u64) -> Option<u64> {
        start.checked_add(HEAD as u64)?.checked_add(self.length)?.checked_next_multiple_of(ALIGN)
    }
}

/// What all files and folders of an image are to be.
#[derive(Debug, Clone)]
pub struct Seal {
    entries: Vec<u8>,
    hash: Hash,
}

impl Seal {
    /// The seal that begins with `head`; none if its entries aren't as they were made.
    pub fn new(entries: Vec<u8>, head: &Head, hash: Hash) -> Option<Self> {
        let whole = u64::try_from(entries.len()).ok()? == head.length;
        (whole && hash(&entries) == head.digest).then_some(Seal { entries, hash })
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
