//! Looking whether everything is what its name says, and moving away what isn't.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use uk_action::{Digest, Entry, EntryKind, Tree};

use super::scan::{self, Scan};
use crate::layout::{OWN, Store};
use crate::object::{hash_file, make_canonical};
use crate::record::Record;
use crate::scratch::remove;
use crate::{StoreError, memo, recent, walk, why};

/// Something that wasn't as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where, relative to the store.
    pub path: PathBuf,
    /// What is wrong, a clause.
    pub what: &'static str,
    /// What was done about it, a clause.
    pub done: &'static str,
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Objects whose content was compared with their name.
    pub objects: usize,
    /// Records that were read.
    pub records: usize,
    /// Records whose outputs aren't all there.
    pub incomplete: usize,
    /// Fixed trees whose content was compared with their name.
    pub fixed: usize,
    /// Roots that were read.
    pub roots: usize,
    /// What was wrong, by path.
    pub findings: Vec<Finding>,
}

/// Moved to `bad/`.
const AWAY: &str = "moved to `bad/`; the next build makes it again";
/// In a store that can't be written.
const STAYS: &str = "can't be moved away";
/// A hint.
const REMOVED: &str = "removed; the next build makes it again";
/// A hint of which there is no other source.
const FORGOTTEN: &str = "removed; `uk why` knows less of what was";

