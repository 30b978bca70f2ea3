//! [`KvRo`].

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::{KvEntry, KvError, KvKind, KvRo, join_all};

/// What [`kv_ro`] wants to find, and nothing else: the files of a folder, relative to it.
///
/// Among them are empty files, one larger than any buffer, lengths around those of sectors and clusters, folders in folders, a
/// folder of many files, long names, names in other scripts, and names that stand in another order as keys than in folders.
pub fn kv_files() -> Vec<(String, Vec<u8>)> {
    let long = "long ".repeat(40);
    let mut files: Vec<(String, Vec<u8>)> = [
        ("secret", 41),
        ("empty", 0),
        ("nested/a/b/c/d/empty", 0),
        ("nested/a/b/c/d/e", 7),
        ("order/a-b", 1),
        ("order/a/b", 2),
        ("order/a0", 3),
        ("order/a.b", 4),
        ("größe/été.txt", 5),
        ("größe/日本語/ファイル", 600),
        ("größe/ɐß€", 10),
        ("with space.and.dots", 20),
        ("UPPER.TXT", 1000),
        ("lower.txt", 1001),
        ("Mixed.Case.html", 1002),
        ("no_extension", 1003),
        (".hidden", 1004),
        (long.trim_end(), 1005),
        ("lengths/511", 511),
        ("lengths/512", 512),
        ("lengths/513", 513),
        ("lengths/4095", 4095),
        ("lengths/4096", 4096),
        ("lengths/4097", 4097),
        ("lengths/65536", 65_536),
        ("large", 1_000_003),
    ]
    .map(|(key, length)| (String::from(key), pattern(key, length)))
    .into();
    files.extend((0..150).map(|number| {
        let key = format!("many/a file of many, number {number}");
        let value = pattern(&key, number);
        (key, value)
    }));
    files
}

/// Bytes that differ from key to key and from place to place.
fn pattern(key: &str, length: usize) -> Vec<u8> {
    let start = key.bytes().fold(length as u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let next = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some((*state >> 24) as u8)
    };
    core::iter::repeat_n((), length).scan(start, |state, ()| next(state)).collect()
}

/// [`KvRo`] with [`kv_files`]; `digest` is BLAKE3.
pub async fn kv_ro(kv: &impl KvRo, digest: impl Fn(&[u8]) -> [u8; 32]) {
    let files = kv_files();
    for (key, value) in &files {
        assert_eq!(kv.exists(key).await, Ok(Some(KvKind::Value)), "`{key}`");
        assert_eq!(kv.size(key).await, Ok(value.len() as u64), "`{key}`");
        assert_eq!(kv.digest(key).await, Ok(digest(value)), "`{key}`");
        let got = kv.get(key).await.unwrap_or_else(|error| panic!("`{key}`: {error}"));
        assert!(got.as_ref() == value, "`{key}` has the bytes of the file");
        reads(kv, key, value).await;
        assert_eq!(kv.list(key).await, Err(KvError::IsValue), "`{key}`");
        let below = format!("{key}/below");
        assert_eq!(kv.get(&below).await.err(), Some(KvError::NotFound), "`{below}`");
        assert_eq!(kv.exists(&below).await, Ok(None), "`{below}`");
        assert_eq!(kv.list(&below).await, Err(KvError::NotFound), "`{below}`");
    }
    folders(kv, &files).await;
    refusals(kv).await;
    side_by_side(kv, &files).await;
}

async fn reads(kv: &impl KvRo, key: &str, value: &[u8]) {
    let length = value.len();
    let places = [0, 1, 511, 512, length / 2, length.saturating_sub(1), length, length + 1];
    for (offset, size) in places.into_iter().flat_map(|place| [0, 1, 513, 5000].map(|size| (place, size))) {
        let mut buffer = vec![0xa5; size];
        let expected = &value[offset.min(length)..(offset + size).min(length)];
        let count = kv.read(key, offset as u64, &mut buffer).await;
        assert_eq!(count, Ok(expected.len()), "{size} bytes of `{key}` at {offset}");
        assert!(buffer[..expected.len()] == *expected, "{size} bytes of `{key}` at {offset}");
        assert!(buffer[expected.len()..].iter().all(|byte| *byte == 0xa5), "a read writes only what it says");
    }
    assert_eq!(kv.read(key, u64::MAX, &mut [0; 8]).await, Ok(0), "the end of `{key}`");
    let mut whole = vec![0; length + 1];
    assert_eq!(kv.read(key, 0, &mut whole).await, Ok(length), "all of `{key}`");
    assert!(whole[..length] == *value, "all of `{key}`");
}

