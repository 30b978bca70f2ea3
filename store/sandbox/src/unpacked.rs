//! Archives unpacked behind the walls, in a file system in memory: what every step does again, and nobody keeps, costs the
//! host's file system nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::fault::{Doing, Fault, FaultKind};
use crate::{NotUnpacked, Unpack, sys};

/// Unpacks `archive` into a new file system over the folder `at`.
pub(crate) fn put(archive: &Path, sum: &str, at: &Path, writable: bool, unpack: Unpack) -> Result<(), Fault> {
    let deed = || format!("unpack {}", archive.display());
    let plain = libc::MS_NOSUID | libc::MS_NODEV;
    sys::mount(c"uk", at, c"tmpfs", plain, Some(c"mode=0755")).doing(deed())?;
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

/// Everything in a folder but empty folders.
pub(crate) struct Snapshot(BTreeMap<PathBuf, Thing>);

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
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let mut all = BTreeMap::new();
        read(folder, &mut all)?;
        Ok(Self(all))
    }

    /// A path at which the folder of `now` has something else.
    pub(crate) fn difference<'s>(&'s self, now: &'s Self) -> Option<&'s Path> {
        let other = now.0.iter().find(|(path, thing)| self.0.get(*path) != Some(thing));
        other.or_else(|| self.0.iter().find(|(path, _)| !now.0.contains_key(*path))).map(|(path, _)| &**path)
    }
}

fn read(folder: &Path, all: &mut BTreeMap<PathBuf, Thing>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let found = fs::symlink_metadata(&path)?;
        let thing = match found.file_type() {
            kind if kind.is_dir() => {
                read(&path, all)?;
                continue;
            }
            kind if kind.is_symlink() => Thing::Link(fs::read_link(&path)?),
            kind if kind.is_file() => {
                let executable = found.permissions().mode() & 0o111 != 0;
                Thing::File { executable, bytes: fs::read(&path)? }
            }
            _ => Thing::Other,
        };
        all.insert(path, thing);
    }
    Ok(())
}
