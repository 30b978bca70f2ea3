//! The source set of a package of the user's: which files count as its input.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uk_action::{Digest, LocalTree};
use uk_diagnostic::{Code, Diagnostic};
use uk_store::StatCache;

use crate::data::{self, Apart};
use crate::globs::Globs;
use crate::{MANIFEST, Result};

/// Fingerprints source sets, through one cache of stamps.
pub struct SourceSets {
    cache: StatCache,
    /// What was fingerprinted in this run.
    known: HashMap<(PathBuf, SourceSet), Arc<LocalTree>>,
    data: HashMap<(PathBuf, bool, Apart), Arc<DataFolder>>,
    unfit: Vec<String>,
}

/// What differs from the rule that a package's sources are the files that git doesn't ignore. Paths are relative to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SourceSet {
    /// Files and folders that are made while building: never sources.
    pub made: Vec<String>,
    /// Files and folders that are there for something else: sources only where a glob names them.
    pub apart: Vec<String>,
    /// Globs that name files to be sources, whatever git ignores.
    pub include: Vec<String>,
}

/// A folder that data are made of.
#[derive(Debug)]
pub struct DataFolder {
    /// Its files, fingerprinted.
    pub tree: Arc<LocalTree>,
    /// The path of each file in it, links followed, and its size in bytes if that was asked for.
    pub files: Vec<(String, u64)>,
}

/// Files beside the manifest that `uk` and cargo keep for themselves: no crate is compiled again for them.
const OURS: [&str; 4] = [MANIFEST, "unikernel.lock", "Cargo.lock", ".git"];
/// Folders that are made from the sources.
const MADE: [&str; 3] = [".uk", "dist", "target"];

impl SourceSets {
    /// Uses the stamps kept at `cache`.
    pub fn new(cache: &Path) -> Self {
        Self { cache: StatCache::load(cache), known: HashMap::new(), data: HashMap::new(), unfit: Vec::new() }
    }

    /// Keeps the stamps for the next build.
    pub fn save(&mut self) {
        // Stamps that are lost cost the next build some reading.
        let _ = self.cache.save();
    }

    /// The globs of [`SourceSet::include`] that no file fits, of all sets so far.
    pub fn unfit_globs(&self) -> &[String] {
        &self.unfit
    }

    /// The content of one file, and whether it may be executed; links are followed.
    ///
    /// # Errors
    /// `UK0406` if it can't be read.
    pub fn file(&mut self, path: &Path) -> Result<(Digest, bool)> {
        let digest = self.cache.digest(path).and_then(|digest| Ok((digest, path.metadata()?)));
        let (digest, metadata) = digest.map_err(|error| {
            Diagnostic::error(Code::UnreadableSource, format!("`{}` can't be read: {error}", path.display()))
                .help("a hook's files must be there and readable, relative to the manifest")
        })?;
        Ok((digest, metadata.permissions().mode() & 0o111 != 0))
    }

    /// The files `paths` of the project in `folder`, and those in the folders among them; all of them, whatever git ignores.
    ///
    /// # Errors
    /// `UK0406` names what can't be read.
    pub fn files(&mut self, folder: &Path, paths: &[String]) -> Result<Arc<LocalTree>> {
        let mut files = Vec::new();
        for path in paths {
            if folder.join(path).is_dir() {
                let inner = walk(&folder.join(path), false, &[])?;
                files.extend(inner.into_iter().map(|file| format!("{path}/{file}")));
            } else {
                files.push(path.clone());
            }
        }
        files.sort();
        files.dedup();
        let tree = self.cache.fingerprint(folder, &files).map_err(|error| error.diagnostic())?;
        Ok(Arc::new(tree))
    }

