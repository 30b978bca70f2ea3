//! Folders, and the devices of what is made of them.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use uk_device::fake::{Disk, block_on};
use uk_device::{KvEntry, KvError, KvKind, KvRo, conformance};
use uk_kv_archive::Archive;
use uk_kv_crunch::Crunch;
use uk_kv_fat::Fat;

pub fn hash(bytes: &[u8]) -> [u8; 32] {
    blake3::hash(bytes).into()
}

/// A folder with these files.
pub fn folder<K: AsRef<str>, V: AsRef<[u8]>>(files: &[(K, V)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (key, value) in files {
        let path = folder.path().join(key.as_ref());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, value).unwrap();
    }
    folder
}

pub fn conformance_folder() -> TempDir {
    folder(&conformance::kv_files())
}

/// What `tool` makes of a folder.
pub fn made(tool: &str, folder: &Path) -> Vec<u8> {
    let to = tempfile::tempdir().unwrap();
    let file = to.path().join("data");
    uk_data::make(tool, folder, &file).unwrap();
    fs::read(file).unwrap()
}

/// What a reader does with some bytes: for each key its value, and each folder's names.
pub type Look = Vec<(String, Result<Vec<u8>, KvError>, Result<Vec<KvEntry>, KvError>)>;

/// Asks the device of `tool` for all of `keys`; none if it doesn't connect.
pub fn look(tool: &str, bytes: &[u8], keys: &[&str]) -> Result<Look, KvError> {
    match tool {
        "crunch" => Crunch::new(bytes).ok_or(KvError::Corrupt).map(|crunch| ask(&crunch, keys)),
        "tar" => block_on(Archive::open(Disk::from_image(bytes))).map(|archive| ask(&archive, keys)),
        _ => block_on(Fat::open(Disk::from_image(bytes))).map(|fat| ask(&fat, keys)),
    }
}

fn ask(kv: &impl KvRo, keys: &[&str]) -> Look {
    let ask = |key: &&str| {
        let value = block_on(kv.get(key)).map(|value| value.as_ref().to_vec());
        let names = block_on(kv.list(key));
        // What the two say by another way.
        let mut part = [0; 700];
        let read = block_on(kv.read(key, 1, &mut part));
        match (&value, &names, block_on(kv.exists(key))) {
            (Ok(value), _, kind) => {
                let rest = value.get(1..).unwrap_or_default();
                let count = rest.len().min(part.len());
                assert_eq!(read, Ok(count), "`{key}`");
                assert_eq!(part[..count], rest[..count], "`{key}`");
                assert_eq!(kind, Ok(Some(KvKind::Value)), "`{key}`");
            }
            (_, Ok(_), kind) => assert_eq!(kind, Ok(Some(KvKind::Folder)), "`{key}`"),
            _ => {}
        }
        (key.to_string(), value, names)
    };
    keys.iter().map(ask).collect()
}
