//! Answers of other programs, remembered with what they depend on.
//!
//! A memo is stale as soon as a file that it watches has another stamp, a path that must (not) exist does (not), or a
//! variable has another value. Nothing but speed hangs on it: a memo that can't be read is asked for again.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uk_action::HostFile;
use uk_store::{Stamp, Store, write_atomically};

/// The longest that a file is waited for. What a file system's clock says to be newer is as good as its stamp gets.
const WAIT: Duration = Duration::from_secs(2);

fn stamp(path: &Path) -> Option<Stamp> {
    Stamp::of_file(path).ok()
}

/// The same, waited for until a change could be seen.
fn settled(path: &Path) -> Option<Stamp> {
    let now = stamp(path)?;
    match now.unsettled_for(SystemTime::now()).filter(|wait| *wait <= WAIT) {
        Some(wait) => {
            std::thread::sleep(wait);
            stamp(path)
        }
        None => Some(now),
    }
}

/// What an answer depends on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Watch {
    files: Vec<(PathBuf, Option<Stamp>)>,
    signs: Vec<(PathBuf, Option<Stamp>)>,
    existing: Vec<(PathBuf, bool)>,
    variables: Vec<(String, Option<String>)>,
    /// The paths of `files`, while they are collected.
    #[serde(skip)]
    paths: HashSet<PathBuf>,
}

impl Watch {
    /// Watches a file's stamp, or that there is none. To be called before the question is asked, so that a change
    /// while it is being answered isn't lost. Waits until a change could be seen.
    pub fn file(&mut self, path: impl Into<PathBuf>) {
        let path = path.into();
        if self.paths.insert(path.clone()) {
            let now = settled(&path);
            self.files.push((path, now));
        }
    }

    /// Watches a file, or every folder below one: what is put there or taken away shows in a folder's stamp, and so does
    /// what package managers and editors replace. Past a few thousand, folders are taken to stay.
    pub fn tree(&mut self, path: &Path) {
        const MOST: usize = 2000;
        let mut folders = vec![path.to_owned()];
        let mut next = 0;
        while next < folders.len() && next < MOST {
            let listed = std::fs::read_dir(&folders[next]).into_iter().flatten().flatten();
            let below = listed.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            folders.extend(below.map(|entry| entry.path()).collect::<Vec<_>>());
            next += 1;
        }
        folders.into_iter().take(MOST).for_each(|folder| self.file(folder));
    }

    /// Watches whether a path exists, whatever is in it.
    pub fn existence(&mut self, path: impl Into<PathBuf>) {
        let path = path.into();
        let there = path.exists();
        self.existing.push((path, there));
    }

    /// Watches a variable of the environment.
    pub fn variable(&mut self, name: &str) {
        self.variables.push((name.to_owned(), lossy(name)));
    }

    /// Watches a file that only tells of others.
    pub fn sign(&mut self, path: impl AsRef<Path>) {
        self.signs.push((path.as_ref().to_owned(), settled(path.as_ref())));
    }

    /// The files that were there, as they were; no signs.
    pub fn into_host_files(self) -> Vec<HostFile> {
        self.files.into_iter().filter_map(|(path, stamp)| Some(stamp?.of_host(path))).collect()
    }

    fn holds(&self) -> bool {
        self.variables.iter().all(|(name, value)| lossy(name) == *value)
            && self.existing.iter().all(|(path, there)| path.exists() == *there)
            && self.files.iter().chain(&self.signs).all(|(path, then)| stamp(path) == *then)
    }
}

fn lossy(name: &str) -> Option<String> {
    std::env::var_os(name).map(|v| v.to_string_lossy().into_owned())
}

#[derive(Serialize, Deserialize)]
struct Memo<Q, T> {
    format: u32,
    question: Q,
    watch: Watch,
    answer: T,
}

/// Raised when what any memo holds changes its meaning.
const FORMAT: u32 = 3;

/// Where a memo is kept.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// In a project's own folder.
    File(&'a Path),
    /// In the store, by name: what holds for every project of this machine.
    Store(&'a Store, &'a str),
}

/// The remembered answer to `question`, if everything that it depends on is as it was.
pub fn recall<Q: DeserializeOwned + PartialEq, T: DeserializeOwned>(
    place: Place<'_>,
    question: &Q,
) -> Option<T> {
    recall_watched(place, question).map(|(answer, _)| answer)
}

/// The same with what it depends on.
pub fn recall_watched<Q: DeserializeOwned + PartialEq, T: DeserializeOwned>(
    place: Place<'_>,
    question: &Q,
) -> Option<(T, Watch)> {
    let text = match place {
        Place::File(path) => std::fs::read(path).ok()?,
        Place::Store(store, name) => store.memo(name)?,
    };
    let memo: Memo<Q, T> = serde_json::from_slice(&text).ok()?;
    (memo.format == FORMAT && memo.question == *question && memo.watch.holds())
        .then_some((memo.answer, memo.watch))
}

/// Remembers an answer. A memo that can't be written costs the next build a question, so that isn't an error.
pub fn remember<Q: Serialize, T: Serialize>(place: Place<'_>, question: &Q, watch: Watch, answer: &T) {
    let Ok(text) = serde_json::to_vec(&Memo { format: FORMAT, question, watch, answer }) else { return };
    let _ = match place {
        Place::File(path) => write_atomically(path, &text).is_ok(),
        Place::Store(store, name) => store.set_memo(name, &text).is_ok(),
    };
}
