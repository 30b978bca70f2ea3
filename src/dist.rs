//! `dist/`: artifacts copied out of the store.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uk_action::Digest;
use uk_diagnostic::{Code, Diagnostic};
use uk_loader::Project;
use uk_store::{Cancel, Stamp, Store, hash_file};

use crate::made::{self, Cleaned, Kept, Record};

/// A file that was made, and how to see that it is still what was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    digest: Digest,
    stamp: Stamp,
}

impl Made {
    fn of(digest: Digest, path: &Path) -> io::Result<Self> {
        Ok(Self { digest, stamp: Stamp::of(&fs::symlink_metadata(path)?) })
    }

    /// Whether `path` is still it, whatever was done to its mode and its names.
    fn is_at(&self, path: &Path) -> io::Result<bool> {
        Ok(Stamp::of(&fs::symlink_metadata(path)?).has_content_of(&self.stamp))
    }

    /// Whether `path` is a copy of it, as in a copy of the project's folder.
    fn is_copied_to(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
            && hash_file(path).is_ok_and(|digest| digest == self.digest)
    }
}

/// The artifacts of one project.
#[derive(Debug)]
pub struct Dist<'a> {
    project: &'a Project,
    made: BTreeMap<PathBuf, Made>,
    /// What was put by this process and isn't in the record yet.
    new: BTreeMap<PathBuf, Made>,
}

impl<'a> Dist<'a> {
    /// Reads the record. One that can't be read counts as empty: then nothing is taken for up to date or removed.
    pub fn load(project: &'a Project) -> Self {
        Self { project, made: Record::load(project).artifacts, new: BTreeMap::new() }
    }

    /// The record's file: while it is there, the store keeps what made the artifacts.
    pub fn witness(&self) -> PathBuf {
        made::path(self.project)
    }

    /// Whether something was put that wasn't there.
    pub fn is_changed(&self) -> bool {
        !self.new.is_empty()
    }

    /// Puts the content `digest` at `dist/NAME`, unless it is there.
    pub fn put(
        &mut self,
        name: &str,
        digest: Digest,
        executable: bool,
        store: &Store,
    ) -> Result<(), Box<Diagnostic>> {
        let relative = Path::new("dist").join(name);
        let path = self.project.folder.join(&relative);
        if let Some(made) = self.made.get(&relative)
            && made.digest == digest
            && made.is_at(&path).is_ok_and(|same| same)
        {
            return Ok(());
        }
        let failed = |error: String| made::not_writable(&path.display().to_string(), &error);
        let folder = self.project.dist();
        if let Err(error) = fs::create_dir_all(&folder) {
            let in_the_way = fs::symlink_metadata(&folder).is_ok_and(|found| !found.is_dir());
            return Err(if in_the_way { uk_loader::no_folder(&folder) } else { failed(error.to_string()) });
        }
        store.materialise_file(digest, &path, executable).map_err(|error| match error.code() {
            Code::StoreCorrupt => Box::new(error.diagnostic()),
            _ => failed(error.to_string()),
        })?;
        let made = Made::of(digest, &path).map_err(|e| failed(e.to_string()))?;
        self.new.insert(relative, made);
        Ok(())
    }

    /// Adds what was put to the record, together with what other processes have added meanwhile.
    pub fn save(&self, cancel: &Cancel) -> Result<(), Box<Diagnostic>> {
        if self.new.is_empty() {
            return Ok(());
        }
        Record::update(self.project, cancel, |record| {
            record.artifacts.extend(self.new.iter().map(|(path, made)| (path.clone(), made.clone())));
        })
    }

    /// Removes every artifact of `project` that was made and is still what was made; what was edited only where `may` says
    /// so. Then the folder, if that leaves it empty. What is left of the project's stays in `record`.
    pub fn clean(
        project: &Project,
        record: &mut Record,
        mut may: impl FnMut(&Path) -> bool,
    ) -> io::Result<Cleaned> {
        let mut cleaned = Cleaned::default();
        record.artifacts.retain(|path, _| path.starts_with("dist") && made::is_inside(path));
        for (relative, made) in record.artifacts.clone() {
            let path = project.folder.join(&relative);
            match made.is_at(&path) {
                _ if project.check_inside(&relative).is_err() => {
                    cleaned.kept.push((relative.clone(), Kept::Outside));
                }
                // Gone, also where something else has its folder's place.
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => return Err(made::not_removed(&path)(error)),
                Ok(same) if same || made.is_copied_to(&path) || may(&relative) => {
                    fs::remove_file(&path).map_err(made::not_removed(&path))?;
                    cleaned.removed.push(relative.clone());
                }
                Ok(_) => {
                    cleaned.kept.push((relative, Kept::Edited));
                    continue;
                }
            }
            record.artifacts.remove(&relative);
        }
        // Only an empty folder can be removed this way.
        let _ = fs::remove_dir(project.dist());
        Ok(cleaned)
    }
}
