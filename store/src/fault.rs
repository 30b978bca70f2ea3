//! Ends the process, or lets the disk fail, at a chosen step of writing: for tests, in builds with debug assertions only.
//!
//! `UK_STORE_FAULT=DEED:N` chooses: `kill` ends the process as SIGKILL does in front of its Nth step; `power` does so too,
//! and undoes what a disk without power may have lost: files that weren't synced are cut short or keep their old name's
//! absence; `full` lets this step and all behind it find no space; `io` lets this one step fail. A step is a file's
//! creation, its writing, a sync, a rename or a link.

use std::io;
use std::path::Path;

#[cfg(not(debug_assertions))]
mod imp {
    use super::*;

    #[inline(always)]
    pub(crate) fn step() -> io::Result<()> {
        Ok(())
    }
    #[inline(always)]
    pub(crate) fn written(_: &Path) {}
    #[inline(always)]
    pub(crate) fn synced(_: Option<&Path>) {}
    #[inline(always)]
    pub(crate) fn renamed(_: &Path, _: &Path) {}
}

#[cfg(debug_assertions)]
mod imp {
    use std::collections::BTreeMap;
    use std::fs::{self, OpenOptions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;
    use std::sync::{Mutex, OnceLock, PoisonError};

    use super::*;

    #[derive(Clone, Copy, PartialEq)]
    enum Deed {
        Kill,
        Power,
        Full,
        Io,
    }

    struct Fault {
        deed: Deed,
        at: u64,
        state: Mutex<State>,
    }

    /// What is on its way to the disk.
    #[derive(Default)]
    struct State {
        steps: u64,
        unsynced: BTreeMap<PathBuf, Unsynced>,
    }

    /// What may be lost of a file.
    #[derive(Default)]
    struct Unsynced {
        content: bool,
        name: bool,
    }

    fn fault() -> Option<&'static Fault> {
        static FAULT: OnceLock<Option<Fault>> = OnceLock::new();
        let read = || {
            let text = std::env::var("UK_STORE_FAULT").ok()?;
            let (deed, at) = text.split_once(':')?;
            let deed = match deed {
                "kill" => Deed::Kill,
                "power" => Deed::Power,
                "full" => Deed::Full,
                "io" => Deed::Io,
                _ => return None,
            };
            Some(Fault { deed, at: at.parse().ok()?, state: Mutex::default() })
        };
        FAULT.get_or_init(read).as_ref()
    }

    impl Fault {
        fn state(&self) -> std::sync::MutexGuard<'_, State> {
            self.state.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// Counts a step.
    pub(crate) fn step() -> io::Result<()> {
        let Some(fault) = fault() else { return Ok(()) };
        // Held while the process ends, so that no other thread takes a step more.
        let mut state = fault.state();
        state.steps += 1;
        let (steps, at) = (state.steps, fault.at);
        match fault.deed {
            Deed::Full if steps >= at => Err(io::ErrorKind::StorageFull.into()),
            Deed::Io if steps == at => Err(io::Error::from_raw_os_error(5)),
            Deed::Kill if steps == at => end(),
            Deed::Power if steps == at => {
                lose(&state, at);
                end()
            }
            _ => Ok(()),
        }
    }

    fn end() -> ! {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // Killed before it gets here.
        std::process::abort()
    }

    fn lose(state: &State, seed: u64) {
        for (place, (path, unsynced)) in state.unsynced.iter().enumerate() {
            if unsynced.name && (seed + place as u64).is_multiple_of(2) {
                let _ = fs::remove_file(path);
                continue;
            }
            if !unsynced.content {
                continue;
            }
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
            if let Ok(file) = OpenOptions::new().write(true).open(path) {
                let length = file.metadata().map_or(0, |found| found.len());
                let _ = file.set_len(length / 2);
            }
        }
    }

    pub(crate) fn written(path: &Path) {
        if let Some(fault) = fault() {
            fault.state().unsynced.insert(path.to_owned(), Unsynced { content: true, name: false });
        }
    }

    /// One file, or all.
    pub(crate) fn synced(path: Option<&Path>) {
        let Some(fault) = fault() else { return };
        let mut state = fault.state();
        match path {
            Some(path) => _ = state.unsynced.remove(path),
            None => state.unsynced.clear(),
        }
    }

    pub(crate) fn renamed(from: &Path, to: &Path) {
        let Some(fault) = fault() else { return };
        let mut state = fault.state();
        let moved = state.unsynced.remove(from).unwrap_or_default();
        state.unsynced.insert(to.to_owned(), Unsynced { name: true, ..moved });
    }
}

pub(crate) use imp::{renamed, step, synced, written};