/// The folders of `files`, with the names in each.
fn tree(files: &[(String, Vec<u8>)]) -> BTreeMap<String, BTreeMap<String, KvKind>> {
    let mut folders: BTreeMap<String, BTreeMap<String, KvKind>> = BTreeMap::new();
    for (key, _) in files {
        let (mut folder, mut rest) = (String::new(), &**key);
        loop {
            let names = folders.entry(folder.clone()).or_default();
            let Some((name, below)) = rest.split_once('/') else {
                names.insert(rest.into(), KvKind::Value);
                break;
            };
            names.insert(name.into(), KvKind::Folder);
            folder = if folder.is_empty() { name.into() } else { format!("{folder}/{name}") };
            rest = below;
        }
    }
    folders
}

async fn folders(kv: &impl KvRo, files: &[(String, Vec<u8>)]) {
    for (folder, names) in tree(files) {
        let expected: Vec<KvEntry> = names.into_iter().map(|(name, kind)| KvEntry { name, kind }).collect();
        assert_eq!(kv.list(&folder).await, Ok(expected), "the names in `{folder}`");
        assert_eq!(kv.exists(&folder).await, Ok(Some(KvKind::Folder)), "`{folder}`");
        if !folder.is_empty() {
            assert_eq!(kv.get(&folder).await.err(), Some(KvError::IsFolder), "`{folder}`");
            assert_eq!(kv.read(&folder, 0, &mut [0]).await, Err(KvError::IsFolder), "`{folder}`");
            assert_eq!(kv.size(&folder).await, Err(KvError::IsFolder), "`{folder}`");
            assert_eq!(kv.digest(&folder).await, Err(KvError::IsFolder), "`{folder}`");
        }
    }
}

async fn refusals(kv: &impl KvRo) {
    for key in ["nothing", "secre", "secret ", "SECRET", "upper.txt", "order/a-", "order/b", "nested/a/b/x"] {
        assert_eq!(kv.get(key).await.err(), Some(KvError::NotFound), "`{key}`");
        assert_eq!(kv.read(key, 0, &mut [0]).await, Err(KvError::NotFound), "`{key}`");
        assert_eq!(kv.size(key).await, Err(KvError::NotFound), "`{key}`");
        assert_eq!(kv.digest(key).await, Err(KvError::NotFound), "`{key}`");
        assert_eq!(kv.list(key).await, Err(KvError::NotFound), "`{key}`");
        assert_eq!(kv.exists(key).await, Ok(None), "`{key}`");
    }
    let long = "x".repeat(5000);
    assert_eq!(kv.exists(&long).await, Ok(None), "a name longer than any system's");
    for text in ["/", "/secret", "secret/", "nested//a", ".", "./secret", "nested/../secret", "..", "a\0b"] {
        assert_eq!(kv.get(text).await.err(), Some(KvError::BadKey), "{text:?}");
        assert_eq!(kv.read(text, 0, &mut [0]).await, Err(KvError::BadKey), "{text:?}");
        assert_eq!(kv.size(text).await, Err(KvError::BadKey), "{text:?}");
        assert_eq!(kv.digest(text).await, Err(KvError::BadKey), "{text:?}");
        assert_eq!(kv.list(text).await, Err(KvError::BadKey), "{text:?}");
        assert_eq!(kv.exists(text).await, Err(KvError::BadKey), "{text:?}");
    }
}

/// Two requests that take turns don't get in each other's way.
async fn side_by_side(kv: &impl KvRo, files: &[(String, Vec<u8>)]) {
    let value = |key: &str| files.iter().find(|file| file.0 == key).map(|file| &*file.1);
    let keys = ["large", "lengths/4097"];
    for (got, key) in join_all(keys.map(|key| kv.get(key))).await.into_iter().zip(keys) {
        let got = got.unwrap_or_else(|error| panic!("`{key}`: {error}"));
        assert!(Some(got.as_ref()) == value(key), "`{key}` beside another");
    }
}
