//! How much of what is in a store.

use super::gc::folder_size;
use super::scan::{self, Scan};
use crate::StoreError;
use crate::layout::Store;

/// A number of files and the bytes that they take on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many.
    pub count: usize,
    /// Bytes on the disk.
    pub bytes: u64,
}

impl Share {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

/// What is in a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Objects: contents and trees.
    pub objects: Share,
    /// Those of them that are trees.
    pub trees: Share,
    /// Records, each with the files that go with it (logs).
    pub records: Share,
    /// Fixed trees: sources that came with `uk`.
    pub fixed: Share,
    /// Damaged objects, moved out of the way.
    pub damaged: Share,
    /// Roots, and how many of them have lost their witness.
    pub roots: Share,
    /// Roots whose witness is gone: a collection drops them.
    pub fallen: usize,
    /// Temporary files: of running processes, and what killed ones have left.
    pub temporary: Share,
    /// Files that aren't of a store.
    pub strays: usize,
}

impl Stats {
    /// Bytes on the disk, all together.
    pub fn total(&self) -> u64 {
        let Self { objects, records, fixed, damaged, roots, temporary, .. } = self;
        [objects, records, fixed, damaged, roots, temporary].iter().map(|share| share.bytes).sum()
    }
}

impl Store {
    /// Counts what is there.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        let scan = Scan::new(self)?;
        let mut stats = Stats { strays: scan.strays.len(), ..Stats::default() };
        for object in scan.objects.values() {
            stats.objects.add(object.size);
            if object.entries.is_some() {
                stats.trees.add(object.size);
            }
        }
        for key in scan.keys.values() {
            stats.records.count += usize::from(key.record.is_some());
            stats.records.bytes += key.size;
        }
        for (folder, share) in
            [("bad", &mut stats.damaged), ("roots", &mut stats.roots), ("tmp", &mut stats.temporary)]
        {
            for (path, found) in scan::children(&self.root().join(folder))? {
                share.add(scan::size(&found) + if found.is_dir() { folder_size(&path)? } else { 0 });
            }
        }
        for (path, found) in scan::children(&self.root().join(crate::fixed::FOLDER))? {
            stats.fixed.add(scan::size(&found) + folder_size(&path)?);
        }
        stats.fallen =
            self.roots()?.iter().flat_map(|found| &found.root).filter(|root| !root.stands()).count();
        Ok(stats)
    }
}
