//! What programs of the host need to run: interpreter and shared libraries, as the host's dynamic linker finds them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;

use rayon::prelude::*;
use uk_action::{Entry, EntryKind, HostPath, InvalidTree, Tree};

use crate::toolchain::hash;

/// The libraries that `programs` need, and what loads them, at the paths where they are looked for. A program that needs none,
/// or that can't be asked, adds nothing: should it need something, it says so when it runs.
pub(crate) fn libraries(programs: &[PathBuf]) -> BTreeSet<PathBuf> {
    programs.par_iter().flat_map_iter(|program| of_one(program).unwrap_or_default()).collect()
}

fn of_one(program: &Path) -> Option<Vec<PathBuf>> {
    let interpreter = interpreter(program)?;
    let listed = Command::new(&interpreter).arg("--list").arg(program).env_clear().output().ok()?;
    let listed = String::from_utf8(listed.stdout).ok()?;
    // `NAME => PATH (ADDRESS)`, or `PATH (ADDRESS)` for the linker itself.
    let path = |line: &str| {
        let (line, _) = line.rsplit_once(" (")?;
        let path = line.rsplit_once("=> ").map_or(line, |(_, path)| path).trim();
        Some(PathBuf::from(path)).filter(|path| path.is_absolute())
    };
    Some(listed.lines().filter_map(path).chain([interpreter]).collect())
}

/// What a 64-bit ELF file names as its interpreter, or a script in its first line.
fn interpreter(program: &Path) -> Option<PathBuf> {
    let mut file = File::open(program).ok()?;
    let mut head = [0; 64];
    file.read_exact(&mut head).ok()?;
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let number = |bytes: &[u8], at: usize, length: usize| {
        bytes[at..at + length].iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let (table, size, count) = (number(&head, 32, 8), number(&head, 54, 2), number(&head, 56, 2));
    let mut segments = vec![0; usize::try_from(size * count).ok()?];
    file.seek(SeekFrom::Start(table)).ok()?;
    file.read_exact(&mut segments).ok()?;
    const INTERPRETER: u64 = 3;
    let mut segments = segments.chunks_exact(usize::try_from(size).ok().filter(|size| *size >= 56)?);
    let segment = segments.find(|segment| number(segment, 0, 4) == INTERPRETER)?;
    let mut name = vec![0; usize::try_from(number(segment, 32, 8)).ok().filter(|length| *length < 4096)?];
    file.seek(SeekFrom::Start(number(segment, 8, 8))).ok()?;
    file.read_exact(&mut name).ok()?;
    let name = name.split(|byte| *byte == 0).next()?;
    Some(PathBuf::from(String::from_utf8(name.to_vec()).ok()?))
}

/// Every file below the things of `shown`, each at the path where it is looked for. Links within a folder are kept as such.
pub(crate) fn contents(shown: &BTreeSet<HostPath>) -> Result<Tree, Unusable> {
    let mut files = Vec::new();
    for HostPath { at, from } in shown {
        collect(at, from, &mut files, 0)?;
    }
    files.sort();
    files.dedup_by(|a, b| a.0 == b.0);
    let entry = |(at, from, link): &(PathBuf, PathBuf, bool)| {
        let path = at.display().to_string().trim_start_matches('/').to_owned();
        let unreadable = |error| Unusable::Unreadable(from.clone(), error);
        let kind = if *link {
            let target = std::fs::read_link(from).map_err(unreadable)?;
            EntryKind::Link { target: target.display().to_string() }
        } else {
            EntryKind::File { digest: hash(from).map_err(unreadable)?, executable: false }
        };
        Ok(Entry { path, kind })
    };
    let entries: Result<Vec<Entry>, Unusable> = files.par_iter().map(entry).collect();
    Tree::new(entries?).map_err(Unusable::Tree)
}

/// Why something of the host can't be named by its content.
pub(crate) enum Unusable {
    Unreadable(PathBuf, std::io::Error),
    Tree(InvalidTree),
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "`{}` can't be read: {error}", path.display()),
            Self::Tree(error) => error.fmt(f),
        }
    }
}

/// Deeper folders are taken for a loop.
const DEEPEST: usize = 64;

fn collect(
    at: &Path,
    from: &Path,
    files: &mut Vec<(PathBuf, PathBuf, bool)>,
    depth: usize,
) -> Result<(), Unusable> {
    let unreadable = |error| Unusable::Unreadable(from.to_owned(), error);
    // The thing itself is followed to, what lies in it is taken as it is.
    let found = if depth == 0 { std::fs::metadata(from) } else { std::fs::symlink_metadata(from) };
    let found = found.map_err(unreadable)?;
    if found.is_symlink() || found.is_file() {
        files.push((at.to_owned(), from.to_owned(), found.is_symlink()));
    } else if found.is_dir() && depth < DEEPEST {
        for entry in std::fs::read_dir(from).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            collect(&at.join(&name), &from.join(&name), files, depth + 1)?;
        }
    }
    Ok(())
}
