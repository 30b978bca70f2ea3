//! What a guest is given: which files of the host, and whether they can be given.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use uk_diagnostic::{Code, Diagnostic, Span};
use uk_loader::typed;
use uk_planner::device::Attached;
use uk_planner::names;
use uk_planner::paths::normal;

use crate::hooks::Plan;
use crate::in_use::{IN_USE, end_it, is_locked};
use crate::session::Planned;

/// A file of the host that the guest is given as a disk, or a folder of the host.
#[derive(Debug)]
pub struct Disk {
    /// What `--attach` calls it.
    pub name: String,
    /// Its serial number.
    pub id: String,
    /// The file, as an absolute path.
    pub path: PathBuf,
    /// Whether the guest can't write to it.
    pub read_only: bool,
    /// Bytes in a sector.
    pub sector_size: u32,
    /// Whether it is a folder, which only a program of the host can be given.
    pub folder: bool,
    /// The manifest's line that asks for it; `None` where the command line names the file.
    line: Option<Span>,
    /// The hook that makes it, and how big if it is an image.
    hook: Option<(String, Option<u64>)>,
}

/// The disks of a unikernel, whose hooks are among `hooks`, with what `--attach NAME=PATH` puts in their place. `folder` is where
/// `uk` was started.
///
/// # Errors
/// `UK0709` for a name that isn't a disk's, `UK0206` for one that is given two files.
pub fn disks(
    planned: &Planned,
    hooks: &[Plan],
    given: &[(String, String)],
    folder: &Path,
) -> Result<Vec<Disk>, Diagnostic> {
    let own = || hooks.iter().filter(|plan| plan.project == planned.project).flat_map(|plan| &plan.things);
    let mut disks = Vec::new();
    for device in planned.devices.devices() {
        for attachment in &device.attachments {
            let (path, read_only, sector_size, folder) = match &attachment.what {
                Attached::File { path, read_only, sector_size } => (path, *read_only, *sector_size, false),
                Attached::Folder { path } => (path, true, 0, true),
                Attached::Tap { .. } => continue,
            };
            disks.push(Disk {
                name: attachment.name.clone(),
                id: attachment.id.clone(),
                path: absolute(&planned.project.folder.join(path)),
                read_only,
                sector_size,
                folder,
                line: Some(device.span),
                hook: own().find(|t| t.path == normal(path)).map(|t| (t.make.hook.clone(), t.size())),
            });
        }
    }
    for (number, (name, path)) in given.iter().enumerate() {
        if given[..number].iter().any(|(first, _)| names::same(first, name)) {
            let message = format!("`--attach {}` is given twice", name.escape_debug());
            return Err(Diagnostic::error(Code::DuplicateNode, message).help("leave one of the two out"));
        }
        match disks.iter_mut().find(|disk| names::same(&disk.name, name)) {
            Some(disk) => {
                (disk.path, disk.line, disk.hook) = (absolute(&folder.join(path)), None, None);
            }
            None => return Err(unknown(name, &disks)),
        }
    }
    Ok(disks)
}

