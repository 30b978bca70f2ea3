//! Garbage collection.
//!
//! What is in the store is read first, without any lock. Then, under the lock that keeps processes from listing what they
//! rely on (see [`crate::protect`]), the roots are read and followed in memory, and what none of them reaches is renamed
//! into the temporary folder. Only then is it deleted. What came after the first look is never touched. Killed at any
//! point, a collection leaves its rest in `tmp/`, for the next writer to remove.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use uk_action::Digest;

use super::scan::{self, Scan};
use crate::error::During;
use crate::layout::Store;
use crate::record::Record;
use crate::scratch::{Lock, Temporary, remove};
use crate::{StoreError, fault, recent};

/// What a collection leaves although no root needs it.
#[derive(Debug, Clone)]
pub struct Keep {
    /// Records, and objects of no record, that are younger than so many days; without it and without a size, none.
    pub days: Option<u32>,
    /// As much as fits into so many bytes; the oldest goes first. What roots need is kept, however large.
    pub size: Option<u64>,
    /// Fixed trees, by digest.
    pub trees: Vec<Digest>,
    /// Only tell what would be done.
    pub dry_run: bool,
    /// What time it is.
    pub now: SystemTime,
}

/// What a collection did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// Records taken away.
    pub records: usize,
    /// Objects taken away.
    pub objects: usize,
    /// Fixed trees and damaged objects taken away.
    pub others: usize,
    /// Bytes on the disk that all of it took.
    pub freed: u64,
    /// Records left.
    pub kept_records: usize,
    /// Objects left.
    pub kept_objects: usize,
    /// Bytes on the disk that both take.
    pub kept: u64,
    /// Roots that stand.
    pub roots: usize,
    /// The witnesses of roots that are gone.
    pub dropped: Vec<PathBuf>,
}

impl Store {
    /// Takes away what no root needs, but for what `keep` says. Processes that build at this store meanwhile lose nothing.
    ///
    /// # Errors
    /// When the store can't be read or written, or a root is damaged or records that one names are missing: then it isn't
    /// known what is needed, and nothing is taken.
    pub fn collect(&self, keep: &Keep) -> Result<Collected, StoreError> {
        if keep.dry_run {
            let marked = self.mark(keep, Scan::new(self)?)?;
            return Ok(marked.report);
        }
        let scratch = self.scratch()?;
        let _one = self.lock_upkeep()?;
        let scan = Scan::new(self)?;
        let trash = scratch.name();
        fs::create_dir(&trash).during("make", &trash)?;
        let lists = self.lock_lists()?;
        let marked = self.mark(keep, scan)?;
        for (place, path) in marked.garbage.iter().enumerate() {
            move_away(path, &trash.join(place.to_string()))?;
        }
        drop(lists);
        empty(&trash)?;
        Ok(marked.report)
    }

    /// One at a time goes through the whole store.
    pub(super) fn lock_upkeep(&self) -> Result<Lock, StoreError> {
        self.scratch()?;
        let lock = Lock::wait(&self.root().join("tmp/gc.lock"), || (), || false)?;
        Ok(lock.expect("nobody stops the waiting"))
    }