    /// The source set of the package in `folder`: what git doesn't ignore there, less what is made from it and packages
    /// inside it, as `set` says.
    ///
    /// # Errors
    /// `UK0406` names a file that can't be read.
    pub fn of(&mut self, folder: &Path, set: &SourceSet) -> Result<Arc<LocalTree>> {
        let place = (folder.to_owned(), set.clone());
        if let Some(known) = self.known.get(&place) {
            return Ok(known.clone());
        }
        let except: Vec<String> = set.made.iter().chain(&set.apart).cloned().collect();
        let mut files = walk(folder, true, &except)?;
        if !set.include.is_empty() {
            let globs = Globs::new(folder, &set.include);
            let globs = globs.map_err(|error| unreadable(folder, &error.to_string()))?;
            let (taken, unfit) = globs.take(walk(folder, false, &set.made)?);
            files.extend(taken);
            self.unfit.extend(unfit.into_iter().map(|glob| set.include[glob].clone()));
        }
        files.sort();
        files.dedup();
        let tree = self.cache.fingerprint(folder, &files).map_err(|error| error.diagnostic())?;
        let tree = Arc::new(tree);
        self.known.insert(place, tree.clone());
        Ok(tree)
    }

    /// All files in `folder`, also those that git ignores, less what is `apart`; with `sizes`, how big they are. `shown` is what
    /// messages call it. `check` may refuse them before anything is read.
    ///
    /// # Errors
    /// `UK0411` if there is no such folder, or something in it can't become data; `UK0406` for a file that can't be read.
    pub fn data(
        &mut self,
        folder: &Path,
        shown: &str,
        sizes: bool,
        apart: Apart,
        check: impl FnOnce(&[(String, u64)]) -> Result<()>,
    ) -> Result<Arc<DataFolder>> {
        let place = (folder.to_owned(), sizes, apart);
        if let Some(known) = self.data.get(&place) {
            return Ok(known.clone());
        }
        let found = data::list(folder, sizes, &place.2).map_err(|fault| fault.diagnostic(shown))?;
        check(&found.files)?;
        let tree = self.cache.fingerprint(folder, &found.entries).map_err(|error| error.diagnostic())?;
        let known = Arc::new(DataFolder { tree: Arc::new(tree), files: found.files });
        self.data.insert(place, known.clone());
        Ok(known)
    }
}

/// The files below `folder`, relative to it; those that git ignores only when `ignoring` is off. What is in `except` isn't looked
/// at: it may hold what no source can be.
fn walk(folder: &Path, ignoring: bool, except: &[String]) -> Result<Vec<String>> {
    let root = folder.to_owned();
    let except: Vec<PathBuf> = except.iter().map(|path| folder.join(path)).collect();
    let mut walk = ignore::WalkBuilder::new(folder);
    walk.standard_filters(false)
        .parents(ignoring)
        .git_ignore(ignoring)
        .require_git(false)
        .follow_links(true)
        .filter_entry(move |entry| {
            counts(&root, entry) && !except.iter().any(|path| path.as_os_str() == entry.path().as_os_str())
        });
    let mut files = Vec::new();
    for entry in walk.build() {
        let entry = match entry {
            Ok(entry) => entry,
            // No file: editors leave links to nowhere beside what they have open.
            Err(error) if leads_nowhere(&error) => continue,
            Err(error) => return Err(unreadable(folder, &error.to_string())),
        };
        if entry.file_type().is_none_or(|t| !t.is_file()) {
            continue;
        }
        let relative: PathBuf = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_owned();
        let Some(text) = relative.to_str() else {
            return Err(unreadable(folder, &format!("the name `{}` isn't UTF-8", relative.display())));
        };
        files.push(text.to_owned());
    }
    Ok(files)
}

/// Whether an error only says that a link's target doesn't exist or is a folder around the link.
fn leads_nowhere(error: &ignore::Error) -> bool {
    match error {
        ignore::Error::WithPath { err, .. } | ignore::Error::WithDepth { err, .. } => leads_nowhere(err),
        ignore::Error::Loop { .. } => true,
        ignore::Error::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

fn counts(root: &Path, entry: &ignore::DirEntry) -> bool {
    let name = entry.file_name().to_str().unwrap_or_default();
    match entry.depth() {
        0 => true,
        1 if OURS.contains(&name) || MADE.contains(&name) => false,
        _ => entry.path() == root || !entry.path().join("Cargo.toml").exists(),
    }
}

fn unreadable(folder: &Path, cause: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(
            Code::UnreadableSource,
            format!("the sources in `{}` can't be read: {cause}", folder.display()),
        )
        .help("every file that git doesn't ignore is an input: make it readable, or name it in `.gitignore`"),
    )
}
