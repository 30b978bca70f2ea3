//! A user's folder.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::repository;

/// A folder outside of the repository, gone at the test's end.
pub struct Folder {
    _temp: TempDir,
    path: PathBuf,
}

/// What is made from the sources, and no part of a copy.
const MADE: [&str; 3] = [".uk", "dist", "target"];

impl Folder {
    /// An empty one.
    pub fn empty() -> Self {
        let temp = TempDir::with_prefix("uk-it-").expect("a temporary folder can be made");
        let path = temp.path().canonicalize().expect("it is there");
        Self { _temp: temp, path }
    }

    /// A copy of an example.
    pub fn example(name: &str) -> Self {
        Self::copy(&repository().join("examples").join(name))
    }

    /// A copy of the guest that does what it is told.
    pub fn deeds() -> Self {
        Self::copy(&repository().join("tests/guests/deeds"))
    }

    /// A copy of the root manifest and every example.
    pub fn workspace() -> Self {
        let folder = Self::empty();
        copy(&repository().join("examples"), &folder.join("examples"));
        let manifest = fs::read_to_string(repository().join("unikernel.kdl")).expect("there is one");
        folder.write("unikernel.kdl", &manifest);
        folder
    }

    /// A copy of `source` in a folder of its own.
    pub fn copy(source: &Path) -> Self {
        let mut folder = Self::empty();
        folder.path.push(source.file_name().expect("a named folder"));
        copy(source, &folder.path);
        folder
    }

    /// A library crate `app` with this entry file, the SDK, `log`, and `dependencies`; its job is given the time.
    pub fn application(dependencies: &str, source: &str) -> Self {
        let folder = Self::empty();
        folder.write(
            "Cargo.toml",
            &format!(
                "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                 [dependencies]\nlog = \"0.4\"\nuk-device = \"0.1\"\n{dependencies}\n"
            ),
        );
        folder.write("src/lib.rs", source);
        folder.write(
            "unikernel.kdl",
            "unikernel app\n\njob main entry=\"app::start\" {\n    time default-time\n}\n",
        );
        folder
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path in it.
    pub fn join(&self, path: &str) -> PathBuf {
        self.path.join(path)
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.join(path);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("folders can be made");
        fs::write(path, text).expect("files can be written");
    }

    /// A file's text.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A file's bytes.
    pub fn bytes(&self, path: &str) -> Vec<u8> {
        fs::read(self.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Replaces the one place in a file that reads `from`.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {path}:\n{text}");
        self.write(path, &text.replace(from, to));
    }

    /// Every path in it, sorted, relative to it; folders end with a slash.
    pub fn listing(&self) -> Vec<String> {
        let mut all = Vec::new();
        list(&self.path, &self.path, &mut all);
        all.sort();
        all
    }
}

fn list(root: &Path, folder: &Path, all: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("it can be listed") {
        let entry = entry.expect("it can be listed");
        let path = entry.path();
        let relative = path.strip_prefix(root).expect("it is below").display().to_string();
        if entry.file_type().expect("it is there").is_dir() {
            all.push(format!("{relative}/"));
            list(root, &path, all);
        } else {
            all.push(relative);
        }
    }
}

/// Copies sources.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("folders can be made");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("it can be listed");
        let (name, kind) = (entry.file_name(), entry.file_type().expect("it is there"));
        // Whoever tried an example has the images of its hooks there.
        if MADE.iter().any(|made| name == *made) || entry.path().extension().is_some_and(|e| e == "img") {
            continue;
        }
        if kind.is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            fs::copy(entry.path(), to.join(name)).expect("files can be copied");
        }
    }
}