    fn mark(&self, keep: &Keep, scan: Scan) -> Result<Marked, StoreError> {
        let mut marked = Marked::default();
        let (keys, objects, unlike) = Default::default();
        let mut live = Live { store: self, scan: &scan, keys, objects, unlike };
        let mut trees = keep.trees.iter().copied().collect::<HashSet<_>>();
        let mut lacking = Vec::new();
        for found in self.roots()? {
            let Some(root) = found.root else {
                return Err(StoreError::BadRoot { path: found.path });
            };
            if root.stands() {
                marked.report.roots += 1;
                let unknown = root.keys.iter().filter(|key| !live.key(**key) && !live.unlike(**key)).count();
                if unknown > 0 {
                    lacking.push((root.artifact, root.witness));
                }
                trees.extend(root.trees);
            } else {
                marked.report.dropped.push(root.witness);
                marked.garbage.push(found.path);
            }
        }
        if !lacking.is_empty() {
            return Err(StoreError::Incomplete { roots: lacking });
        }
        // A digest in a list may be of any kind.
        for digest in self.listed()? {
            live.key(digest);
            live.object(digest);
            trees.insert(digest);
        }

        // The rest in the order of their ages.
        let (rooted, needed) = (live.keys.clone(), live.objects.clone());
        let mut rest = scan.keys.iter().filter(|(key, _)| !rooted.contains(key)).collect::<Vec<_>>();
        rest.sort_by_key(|(key, entry)| (entry.changed, **key));
        let young = |changed: Option<SystemTime>| match keep.days {
            None => keep.size.is_some(),
            // What seems to come from the future is young: a clock that was put back makes nothing old.
            Some(days) => {
                let age = changed.and_then(|changed| keep.now.duration_since(changed).ok());
                age.is_none_or(|age| age < Duration::from_secs(u64::from(days) * 86_400))
            }
        };
        rest.iter().filter(|(_, entry)| young(entry.changed)).for_each(|(key, _)| _ = live.key(**key));
        let named = scan.keys.keys().flat_map(|key| scan.outputs(self, *key));
        let named = named.flat_map(|made| scan.with_entries(self, made)).collect::<HashSet<_>>();
        let loose = scan.objects.iter().filter(|(object, entry)| {
            !live.objects.contains(object) && !named.contains(object) && young(Some(entry.changed))
        });
        let mut loose = loose.collect::<Vec<_>>();
        loose.sort_by_key(|(object, entry)| (entry.changed, **object));
        let rest = rest.into_iter().map(|(key, _)| *key).collect::<Vec<_>>();
        let loose =
            loose.into_iter().flat_map(|(object, _)| scan.with_entries(self, *object)).collect::<Vec<_>>();
        loose.iter().for_each(|object| live.object(*object));
        if let Some(most) = keep.size {
            Shrink::new(&mut live, needed).to(most, &rest, &loose);
        }
        let Live { keys, objects, unlike, .. } = live;
        marked.take(self, &scan, &keys, &objects)?;
        marked.take_others(self, &trees, &unlike)?;
        Ok(marked)
    }
}

/// What roots reach.
struct Live<'a> {
    store: &'a Store,
    scan: &'a Scan,
    keys: HashSet<Digest>,
    objects: HashSet<Digest>,
    /// Records that a check has put away.
    unlike: HashSet<PathBuf>,
}

impl Live<'_> {
    /// `false` for a key without a record: what it needs isn't known.
    fn key(&mut self, key: Digest) -> bool {
        let made = self.scan.made(self.store, key);
        let known = made.is_some();
        if self.keys.insert(key) {
            made.into_iter().flatten().for_each(|made| self.object(made));
        }
        known
    }

    /// The same for a record that a check has put away: nobody relies on it, but it says what was made.
    fn unlike(&mut self, key: Digest) -> bool {
        let path = self.store.unlike_path(key);
        let record = fs::read_to_string(&path).ok().and_then(|text| Record::from_text(&text));
        let Some(record) = record else { return false };
        self.unlike.insert(path);
        record.outputs.iter().for_each(|made| self.object(made.digest));
        true
    }

    fn object(&mut self, object: Digest) {
        if self.objects.insert(object) {
            // Trees name files only, so this goes no deeper.
            self.objects.extend(self.scan.entries(self.store, object));
        }
    }

    /// The objects behind a record, each as often as it is named.
    fn made(&self, key: Digest) -> Vec<Digest> {
        let made = self.scan.outputs(self.store, key).into_iter();
        made.flat_map(|object| self.scan.with_entries(self.store, object)).collect()
    }
}

/// Gives up the oldest until the rest fits.
struct Shrink<'l, 'a> {
    live: &'l mut Live<'a>,
    /// Objects that roots need.
    needed: HashSet<Digest>,
    /// How many live records name an object.
    uses: HashMap<Digest, usize>,
    /// Bytes on the disk.
    total: u64,
}

impl<'l, 'a> Shrink<'l, 'a> {
    fn new(live: &'l mut Live<'a>, needed: HashSet<Digest>) -> Self {
        let mut uses = HashMap::new();
        live.keys
            .iter()
            .flat_map(|key| live.made(*key))
            .for_each(|object| *uses.entry(object).or_default() += 1);
        let objects = live.objects.iter().filter_map(|object| live.scan.objects.get(object));
        let keys = live.keys.iter().filter_map(|key| live.scan.keys.get(key));
        let total = objects.map(|object| object.size).sum::<u64>() + keys.map(|key| key.size).sum::<u64>();
        Self { live, needed, uses, total }
    }

