//! Making files in two steps: all of them beside their places, then each by one rename, or none.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use uk_diagnostic::{Code, Diagnostic};
use uk_loader::Project;
use uk_store::{Cancel, StatCache, Store};

use super::record::Found;
use super::{Made, Plan, State, Thing, What};
use crate::made::{self, Record};

/// A file or folder on its way.
struct Staged<'p> {
    thing: &'p Thing,
    /// Its path relative to the manifest.
    path: PathBuf,
    /// Where it is until it is placed; a folder is only made then.
    file: Option<PathBuf>,
    /// What the record will say of it.
    made: Made,
    /// Whether it may take the place of a file.
    replace: bool,
}

/// Makes what `plan` wants and isn't there, and returns the paths.
/// `gone` are files of earlier makes, which are taken away unless they were edited.
pub(super) fn make(
    plan: &Plan,
    gone: &[PathBuf],
    store: &Store,
    fresh: bool,
    stamps: &mut StatCache,
) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
    let project = &plan.project;
    let staging = Staging::new(project, store.cancel());
    store.cancel().check()?;
    let staging = staging
        .map_err(|error| made::not_writable(&project.state().display().to_string(), &error.to_string()))?;
    // Under the lock that `staging` holds: what another process has made meanwhile is there.
    let record = Record::load(project);
    let mut staged = Vec::new();
    for thing in &plan.things {
        let state = thing.state(project, &record, fresh, stamps)?;
        if !matches!(state, State::ToMake | State::ToUpdate) {
            continue;
        }
        let path = PathBuf::from(&thing.path);
        let file = match &thing.what {
            What::Folder => None,
            _ => Some(staging.stage(project, thing, staged.len(), store)?),
        };
        // What was copied may have taken long.
        store.cancel().check()?;
        let replace = fresh || state == State::ToUpdate;
        staged.push(Staged { thing, path, file, made: thing.made(), replace });
    }
    // A new file is in the record before it is in its place: were it the other way round, and this process killed in
    // between, nobody would know whose it is. What replaces another comes after.
    let save = |record: &Record| {
        record.save(project).map_err(|error| {
            made::not_writable(&project.state().join("made.json").display().to_string(), &error.to_string())
        })
    };
    let mut next = record.clone();
    let entries = |staged: &[Staged<'_>], replaced: bool| -> BTreeMap<PathBuf, Made> {
        let some = staged.iter().filter(|s| s.replace == replaced);
        some.map(|s| (s.path.clone(), s.made.clone())).collect()
    };
    next.hooks.extend(missing_folders(project, &staged));
    next.hooks.extend(entries(&staged, false));
    save(&next)?;
    let mut placing = Placing { project, done: Vec::new(), replaced: Vec::new() };
    let undo = |placing: &Placing<'_>| {
        placing.undo();
        // The first fault is the one to tell. A record of what isn't there harms nobody.
        let _ = record.save(project);
    };
    for one in &staged {
        if let Err(error) = placing.place(one) {
            undo(&placing);
            let no_folder = |path: &&Path| {
                let path = project.folder.join(path);
                fs::symlink_metadata(&path).is_ok() && !path.is_dir()
            };
            return Err(match one.path.ancestors().skip(1).find(no_folder) {
                Some(path) => one.thing.in_the_way(project, path, fresh),
                None => one.thing.not_placed(project, &error),
            });
        }
    }
    let replaced = entries(&staged, true);
    for path in gone {
        let file = project.folder.join(path);
        if let Some(made) = next.hooks.remove(path)
            && project.check_inside(path).is_ok()
            && made.look(&file, stamps).is_ok_and(|found| found == Found::Same)
        {
            placing.take_away(file, staging.folder.join(format!("{}.gone", placing.replaced.len())));
        }
    }
    if !replaced.is_empty() || !gone.is_empty() {
        next.hooks.extend(replaced);
        save(&next).inspect_err(|_| undo(&placing))?;
    }
    Ok(staged.into_iter().map(|s| s.path).collect())
}

/// Files and folders that were put in their places.
struct Placing<'p> {
    project: &'p Project,
    done: Vec<PathBuf>,
    /// What was replaced or taken away: where the old file is kept, and its place.
    replaced: Vec<(PathBuf, PathBuf)>,
}

