//! `dist/`: artifacts copied out of the store, and the record of what was made, which is all that `uk clean` removes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

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
    /// What was put by this process and isn't in the record yet.
    new: BTreeMap<PathBuf, Made>,
}

impl<'a> Dist<'a> {
    /// Reads the record. One that can't be read counts as empty: then nothing is taken for up to date or removed.
    pub fn load(project: &'a Project) -> Self {
        Self { project, made: read(project), new: BTreeMap::new() }
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
        self.new.insert(relative, made);
        Ok(())
    }

    /// Adds what was put to the record, together with what other processes have added meanwhile.
    pub fn save(&self) -> Result<(), Box<Diagnostic>> {
        if self.new.is_empty() {
            return Ok(());
        }
        let path = record(self.project);
        let write = || -> io::Result<()> {
            let lock = fs::File::create(path.with_extension("lock"))?;
            lock.lock()?;
            let mut all = read(self.project);
            all.extend(self.new.iter().map(|(path, made)| (path.clone(), made.clone())));
            uk_loader::write_atomically(&path, &serde_json::to_vec_pretty(&all)?)
        };
        write().map_err(|error| {
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
        // The record is a file that anyone could have written: nothing outside of `dist/` is ever removed.
        let inside = |path: &Path| {
            path.starts_with("dist") && path.components().all(|part| matches!(part, Component::Normal(_)))
        };
        for (relative, made) in self.made.iter().filter(|(path, _)| inside(path)) {
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
            clear_state(self.project, &state)?;
        }
        Ok((removed, kept))
    }
}

/// Removes the state folder, but for the link by which plain cargo finds the SDK where `Cargo.toml` goes by it.
fn clear_state(project: &Project, state: &Path) -> io::Result<()> {
    let manifest = fs::read_to_string(project.folder.join("Cargo.toml")).unwrap_or_default();
    if !manifest.contains(".uk/sdk") {
        return fs::remove_dir_all(state);
    }
    for entry in fs::read_dir(state)? {
        let entry = entry?;
        match entry.file_name().to_str() {
            Some("sdk" | ".gitignore") => {}
            _ if entry.file_type()?.is_dir() => fs::remove_dir_all(entry.path())?,
            _ => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

fn read(project: &Project) -> BTreeMap<PathBuf, Made> {
    let text = fs::read(record(project)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn record(project: &Project) -> PathBuf {
    project.state().join("made.json")
}
