//! Temporary files, and the locks that tell whose they are.
//!
//! Every process that writes has a folder `tmp/NAME` and holds the lock of `tmp/NAME.lock` until it ends, however it ends.
//! A folder whose lock can be had belongs to nobody, so the next writer removes it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::During;
use crate::{StoreError, fault};

/// This process's temporary folder.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
    next: AtomicU64,
    /// Held until the folder is gone.
    _lock: Lock,
}

impl Scratch {
    /// Makes a folder in `tmp`, and removes those of processes that ended without doing so.
    pub(crate) fn new(tmp: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(tmp).during("make", tmp)?;
        let (folder, lock) = loop {
            // Always the same length, so that no output differs by the length of a path in it.
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let folder = tmp.join(format!("{:08x}-{:08x}", std::process::id(), since.subsec_nanos()));
            let lock = Lock::try_new(&folder.with_extension("lock"))?;
            if let Some(lock) = lock {
                match fs::create_dir(&folder) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    result => break (result.map(|()| folder.clone()).during("make", &folder)?, lock),
                }
            }
        };
        sweep(tmp);
        Ok(Self { folder, next: AtomicU64::new(0), _lock: lock })
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A folder that stays empty.
    pub(crate) fn empty_folder(&self) -> Result<PathBuf, StoreError> {
        let path = self.folder.join("empty");
        match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(path),
            result => result.during("make", &path).map(|()| path.clone()),
        }
    }

    /// A path in the folder that nothing else uses.
    pub(crate) fn name(&self) -> Temporary {
        Temporary(self.folder.join(format!("{:08x}", self.next.fetch_add(1, Ordering::Relaxed))))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left now is removed by the next writer.
        let _ = remove(&self.folder);
    }
}

/// A path for a file or folder that is on its way to its place. What is still there in the end is removed.
#[derive(Debug)]
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    /// Moves it to its place, making the place's folder when needed.
    pub(crate) fn place(mut self, place: &Path) -> Result<(), StoreError> {
        fault::step().during("write", place)?;
        match fs::rename(&self.0, place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(folder) = place.parent() {
                    fs::create_dir_all(folder).during("make", folder)?;
                }
                fault::step().during("write", place)?;
                fs::rename(&self.0, place).during("write", place)?;
            }
            result => result.during("write", place)?,
        }
        fault::renamed(&self.0, place);
        self.0 = PathBuf::new();
        Ok(())
    }
}

impl std::ops::Deref for Temporary {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for Temporary {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.0 != Path::new("") {
            // What can't be removed now goes with the temporary folder.
            let _ = remove(&self.0);
        }
    }
}

/// An advisory lock on a file that exists only while somebody holds or wants it.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// The lock, unless somebody else has it.
    pub(crate) fn try_new(path: &Path) -> Result<Option<Self>, StoreError> {
        loop {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
            let file = file.during("write", path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", path, error)),
            }
            // Its last holder may have removed the file after it was opened here; then it locks nothing.
            let here = file.metadata().during("read", path)?;
            if fs::metadata(path).is_ok_and(|there| there.ino() == here.ino() && there.dev() == here.dev()) {
                return Ok(Some(Self { file, path: path.to_owned() }));
            }
        }
    }

    /// Waits for the lock, after `waits` was called if somebody else has it; `None` when `stop` says so first.
    pub(crate) fn wait(
        path: &Path,
        waits: impl FnOnce(),
        stop: impl Fn() -> bool,
    ) -> Result<Option<Self>, StoreError> {
        // Polled, since a blocked `flock` can't be called off from another thread.
        let mut waits = Some(waits);
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(lock) = Self::try_new(path)? {
                return Ok(Some(lock));
            }
            if stop() {
                return Ok(None);
            }
            if let Some(waits) = waits.take() {
                waits();
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed first: whoever opened it before sees that it is gone, and takes a new one.
        let _ = fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

/// Removes what processes that are gone have left. Failing is harmless: the next writer tries again.
fn sweep(tmp: &Path) {
    let Ok(entries) = fs::read_dir(tmp) else { return };
    for entry in entries.flatten() {
        // A folder's lock is made before it and removed after it, so the lock decides.
        let folder = entry.path().with_extension("");
        if let Ok(Some(_lock)) = Lock::try_new(&folder.with_extension("lock")) {
            let _ = remove(&folder);
        }
    }
}

/// Removes a file or a folder with everything in it, also what was made read-only.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
        }
        result => result,
    }
}

fn open_up(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}