    /// Objects of no record first, then records with what only they name; each list has the oldest first.
    fn to(mut self, most: u64, records: &[Digest], loose: &[Digest]) {
        for object in loose {
            if self.total <= most {
                return;
            }
            if !self.uses.contains_key(object) {
                self.give_up(*object);
            }
        }
        for key in records {
            if self.total <= most {
                return;
            }
            if !self.live.keys.remove(key) {
                continue;
            }
            self.total -= self.live.scan.keys.get(key).map_or(0, |entry| entry.size);
            for object in self.live.made(*key) {
                let left = self.uses.get_mut(&object).map_or(0, |uses| {
                    *uses -= 1;
                    *uses
                });
                if left == 0 {
                    self.give_up(object);
                }
            }
        }
    }

    fn give_up(&mut self, object: Digest) {
        if !self.needed.contains(&object) && self.live.objects.remove(&object) {
            self.total -= self.live.scan.objects.get(&object).map_or(0, |entry| entry.size);
        }
    }
}

/// What a collection has decided.
#[derive(Default)]
struct Marked {
    report: Collected,
    garbage: Vec<PathBuf>,
}

impl Marked {
    fn take(
        &mut self,
        store: &Store,
        scan: &Scan,
        keys: &HashSet<Digest>,
        objects: &HashSet<Digest>,
    ) -> Result<(), StoreError> {
        let mut gone = HashSet::new();
        for (key, entry) in &scan.keys {
            if keys.contains(key) {
                self.report.kept_records += usize::from(entry.record.is_some());
                self.report.kept += entry.size;
            } else {
                self.report.records += usize::from(entry.record.is_some());
                self.report.freed += entry.size;
                self.garbage.extend(entry.files.iter().cloned());
                gone.insert(*key);
            }
        }
        for (object, entry) in &scan.objects {
            if objects.contains(object) {
                self.report.kept_objects += 1;
                self.report.kept += entry.size;
            } else {
                self.report.objects += 1;
                self.report.freed += entry.size;
                self.garbage.push(store.blob_path(*object));
            }
        }
        // Copies of records, for speed; the next build of the same roots writes another. They go first: a copy alone would
        // keep it from seeing that a record is gone.
        let copies = scan::children(&store.root().join("recent"))?.into_iter().map(|(path, _)| path);
        let of_gone = |keys: Vec<Digest>| keys.iter().any(|key| gone.contains(key));
        let copies = copies.filter(|path| recent::keys(path).is_none_or(of_gone));
        self.garbage.splice(..0, copies);
        Ok(())
    }

    /// Fixed trees that nothing uses, and what was found damaged or `unlike`, but for records that roots name.
    fn take_others(
        &mut self,
        store: &Store,
        trees: &HashSet<Digest>,
        unlike: &HashSet<PathBuf>,
    ) -> Result<(), StoreError> {
        for (path, found) in scan::children(&store.root().join(crate::fixed::FOLDER))? {
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            if found.is_dir() && name.is_some_and(|digest| !trees.contains(&digest)) {
                self.report.freed += folder_size(&path)?;
                self.report.others += 1;
                self.garbage.push(path);
            }
        }
        let bad = scan::children(&store.root().join("bad"))?.into_iter();
        for (path, found) in bad.filter(|(path, _)| !unlike.contains(path)) {
            self.report.freed += if found.is_dir() { folder_size(&path)? } else { scan::size(&found) };
            self.report.others += 1;
            self.garbage.push(path);
        }
        Ok(())
    }
}

pub(crate) fn folder_size(folder: &Path) -> Result<u64, StoreError> {
    let mut total = 0;
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for (path, found) in scan::children(&folder)? {
            total += scan::size(&found);
            if found.is_dir() {
                open.push(path);
            }
        }
    }
    Ok(total)
}

fn move_away(path: &Path, to: &Path) -> Result<(), StoreError> {
    fault::step().during("remove", path)?;
    match fs::rename(path, to) {
        // Another process was faster: it found damage, or a record was taken together with it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.during("remove", path),
    }
}

fn empty(trash: &Temporary) -> Result<(), StoreError> {
    fault::step().during("remove", trash)?;
    remove(trash).during("remove", trash)
}
