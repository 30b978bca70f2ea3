//! `dist/`: artifacts copied out of the store, and the record of what was made, which is all that `uk clean` removes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uk_action::Digest;
use uk_diagnostic::{Code, Diagnostic};
use uk_loader::Project;
use uk_store::Store;

/// A file that was made, and how to see that it is still what was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    digest: Digest,
    size: u64,
    modified: (i64, i64),
    inode: u64,
}

impl Made {
    fn of(digest: Digest, path: &Path) -> io::Result<Self> {
        let m = fs::symlink_metadata(path)?;
        Ok(Self { digest, size: m.size(), modified: (m.mtime(), m.mtime_nsec()), inode: m.ino() })
    }
}

/// The artifacts of one project.
#[derive(Debug)]
pub struct Dist<'a> {
    project: &'a Project,
    made: BTreeMap<PathBuf, Made>,
    changed: bool,
}

impl<'a> Dist<'a> {
    /// Reads the record. One that can't be read counts as empty: then nothing is taken for up to date or removed.
    pub fn load(project: &'a Project) -> Self {
        let text = fs::read(record(project)).unwrap_or_default();
        Self { project, made: serde_json::from_slice(&text).unwrap_or_default(), changed: false }
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
            && Made::of(digest, &path).is_ok_and(|now| now == *made)
        {
            return Ok(());
        }
        let failed = |error: String| {
            Box::new(
                Diagnostic::error(
                    Code::NotWritable,
                    format!("`{}` can't be written: {error}", path.display()),
                )
                .help("make room, or make the folder writable, and run the command again"),
            )
        };
        fs::create_dir_all(self.project.dist()).map_err(|e| failed(e.to_string()))?;
        store.materialise_file(digest, &path, executable).map_err(|e| failed(e.to_string()))?;
        let made = Made::of(digest, &path).map_err(|e| failed(e.to_string()))?;
        self.made.insert(relative, made);
        self.changed = true;
        Ok(())
    }

    /// Writes the record if it changed.
    pub fn save(&self) -> Result<(), Box<Diagnostic>> {
        if !self.changed {
            return Ok(());
        }
        let path = record(self.project);
        let text = serde_json::to_vec_pretty(&self.made).unwrap_or_default();
        let beside = path.with_extension("json.new");
        fs::write(&beside, text).and_then(|()| fs::rename(&beside, &path)).map_err(|error| {
            Box::new(
                Diagnostic::error(
                    Code::NotWritable,
                    format!("`{}` can't be written: {error}", path.display()),
                )
                .help("make room, or make the folder writable, and run the command again"),
            )
        })
    }

    /// Removes every file that was made and is still what was made, then folders and state that are left empty.
    /// Returns what was removed, and what was left because someone changed it.
    pub fn clean(self) -> io::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
        let (mut removed, mut kept) = (Vec::new(), Vec::new());
        for (relative, made) in &self.made {
            let path = self.project.folder.join(relative);
            match Made::of(made.digest, &path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
                Ok(now) if now == *made => {
                    fs::remove_file(&path)?;
                    removed.push(relative.clone());
                }
                Ok(_) => kept.push(relative.clone()),
            }
        }
        // Only an empty folder can be removed this way.
        let _ = fs::remove_dir(self.project.dist());
        let state = self.project.state();
        if state.join(".gitignore").exists() {
            fs::remove_dir_all(&state)?;
        }
        Ok((removed, kept))
    }
}

fn record(project: &Project) -> PathBuf {
    project.state().join("made.json")
}
