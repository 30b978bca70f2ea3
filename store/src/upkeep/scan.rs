//! What is in a store, read once.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rayon::prelude::*;
use uk_action::{Digest, EntryKind, Tree};

use crate::StoreError;
use crate::layout::{Store, WITH_RECORD};
use crate::record::Record;

/// Objects, records and what belongs to them.
#[derive(Default)]
pub(crate) struct Scan {
    pub(crate) objects: HashMap<Digest, Object>,
    pub(crate) keys: HashMap<Digest, Key>,
    /// What stands among them and is nothing of a store's.
    pub(crate) strays: Vec<PathBuf>,
}

pub(crate) struct Object {
    /// Bytes on the disk.
    pub(crate) size: u64,
    /// When it appeared.
    pub(crate) changed: SystemTime,
    /// What it names, if it is a tree.
    pub(crate) entries: Option<Vec<Digest>>,
}

/// A record and the files that go with it.
#[derive(Default)]
pub(crate) struct Key {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) size: u64,
    /// When it was written last.
    pub(crate) changed: Option<SystemTime>,
    /// `None` for a damaged record, or where there is only a log.
    pub(crate) record: Option<Record>,
}

impl Scan {
    pub(crate) fn new(store: &Store) -> Result<Self, StoreError> {
        let mut scan = Self::default();
        let objects = list(store, "cas", &mut scan.strays)?;
        scan.objects = objects
            .into_par_iter()
            .map(|(digest, path, found)| {
                let object =
                    Object { size: size(&found), changed: changed(&found), entries: tree_entries(&path) };
                (digest, object)
            })
            .collect();
        let records = list(store, "ac", &mut scan.strays)?;
        scan.keys = records
            .into_par_iter()
            .map(|(digest, path, found)| {
                let record = fs::read_to_string(&path).ok().and_then(|text| Record::from_text(&text));
                let changed = Some(changed(&found));
                (digest, Key { files: vec![path], size: size(&found), changed, record })
            })
            .collect();
        for folder in WITH_RECORD {
            for (digest, path, found) in list(store, folder, &mut scan.strays)? {
                let key = scan.keys.entry(digest).or_default();
                key.files.push(path);
                key.size += size(&found);
                key.changed = key.changed.max(Some(changed(&found)));
            }
        }
        Ok(scan)
    }

    /// The files of a tree, as far as the scan or the disk knows it for one.
    pub(crate) fn entries(&self, store: &Store, digest: Digest) -> Vec<Digest> {
        match self.objects.get(&digest) {
            Some(object) => object.entries.clone().unwrap_or_default(),
            // It came later.
            None => tree_entries(&store.blob_path(digest)).unwrap_or_default(),
        }
    }

    /// An object and, if it is a tree, its files.
    pub(crate) fn with_entries(&self, store: &Store, digest: Digest) -> Vec<Digest> {
        let mut all = self.entries(store, digest);
        all.push(digest);
        all
    }

    /// What a record says that its action made; `None` without a record.
    pub(crate) fn made(&self, store: &Store, key: Digest) -> Option<Vec<Digest>> {
        let later;
        let record = match self.keys.get(&key) {
            Some(Key { record: Some(record), .. }) => Some(record),
            _ => {
                later = store.record(key);
                later.as_ref()
            }
        };
        record.map(|record| record.outputs.iter().map(|made| made.digest).collect())
    }

    /// The same; nothing without a record.
    pub(crate) fn outputs(&self, store: &Store, key: Digest) -> Vec<Digest> {
        self.made(store, key).unwrap_or_default()
    }
}

/// The files `FOLDER/xx/DIGEST`. Links are never followed: what is behind one isn't the store's.
pub(crate) fn list(
    store: &Store,
    folder: &str,
    strays: &mut Vec<PathBuf>,
) -> Result<Vec<(Digest, PathBuf, Metadata)>, StoreError> {
    let mut shards = Vec::new();
    for (path, found) in children(&store.root().join(folder))? {
        if found.is_dir() { shards.push(path) } else { strays.push(path) }
    }
    let listed = shards.into_par_iter().map(|shard| {
        let (mut files, mut strays) = (Vec::new(), Vec::new());
        for (path, found) in children(&shard)? {
            let name = path.file_name().and_then(|name| name.to_str());
            let digest = name.and_then(|name| name.parse::<Digest>().ok());
            match digest.filter(|digest| found.is_file() && store.sharded(folder, *digest) == path) {
                Some(digest) => files.push((digest, path, found)),
                None => strays.push(path),
            }
        }
        Ok::<_, StoreError>((files, strays))
    });
    let mut all = Vec::new();
    for result in listed.collect::<Vec<_>>() {
        let (files, others) = result?;
        all.extend(files);
        strays.extend(others);
    }
    Ok(all)
}

/// What stands directly in a folder, in no order; nothing if it isn't there or is a link.
pub(crate) fn children(folder: &Path) -> Result<Vec<(PathBuf, Metadata)>, StoreError> {
    if !fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir()) {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).map_err(|error| StoreError::io("read", folder, error))?;
    let mut all = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| StoreError::io("read", folder, error))?;
        match entry.metadata() {
            Ok(found) => all.push((entry.path(), found)),
            // Taken away by another process.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::io("read", &entry.path(), error)),
        }
    }
    Ok(all)
}

/// What a tree names; `None` for an object that is none. A file that happens to hold a tree's encoding counts as one:
/// then a little too much is kept.
fn tree_entries(path: &Path) -> Option<Vec<Digest>> {
    let mut file = File::open(path).ok()?;
    let mut head = [0; Tree::MARK.len()];
    file.read_exact(&mut head).ok()?;
    if head != *Tree::MARK {
        return None;
    }
    let tree = Tree::from_bytes(&fs::read(path).ok()?).ok()?;
    let files = tree.entries().iter().filter_map(|entry| match &entry.kind {
        EntryKind::File { digest, .. } => Some(*digest),
        EntryKind::Link { .. } => None,
    });
    Some(files.collect())
}

/// Bytes on the disk.
pub(crate) fn size(found: &Metadata) -> u64 {
    found.blocks() * 512
}

/// When a file got its place, or was changed there: objects have no other time.
pub(crate) fn changed(found: &Metadata) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(found.ctime()).unwrap_or(0))
}