/// The folders around what will be placed that aren't there yet.
fn missing_folders(project: &Project, staged: &[Staged<'_>]) -> BTreeMap<PathBuf, Made> {
    let around = staged.iter().flat_map(|s| s.path.ancestors().skip(1)).filter(|p| *p != Path::new(""));
    let missing = around.filter(|folder| !project.folder.join(folder).exists());
    missing.map(|folder| (folder.to_owned(), Made::Folder)).collect()
}

impl Placing<'_> {
    fn place(&mut self, one: &Staged<'_>) -> io::Result<()> {
        let to = self.project.folder.join(&one.path);
        if let Some(folder) = one.path.parent() {
            self.folder(folder)?;
        }
        let Some(file) = &one.file else { return self.folder(&one.path) };
        if one.replace && fs::symlink_metadata(&to).is_ok() {
            // The old file stays in its place until the new one takes it, and can be brought back.
            let old = file.with_extension("old");
            // Not every file system has links.
            fs::hard_link(&to, &old).or_else(|_| fs::copy(&to, &old).map(drop))?;
            fs::rename(file, &to)?;
            self.replaced.push((old, to));
            return Ok(());
        }
        // Whatever came in between is somebody's, and stays.
        match fs::hard_link(file, &to) {
            Ok(()) => self.done.push(to),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // Not every file system has links.
            Err(_) if fs::symlink_metadata(&to).is_err() => {
                fs::rename(file, &to)?;
                self.done.push(to);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Makes a folder and those around it.
    fn folder(&mut self, path: &Path) -> io::Result<()> {
        let mut missing: Vec<PathBuf> = Vec::new();
        for folder in path.ancestors().map(|p| self.project.folder.join(p)) {
            if folder.is_dir() {
                break;
            }
            missing.push(folder);
        }
        for folder in missing.into_iter().rev() {
            match fs::create_dir(&folder) {
                Ok(()) => self.done.push(folder),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes a file away, to `old`. One that can't be is left, and is the user's from now on.
    fn take_away(&mut self, file: PathBuf, old: PathBuf) {
        if fs::rename(&file, &old).is_ok() {
            self.replaced.push((old, file));
        }
    }

    /// Takes away what was placed, and brings back what was replaced.
    fn undo(&self) {
        for (old, place) in self.replaced.iter().rev() {
            // Nothing better can be done where even this fails.
            let _ = fs::rename(old, place);
        }
        for path in self.done.iter().rev() {
            // A folder that somebody has put something into stays.
            let _ = if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
        }
    }
}

/// Where files are until they are placed. Dropping it removes what is left, and lets others carry out hooks.
struct Staging {
    folder: PathBuf,
    _lock: File,
}

impl Staging {
    fn new(project: &Project, cancel: &Cancel) -> io::Result<Self> {
        let lock = made::lock(project, cancel)?;
        let folder = project.state().join("staging");
        // Of a process that was killed: the lock says that none runs.
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&folder)?,
        }
        Ok(Self { folder, _lock: lock })
    }

    /// Makes the file of `thing`, which gets `number` for its name here.
    fn stage(
        &self,
        project: &Project,
        thing: &Thing,
        number: usize,
        store: &Store,
    ) -> Result<PathBuf, Box<Diagnostic>> {
        let file = self.folder.join(number.to_string());
        let failed = |error: io::Error| thing.failed_by(project, &error);
        self.same_file_system(project, thing).map_err(failed)?;
        match &thing.what {
            What::Folder | What::Output { .. } => {}
            What::Stored { digest, executable } => store
                .materialise_file(*digest, &file, *executable)
                .map_err(|error| thing.failed(&error.to_string()))?,
            What::Image(size) => File::create(&file).and_then(|f| f.set_len(*size)).map_err(failed)?,
            What::Copy { from, digest, executable } => {
                let unreadable = |error| thing.failed(&format!("`{from}` can't be read: {error}"));
                let source = File::open(project.folder.join(from)).map_err(unreadable)?;
                // Bytes alone: a read-only template is to give a file that can be edited.
                let copy = || -> io::Result<bool> {
                    match uk_store::copy_file(&source, &File::create(&file)?) {
                        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
                        copied => copied?,
                    };
                    let mode = if *executable { 0o777 } else { 0o666 };
                    let umask = fs::metadata(&file)?.permissions().mode() | 0o111;
                    fs::set_permissions(&file, fs::Permissions::from_mode(mode & umask))?;
                    Ok(uk_store::hash_file(&file)? == *digest)
                };
                if !copy().map_err(failed)? {
                    return Err(Box::new(
                        Diagnostic::error(
                            Code::SourceChanged,
                            format!("`{from}` was changed while it was being copied"),
                        )
                        .label(thing.span(), "by this step")
                        .help("run the command again"),
                    ));
                }
            }
        }
        Ok(file)
    }

    /// A rename doesn't go from one file system to another.
    fn same_file_system(&self, project: &Project, thing: &Thing) -> io::Result<()> {
        let place = project.folder.join(&thing.path);
        let around = place.ancestors().skip(1).find_map(|folder| fs::metadata(folder).ok());
        let here = fs::metadata(&self.folder)?.dev();
        match around {
            Some(around) if around.dev() != here => Err(io::Error::new(
                io::ErrorKind::CrossesDevices,
                "it lies on another file system than the manifest",
            )),
            _ => Ok(()),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // The next that carries out hooks removes what can't be removed now.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
