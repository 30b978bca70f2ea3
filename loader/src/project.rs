//! Where the manifest is, and the folder that belongs to it.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use uk_diagnostic::{Code, Diagnostic};
use uk_store::write_atomically;

use crate::{Result, Sdk};

/// The manifest's file name.
pub const MANIFEST: &str = "unikernel.kdl";

/// A folder with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The folder, absolute.
    pub folder: PathBuf,
    /// The manifest as messages name it: relative to where the command runs when it can be.
    pub name: String,
    /// The manifest's text.
    pub text: String,
}

impl Project {
    /// The project of `start`: the nearest folder, upwards, that holds a manifest.
    ///
    /// # Errors
    /// `UK0101` where there is none, `UK0102` where it can't be read.
    pub fn find(start: &Path) -> Result<Self> {
        let absolute = std::path::absolute(start).unwrap_or_else(|_| start.to_owned());
        // `..` must mean the real parent, and a path through a link the same project.
        let absolute = absolute.canonicalize().map_err(|error| {
            Diagnostic::error(Code::NoManifest, format!("there is no folder `{}`: {error}", start.display()))
                .help("name a folder that holds a `unikernel.kdl` with `-C FOLDER`")
        })?;
        match absolute.ancestors().find(|folder| folder.join(MANIFEST).is_file()) {
            Some(folder) => Self::at(folder),
            None => Err(Box::new(
                Diagnostic::error(
                    Code::NoManifest,
                    format!("there is no `{MANIFEST}` in `{}` or a folder above it", absolute.display()),
                )
                .help("go to a folder that holds one, or name it with `uk -C FOLDER ...`"),
            )),
        }
    }

    /// The project in `folder`.
    ///
    /// # Errors
    /// `UK0102` where its manifest can't be read.
    pub fn at(folder: &Path) -> Result<Self> {
        let path = folder.join(MANIFEST);
        let name = shown(&path);
        let unreadable = |cause: String| {
            Box::new(
                Diagnostic::error(Code::UnreadableManifest, format!("`{name}` can't be read: {cause}"))
                    .help("a manifest is a UTF-8 text in KDL 2; see `docs/manifest.md`"),
            )
        };
        let bytes = std::fs::read(&path).map_err(|error| unreadable(error.to_string()))?;
        let text = String::from_utf8(bytes)
            .map_err(|error| unreadable(format!("byte {} isn't UTF-8", error.utf8_error().valid_up_to())))?;
        Ok(Self { folder: folder.to_owned(), name, text })
    }

    /// The folder for what `uk` keeps beside the manifest: memos, cargo's synthetic root, the record of what was made.
    pub fn state(&self) -> PathBuf {
        self.folder.join(".uk")
    }

    /// The folder of the artifacts.
    pub fn dist(&self) -> PathBuf {
        self.folder.join("dist")
    }

    /// The lock file that users commit.
    pub fn lock(&self) -> PathBuf {
        self.folder.join("unikernel.lock")
    }

    /// Whether no link leads out of the project on the way to `path`, which is relative to the manifest; a link in the place of a
    /// file is that file, wherever it leads. What isn't there yet leads nowhere.
    ///
    /// # Errors
    /// `UK0212` names the link.
    pub fn check_inside(&self, path: &Path) -> Result<()> {
        let real = |path: &Path| self.folder.join(path).canonicalize().ok().filter(|real| real.is_dir());
        let (Some(root), Some(around)) = (real(Path::new("")), path.ancestors().find_map(real)) else {
            return Ok(());
        };
        if around.starts_with(&root) {
            return Ok(());
        }
        let outside = |path: &&Path| real(path).is_some_and(|real| !real.starts_with(&root));
        let link = path.ancestors().filter(outside).last().unwrap_or(path).display();
        let message = format!("`{}` is outside of the project: `{link}` leads to it", around.display());
        Err(Box::new(
            Diagnostic::error(Code::OutsideProject, message)
                .help(format!("put a folder, or a link to one of the project, in the place of `{link}`")),
        ))
    }

    /// Keeps [`Project::state`] and what was made from being taken away, until what this gives is dropped; nothing where the
    /// file system can't do that. The manifest's folder itself is locked, since a file in the other would go away.
    pub fn hold(&self) -> Option<File> {
        let folder = File::open(&self.folder).ok()?;
        folder.lock_shared().ok().map(|()| folder)
    }

    /// Waits until nobody else holds the project, and keeps others from it. `waits` is called first if somebody does.
    pub fn seize(&self, waits: impl FnOnce()) -> Option<File> {
        let folder = File::open(&self.folder).ok()?;
        if matches!(folder.try_lock(), Err(TryLockError::WouldBlock)) {
            waits();
        }
        folder.lock().ok().map(|()| folder)
    }

    /// Waits until no other process asks cargo about the held project, and keeps others from it.
    pub(crate) fn alone(&self) -> Option<File> {
        let lock = File::create(self.state().join("cargo.lock")).ok()?;
        lock.lock().ok().map(|()| lock)
    }

