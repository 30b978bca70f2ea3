//! Archives unpacked behind the walls, in a file system in memory: what every step does again, and nobody keeps, costs the
//! host's file system nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::fault::{Doing, Fault, FaultKind};
use crate::{NotUnpacked, Unpack, sys};

/// What an archive may hold, and a step write beside that.
const OPTIONS: &CStr = c"mode=0755,size=256m";

/// Unpacks `archive` into a new file system over the folder `at`.
pub(crate) fn put(archive: &Path, sum: &str, at: &Path, writable: bool, unpack: Unpack) -> Result<(), Fault> {
    let deed = || format!("unpack {}", archive.display());
    let plain = libc::MS_NOSUID | libc::MS_NODEV;
    sys::mount(c"uk", at, c"tmpfs", plain, Some(OPTIONS)).doing(deed())?;
    let fault = |kind, error| Fault { kind, what: archive.display().to_string(), error };
    unpack(archive, sum, at).map_err(|error| match error {
        NotUnpacked::Unlike(cause) => fault(FaultKind::Unlike, io::Error::other(cause)),
        NotUnpacked::Unreadable(error) => fault(FaultKind::Unreadable, error),
        NotUnpacked::Unwritable(error) => Fault { kind: FaultKind::Walls, what: deed(), error },
    })?;
    if writable {
        return Ok(());
    }
    sys::c(at).and_then(|at| sys::restrict(&at, sys::READ_ONLY)).doing(format!("protect {}", at.display()))
}

/// What a folder held: everything but empty folders.
pub(crate) struct Snapshot {
    folder: PathBuf,
    things: BTreeMap<PathBuf, Thing>,
}

#[derive(PartialEq, Eq)]
enum Thing {
    File {
        executable: bool,
        bytes: Vec<u8>,
    },
    Link(PathBuf),
    /// A socket or the like, which no archive holds.
    Other,
}

impl Snapshot {
    /// Reads the folder.
    pub(crate) fn of(folder: PathBuf) -> io::Result<Self> {
        let mut things = BTreeMap::new();
        visit(&folder, &mut |path, thing| drop(things.insert(path, thing)))?;
        Ok(Self { folder, things })
    }

    /// A path at which the folder has something else now.
    pub(crate) fn difference(&self) -> Option<PathBuf> {
        let (mut other, mut seen) = (None, BTreeSet::new());
        let visited = visit(&self.folder, &mut |path, thing| {
            if self.things.get(&path) != Some(&thing) {
                other.get_or_insert_with(|| path.clone());
            }
            seen.insert(path);
        });
        // What can't be read any more isn't as it was, either.
        let unreadable = || visited.is_err().then(|| self.folder.clone());
        let gone = || self.things.keys().find(|path| !seen.contains(*path)).cloned();
        other.or_else(unreadable).or_else(gone)
    }
}

fn visit(folder: &Path, each: &mut impl FnMut(PathBuf, Thing)) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let found = fs::symlink_metadata(&path)?;
        let thing = match found.file_type() {
            kind if kind.is_dir() => {
                visit(&path, each)?;
                continue;
            }
            kind if kind.is_symlink() => Thing::Link(fs::read_link(&path)?),
            kind if kind.is_file() => {
                let executable = found.permissions().mode() & 0o111 != 0;
                Thing::File { executable, bytes: fs::read(&path)? }
            }
            _ => Thing::Other,
        };
        each(path, thing);
    }
    Ok(())
}
