//! The `/proc` behind walls made of namespaces.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::sys;

/// Tells whether the kernel promises more memory than there is. jemalloc, which rustc allocates with, trusts the kernel to do so
/// only when it can read this; otherwise it maps and unmaps all that it takes and gives, a twentieth of a small compilation.
const OVERCOMMIT: &str = "sys/vm/overcommit_memory";

/// Mounts one at `proc` in the working directory that shows a step its own processes, and nothing of the machine but
/// [`OVERCOMMIT`].
pub(crate) fn mount() -> io::Result<()> {
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    let root = Path::new("proc");
    fs::create_dir(root)?;
    match sys::mount(c"proc", root, c"proc", flags, None) {
        Ok(()) => hide(root),
        // Where the host hides parts of its own, the kernel gives no whole one.
        Err(_) => sys::mount(c"proc", root, c"proc", flags, Some(c"subset=pid")),
    }
}

/// Covers everything but processes.
fn hide(root: &Path) -> io::Result<()> {
    let system = root.join("sys");
    let overcommit = fs::read(root.join(OVERCOMMIT));
    let (file, folder) = (Path::new("nothing"), Path::new("empty"));
    OpenOptions::new().write(true).create_new(true).mode(0o000).open(file)?;
    fs::DirBuilder::new().mode(0o555).create(folder)?;
    for entry in fs::read_dir(root)?.collect::<io::Result<Vec<_>>>()? {
        let kind = entry.file_type()?;
        let process = entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok());
        // Links lead to the process that follows them.
        if !process && !kind.is_symlink() && entry.path() != system {
            let cover = if kind.is_dir() { folder } else { file };
            sys::bind(cover, &entry.path(), sys::NO_SUID | sys::NO_DEVICES | sys::READ_ONLY)?;
        }
    }
    fs::remove_file(file)?;
    fs::remove_dir(folder)?;
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    sys::mount(c"uk", &system, c"tmpfs", flags, Some(c"mode=0755,size=4k"))?;
    if let Ok(overcommit) = overcommit {
        fs::create_dir(system.join("vm"))?;
        fs::write(root.join(OVERCOMMIT), overcommit)?;
    }
    sys::mount(c"uk", &system, c"tmpfs", flags | libc::MS_REMOUNT | libc::MS_RDONLY, None)
}