    /// Removes [`Project::state`], unless another process holds it.
    pub fn forget(&self) {
        if let Ok(folder) = File::open(&self.folder)
            && folder.try_lock().is_ok()
        {
            // What can't be removed is only in nobody's way.
            let _ = std::fs::remove_dir_all(self.state());
        }
    }

    /// Makes [`Project::state`], ignored by git, with the link `sdk` by which plain cargo finds the SDK.
    ///
    /// # Errors
    /// `UK0506` where it can't be made.
    pub fn prepare(&self, sdk: &Sdk) -> Result<()> {
        let state = self.state();
        let link = state.join("sdk");
        if std::fs::read_link(&link).is_ok_and(|target| target == sdk.root()) {
            return Ok(());
        }
        let beside = state.join(format!("sdk.{}.new", std::process::id()));
        std::fs::create_dir_all(&state)
            .and_then(|()| write_atomically(&state.join(".gitignore"), b"*\n"))
            .and_then(|()| std::os::unix::fs::symlink(sdk.root(), &beside))
            .and_then(|()| std::fs::rename(&beside, &link))
            .map_err(|error| not_writable(&state, &error))
    }
}

/// The members that `patterns` of a workspace manifest in `folder` name: each a folder with a manifest, sorted. A pattern
/// is a path, in which `*` stands for any part of a folder's name.
///
/// # Errors
/// A folder that can't be listed.
pub fn members(folder: &Path, pattern: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut found = vec![folder.to_owned()];
    for part in pattern.split('/').filter(|p| !p.is_empty() && *p != ".") {
        let mut next = Vec::new();
        for base in found {
            if !part.contains('*') {
                next.push(base.join(part));
                continue;
            }
            let entries = match std::fs::read_dir(&base) {
                // What a pattern doesn't meet is told by who asked.
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    continue;
                }
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name();
                let Some(name) = name.to_str() else { continue };
                let fits = fits(part, name);
                if fits && !name.starts_with('.') {
                    next.push(entry.path());
                }
            }
        }
        found = next;
    }
    found.retain(|f| f.join(MANIFEST).is_file());
    found.sort();
    Ok(found)
}

/// Whether `name` is what `pattern` says; `*` stands for any text.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, rest)) => name.strip_prefix(before).is_some_and(|name| {
            name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| fits(rest, &name[at..]))
        }),
    }
}

/// `path` relative to the current folder, if it is it or below it.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|d| d.canonicalize());
    let relative = here.ok().and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    match relative {
        Some(relative) if relative == Path::new("") => ".".to_owned(),
        relative => relative.unwrap_or_else(|| path.to_owned()).display().to_string(),
    }
}

/// The same as a command that is typed names it: quoted where a shell needs that.
pub fn typed(path: &Path) -> String {
    let shown = shown(path);
    // Else a command takes it for an option.
    let shown = if shown.starts_with('-') { format!("./{shown}") } else { shown };
    uk_keys::words::quote([shown])
}

/// `UK0506` for `folder`, in whose place something else is.
pub fn no_folder(folder: &Path) -> Box<Diagnostic> {
    let there = match std::fs::read_link(folder) {
        Ok(target) => format!("a link to `{}`, where there is no folder", target.display()),
        Err(_) if folder.is_file() => "a file".to_owned(),
        Err(_) => "no folder".to_owned(),
    };
    let message = format!("`{}` is {there}, and what is made is put into it", folder.display());
    let (there, aside) = (typed(folder), typed(&folder.with_added_extension("old")));
    Box::new(
        Diagnostic::error(Code::NotWritable, message)
            .help(format!("move away what is there (`mv {there} {aside}`), and run the command again")),
    )
}

/// `UK0506` for `path`.
pub(crate) fn not_writable(path: &Path, error: &std::io::Error) -> Box<Diagnostic> {
    if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotADirectory) {
        let in_the_way = |place: &&Path| std::fs::symlink_metadata(place).is_ok() && !place.is_dir();
        if let Some(place) = path.ancestors().filter(in_the_way).last() {
            return no_folder(place);
        }
    }
    Box::new(
        Diagnostic::error(Code::NotWritable, format!("`{}` can't be written: {error}", path.display())).help(
            "`uk` keeps `.uk/`, `dist/` and `unikernel.lock` beside the manifest: make that folder writable",
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{fits, typed};

    #[test]
    fn stars_stand_for_any_text() {
        assert!(
            fits("hello", "hello") && fits("*", "hello") && fits("he*", "hello") && fits("*l*o", "hello")
        );
        assert!(!fits("hello", "hell") && !fits("*x*", "hello") && !fits("he*p", "hello"));
    }

    #[test]
    fn no_path_that_is_typed_is_an_option() {
        assert_eq!(["-f", "a b", "f-"].map(|path| typed(Path::new(path))), ["./-f", "'a b'", "f-"]);
    }
}