impl Store {
    /// Reads everything. Damaged objects, records, roots and fixed trees are moved to `bad/`, and so are records whose outputs
    /// aren't all there. Damaged hints are removed, and those that would hide from a build that a record is gone; what only has
    /// the wrong mode or time is put right. What isn't a store's is told of and left.
    ///
    /// # Errors
    /// When the store can't be read, or what must be moved can't be.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        // Where nothing can be written, nothing is collected meanwhile either.
        let _one = self.lock_upkeep().ok();
        let mut scan = Scan::new(self)?;
        let mut verified = Verified::default();
        self.objects(&scan, &mut verified);
        // A damaged tree is gone now, so that its records count as incomplete.
        scan.objects.retain(|digest, _| fs::symlink_metadata(self.blob_path(*digest)).is_ok());
        self.records(&scan, &mut verified)?;
        self.hints(&mut verified)?;
        self.fixed(&mut verified)?;
        for path in self.not_own()?.into_iter().chain(scan.strays) {
            verified.findings.push(self.finding(&path, "isn't a part of a store", "left as it is"));
        }
        verified.findings.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(verified)
    }

    fn finding(&self, path: &Path, what: &'static str, done: &'static str) -> Finding {
        Finding { path: path.strip_prefix(self.root()).unwrap_or(path).to_owned(), what, done }
    }

    /// Moves a damaged file or folder to `bad/`.
    fn put_away(&self, path: &Path, what: &'static str) -> Finding {
        let bad = self.root().join("bad");
        let to = bad.join(path.file_name().unwrap_or_default());
        // An earlier one of the same name would be in a folder's way.
        let moved = fs::create_dir_all(&bad).and_then(|()| {
            let _ = remove(&to);
            fs::rename(path, &to)
        });
        match moved {
            Err(error) if error.kind() != io::ErrorKind::NotFound => self.finding(path, what, STAYS),
            _ => self.finding(path, what, AWAY),
        }
    }

    /// Removes a hint.
    fn forget(&self, path: &Path, what: &'static str, done: &'static str) -> Finding {
        self.finding(path, what, if fs::remove_file(path).is_ok() { done } else { STAYS })
    }

    fn objects(&self, scan: &Scan, verified: &mut Verified) {
        verified.objects = scan.objects.len();
        let check = |digest: &Digest| {
            let path = self.blob_path(*digest);
            match hash_file(&path) {
                Ok(found) if found == *digest => self.canonical(&path),
                // Collected or condemned meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Ok(_) => Some(self.put_away(&path, "has another content than its name says")),
                Err(_) => Some(self.put_away(&path, "can't be read")),
            }
        };
        let found = scan.objects.par_iter().filter_map(|(digest, _)| check(digest)).collect::<Vec<_>>();
        verified.findings.extend(found);
    }

    fn canonical(&self, path: &Path) -> Option<Finding> {
        let found = fs::symlink_metadata(path).ok()?;
        if (found.mode() & 0o7777, found.mtime()) == (0o444, 1) {
            return None;
        }
        let put_right = fs::File::open(path).and_then(|file| make_canonical(&file, 0o444));
        let done = if put_right.is_ok() { "put right" } else { "can't be put right" };
        Some(self.finding(path, "has another mode or time", done))
    }

    fn records(&self, scan: &Scan, verified: &mut Verified) -> Result<(), StoreError> {
        for (key, entry) in &scan.keys {
            let path = self.record_path(*key);
            let what = match &entry.record {
                Some(record) => {
                    verified.records += 1;
                    let all = self.is_complete(record, scan);
                    verified.incomplete += usize::from(!all);
                    (!all).then_some("names what isn't there")
                }
                // The log of an action that failed has no record.
                None => entry.files.contains(&path).then_some("is damaged"),
            };
            verified.findings.extend(what.and_then(|what| self.put_away_record(*key, scan, what)));
            let path = self.why_path(*key);
            if entry.files.contains(&path) && !why::is_whole(&path) {
                verified.findings.push(self.forget(&path, "is damaged", FORGOTTEN));
            }
        }
        for found in self.roots()? {
            verified.roots += 1;
            if found.root.is_none() {
                verified.findings.push(self.put_away(&found.path, "is damaged"));
            }
        }
        Ok(())
    }

    fn is_complete(&self, record: &Record, scan: &Scan) -> bool {
        // One that isn't among the scanned may have come since.
        let there = |digest: &Digest| {
            scan.objects.contains_key(digest) || fs::symlink_metadata(self.blob_path(*digest)).is_ok()
        };
        let made = record.outputs.iter().flat_map(|made| scan.with_entries(self, made.digest));
        made.into_iter().all(|digest| there(&digest))
    }

    /// Moves a record to `bad/`, unless a build has replaced it by a good one since it was read.
    fn put_away_record(&self, key: Digest, scan: &Scan, what: &'static str) -> Option<Finding> {
        let _no_build = self.lock_key(key, || (), || self.cancel().is_cancelled());
        let good = self.record(key).is_some_and(|record| self.is_complete(&record, scan));
        (!good).then(|| self.put_away(&self.record_path(key), what))
    }

    /// After the records: a copy of one that is gone would keep builds from making it again.
    fn hints(&self, verified: &mut Verified) -> Result<(), StoreError> {
        let no_record = |key: &Digest| fs::symlink_metadata(self.record_path(*key)).is_err();
        let recent = |path: &Path| match recent::keys(path) {
            None => Some("is damaged"),
            Some(keys) => keys.iter().any(no_record).then_some("speaks of records that aren't there"),
        };
        let damaged = |sound: bool| (!sound).then_some("is damaged");
        let last = |path: &Path| damaged(why::is_sound(path));
        let memo = |path: &Path| damaged(fs::read(path).ok().and_then(memo::intact).is_some());
        type Look<'l> = &'l dyn Fn(&Path) -> Option<&'static str>;
        for (folder, fault, done) in
            [("recent", &recent as Look<'_>, REMOVED), ("last", &last, FORGOTTEN), ("memo", &memo, REMOVED)]
        {
            for (path, _) in scan::children(&self.root().join(folder))? {
                verified.findings.extend(fault(&path).map(|what| self.forget(&path, what, done)));
            }
        }
        Ok(())
    }

    /// A fixed tree is named by the digest of the tree of its files.
    fn fixed(&self, verified: &mut Verified) -> Result<(), StoreError> {
        for (path, _) in scan::children(&self.root().join("sdk"))? {
            verified.fixed += 1;
            let name = path.file_name().and_then(|name| name.to_str());
            if name.map(str::to_owned) != digest_of_folder(&path).map(|digest| digest.to_string()) {
                verified.findings.push(self.put_away(&path, "has another content than its name says"));
            }
        }
        Ok(())
    }

    fn not_own(&self) -> Result<Vec<PathBuf>, StoreError> {
        let top = scan::children(self.root())?;
        let own = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| OWN.contains(&name) || name.starts_with(".format-"))
        };
        // A folder of the store that is a link leads somewhere else.
        Ok(top
            .into_iter()
            .filter(|(path, found)| !own(path) || found.is_symlink())
            .map(|(path, _)| path)
            .collect())
    }
}

/// The digest of a folder's files as a tree; `None` where it can't be one.
fn digest_of_folder(folder: &Path) -> Option<Digest> {
    let entry = |found: walk::Found| {
        let kind = match found.link {
            Some(target) => EntryKind::Link { target },
            None => {
                let digest = hash_file(&folder.join(&found.path)).ok()?;
                EntryKind::File { digest, executable: found.executable }
            }
        };
        Some(Entry { path: found.path, kind })
    };
    let entries = walk::files(folder).ok()?.into_iter().map(entry).collect::<Option<Vec<_>>>()?;
    Some(Tree::new(entries).ok()?.digest())
}
