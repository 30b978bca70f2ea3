//! What programs of the host need to run: interpreter and shared libraries, as the host's dynamic linker finds them.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rayon::prelude::*;
use uk_action::{Digest, Entry, EntryKind, HostPath, InvalidTree, Tree};
use uk_store::{Cancel, hash_file};

use crate::toolchain::answer;

/// The libraries that `programs` need, and what loads them, at the paths where they are looked for. A program that needs none,
/// or whose interpreter isn't there or refuses, adds nothing: should it need something, it says so when it runs.
///
/// # Errors
/// As [`answer`]: what isn't known then may be known the next time.
pub(crate) fn libraries(cancel: &Cancel, programs: &[PathBuf]) -> crate::Result<BTreeSet<PathBuf>> {
    let each = programs.par_iter().map(|program| of_one(cancel, program));
    Ok(each.collect::<crate::Result<Vec<_>>>()?.into_iter().flatten().collect())
}

fn of_one(cancel: &Cancel, program: &Path) -> crate::Result<Vec<PathBuf>> {
    let Some(interpreter) = interpreter(program).filter(|interpreter| interpreter.is_file()) else {
        return Ok(Vec::new());
    };
    let mut command = Command::new(&interpreter);
    command.arg("--list").arg(program).env_clear();
    let Ok(listed) = answer(cancel, &interpreter, &mut command)? else { return Ok(Vec::new()) };
    // `NAME => PATH (ADDRESS)`, or `PATH (ADDRESS)` for the linker itself.
    let path = |line: &str| {
        let (line, _) = line.rsplit_once(" (")?;
        let path = line.rsplit_once("=> ").map_or(line, |(_, path)| path).trim();
        Some(PathBuf::from(path)).filter(|path| path.is_absolute())
    };
    Ok(listed.lines().filter_map(path).chain([interpreter]).collect())
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

/// Files by device and inode: many have several names, and tools share some.
pub(crate) type Digests = HashMap<(u64, u64), Digest>;

/// Every file below the things of `shown`, each at the path where it is looked for. Links within a folder are kept as such.
/// What is `known` isn't read again, and what is read becomes known.
pub(crate) fn contents(shown: &BTreeSet<HostPath>, known: &mut Digests) -> Result<Tree, Unusable> {
    let mut found = Vec::new();
    for HostPath { at, from } in shown {
        collect(at, from, &mut found, 0)?;
    }
    found.sort_by(|a, b| a.at.cmp(&b.at));
    found.dedup_by(|a, b| a.at == b.at);
    let new: HashMap<(u64, u64), &Path> = found
        .iter()
        .filter_map(|found| Some((found.file?, &*found.from)))
        .filter(|(file, _)| !known.contains_key(file))
        .collect();
    let unreadable = |path: &Path, error| Unusable::Unreadable(path.to_owned(), error);
    let read = new.into_par_iter().map(|(file, path)| {
        let digest = hash_file(path).map_err(|error| unreadable(path, error))?;
        Ok((file, digest))
    });
    known.extend(read.collect::<Result<Vec<_>, Unusable>>()?);
    let entries = found.iter().map(|Found { at, from, file }| {
        let path = at.display().to_string().trim_start_matches('/').to_owned();
        let kind = match file {
            Some(file) => EntryKind::File { digest: known[file], executable: false },
            None => {
                let target = std::fs::read_link(from).map_err(|error| unreadable(from, error))?;
                EntryKind::Link { target: target.display().to_string() }
            }
        };
        Ok(Entry { path, kind })
    });
    Tree::new(entries.collect::<Result<_, Unusable>>()?).map_err(Unusable::Tree)
}

/// A file or a link of the host.
struct Found {
    at: PathBuf,
    from: PathBuf,
    /// Which file; nothing for a link.
    file: Option<(u64, u64)>,
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

fn collect(at: &Path, from: &Path, all: &mut Vec<Found>, depth: usize) -> Result<(), Unusable> {
    let unreadable = |error| Unusable::Unreadable(from.to_owned(), error);
    // The thing itself is followed to, what lies in it is taken as it is.
    let found = if depth == 0 { std::fs::metadata(from) } else { std::fs::symlink_metadata(from) };
    let found = found.map_err(unreadable)?;
    if found.is_symlink() || found.is_file() {
        let file = Some((found.dev(), found.ino())).filter(|_| found.is_file());
        all.push(Found { at: at.to_owned(), from: from.to_owned(), file });
    } else if found.is_dir() && depth < DEEPEST {
        for entry in std::fs::read_dir(from).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            collect(&at.join(&name), &from.join(&name), all, depth + 1)?;
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A program that does what `text` says.
    pub(crate) fn script(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("script");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("it can be written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("it can be written");
        path
    }

    /// A program with this interpreter, and nothing else.
    fn program(folder: &Path, interpreter: &Path) -> PathBuf {
        let name = interpreter.as_os_str().as_encoded_bytes();
        let mut elf = vec![0; 64 + 56];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        // Where the table of segments is, how long one is and how many there are; then one of the kind `INTERPRETER`.
        (elf[32], elf[54], elf[56]) = (64, 56, 1);
        (elf[64], elf[64 + 8], elf[64 + 32]) = (3, 64 + 56, u8::try_from(name.len()).expect("it is short"));
        elf.extend(name);
        let path = folder.join("program");
        std::fs::write(&path, elf).expect("it can be written");
        path
    }

    #[test]
    fn only_an_interpreter_that_answers_says_what_a_program_needs() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let asked = |text: &str| {
            let interpreter = script(folder.path(), text);
            let listed = libraries(&Cancel::default(), &[program(folder.path(), &interpreter)]);
            listed.map(|all| all.into_iter().filter(|path| *path != interpreter).collect::<Vec<_>>())
        };
        let list = "echo 'libc.so => /lib/libc.so (0x1)'";
        assert_eq!(asked(list).ok(), Some(vec![PathBuf::from("/lib/libc.so")]));
        assert_eq!(asked(&format!("{list}; exit 1")).ok(), Some(Vec::new()), "it refuses");
        assert!(asked(&format!("{list}; kill -KILL $$")).is_err(), "it may say more the next time");
    }
}