fn unknown(name: &str, disks: &[Disk]) -> Diagnostic {
    let known = || disks.iter().map(|disk| disk.name.as_str());
    let message = format!("this unikernel has no attachment `{}`", name.escape_debug());
    Diagnostic::error(Code::UnknownAttachment, message).help(match names::nearest(name, known()) {
        Some(near) => format!("did you mean `--attach {near}=...`?"),
        None if disks.is_empty() => "it has none: leave `--attach` out".to_owned(),
        None => format!("it has {}", names::list(known())),
    })
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl Disk {
    /// The variable by which an executable of the target `unix` learns which file to open, and its value.
    pub fn variable(&self) -> (String, OsString) {
        let name = names::canonical(&self.name).to_uppercase();
        (format!("{}{name}", uk_backends::ATTACH), self.path.clone().into_os_string())
    }

    /// Whether it is a disk of the host, not a file.
    pub fn is_device(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|found| found.file_type().is_block_device())
    }

    /// Whether its path can stand in a command that is text, as QEMU's and those that are printed.
    ///
    /// # Errors
    /// `UK0708` if it can't.
    pub fn check_path(&self) -> Result<(), Diagnostic> {
        let help = "move it, or run the command in a folder whose path is";
        self.path.to_str().map(drop).ok_or_else(|| self.unfit("its path isn't UTF-8", help))
    }

    /// Whether the guest can be given it.
    ///
    /// # Errors
    /// `UK0707` if it isn't there, `UK0708` if it can't be a disk.
    pub fn check(&self) -> Result<(), Diagnostic> {
        let found = match fs::metadata(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(self.missing()),
            Err(error) => return Err(self.unfit(&error.to_string(), "look at its rights")),
            Ok(found) => found,
        };
        if self.folder {
            if !found.is_dir() {
                return Err(self.unfit("it isn't a folder", "give it a folder"));
            }
            // The manifest's folder is to be as good for all that may serve it; another one is as whoever gives it wants it.
            let fault = self.line.and_then(|_| uk_loader::check_folder(&self.path).err());
            return fault.map_or(Ok(()), |fault| Err(self.unfit(&fault.cause, fault.help)));
        }
        if !found.is_file() && !found.file_type().is_block_device() {
            let help = "give it a file, or a disk such as `/dev/sdb1`";
            return Err(self.unfit("it is neither a file nor a disk", help));
        }
        let opened = OpenOptions::new().read(true).write(!self.read_only).open(&self.path);
        let opened = opened.and_then(|file| Ok((size(&file)?, is_locked(&file, !self.read_only))));
        let (size, locked) = opened.map_err(|error| {
            let help = match error.kind() {
                ErrorKind::PermissionDenied if !self.read_only => {
                    "let it be written, or give the device `read-only=#true` if it has that param"
                }
                _ => "look at its rights",
            };
            self.unfit(&error.to_string(), help)
        })?;
        let sector = u64::from(self.sector_size);
        if size == 0 || size % sector != 0 {
            let cause = match size {
                0 => "it is empty".to_owned(),
                _ => format!("its {size} bytes aren't a whole number of sectors of {sector} bytes"),
            };
            // What the hook's step says, too.
            let wanted = self.hook.as_ref().and_then(|(_, image)| *image).unwrap_or_default().max(size);
            let whole = wanted.div_ceil(sector).max(1) * sector;
            let help = match &self.hook {
                None if size == 0 && self.read_only => {
                    format!("put there what is to be read, or give another: `--attach {}=PATH`", self.name)
                }
                _ => format!("make it as big as it should be: `truncate -s {whole} {}`", typed(&self.path)),
            };
            return Err(self.unfit(&cause, &help));
        }
        if locked {
            let why = match self.read_only {
                true => "what the guest reads would change meanwhile",
                false => "two that write would spoil it",
            };
            let cause = format!("{IN_USE}, and {why}");
            let end = end_it(&self.path);
            let help = format!("{end}, or give the guest a copy: `--attach {}=PATH`", self.name);
            return Err(self.unfit(&cause, &help));
        }
        Ok(())
    }

    fn missing(&self) -> Diagnostic {
        let nowhere = fs::symlink_metadata(&self.path).is_ok();
        let cause = if nowhere { ": it is a link that leads nowhere" } else { "" };
        let (path, name) = (self.path.display(), &self.name);
        let message = format!("there is no `{path}`, which the guest is given as `{name}`{cause}");
        let next = match &self.hook {
            _ if nowhere => "make what it leads to".to_owned(),
            Some((hook, _)) => format!("run the command again: the hook `{hook}` makes it"),
            None if self.folder => "make it".to_owned(),
            // Zeros are nothing to read.
            None if self.read_only => "put it there".to_owned(),
            None => format!("make one: `truncate -s 16M {}`", typed(&self.path)),
        };
        let help = format!("{next}, or give another: `--attach {name}=PATH`");
        self.labelled(Diagnostic::error(Code::MissingAttachment, message).help(help))
    }

    fn unfit(&self, cause: &str, help: &str) -> Diagnostic {
        let message =
            format!("`{}` can't be given to the guest as `{}`: {cause}", self.path.display(), self.name);
        self.labelled(Diagnostic::error(Code::UnfitAttachment, message).help(help))
    }

    fn labelled(&self, fault: Diagnostic) -> Diagnostic {
        match self.line {
            Some(line) => fault.label(line, "wanted here"),
            None => fault,
        }
    }
}

/// The bytes of a file or of a disk.
fn size(mut file: &fs::File) -> std::io::Result<u64> {
    file.seek(SeekFrom::End(0))
}
