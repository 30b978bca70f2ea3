//! Carrying out hooks: files beside the manifest that belong to the user once they are made.
//!
//! A file is made when it is missing. What is there stays as it is, unless it is still what a hook made and that would be
//! something else now; `--fresh` alone makes anew what somebody has edited.

mod clean;
mod place;
mod record;

pub use clean::clean;
pub use record::Made;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use uk_action::Digest;
use uk_diagnostic::{Code, Diagnostic, Span};
use uk_loader::{Project, SourceSets};
use uk_planner::hooks::{Hooks, Make};
use uk_planner::manifest::Step;
use uk_store::Store;

use crate::made::Record;
use record::{Found, missing};

/// What the hooks of one project make, in order.
pub struct Plan {
    /// The project.
    pub project: Project,
    /// What is made.
    pub things: Vec<Thing>,
}

/// A file or folder that a hook makes.
pub struct Thing {
    /// The step that makes it.
    pub make: Make,
    /// Its path relative to the manifest.
    pub path: String,
    /// What it is made as.
    pub what: What,
}

/// What a thing is made as.
pub enum What {
    /// A folder.
    Folder,
    /// An image of zeros, with this length in bytes.
    Image(u64),
    /// A copy of a file of the project.
    Copy {
        /// The file, relative to the manifest.
        from: String,
        /// Its content.
        digest: Digest,
        /// Whether it may be executed.
        executable: bool,
    },
}

/// What will become of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is as it should be, or the user's own.
    There,
    /// It will be made.
    ToMake,
    /// It is what was made, and something else is wanted now.
    ToUpdate,
    /// As [`State::ToUpdate`], but somebody has edited it.
    Kept,
    /// It is an image, and shorter than the manifest says.
    Short(u64),
}

impl State {
    /// The word that people see.
    pub fn word(self) -> &'static str {
        match self {
            State::There => "there",
            State::ToMake => "to make",
            State::ToUpdate => "to update",
            State::Kept | State::Short(_) => "kept",
        }
    }
}

impl Plan {
    /// What `hooks` of `project` make; `stamps` knows the files that are copied.
    ///
    /// # Errors
    /// `UK0406` for a file that can't be read.
    pub fn new(project: &Project, hooks: &Hooks, stamps: &mut SourceSets) -> Result<Self, Box<Diagnostic>> {
        let mut things = Vec::new();
        for make in hooks.steps() {
            let mut add =
                |path: &str, what| things.push(Thing { make: make.clone(), path: path.to_owned(), what });
            match &make.step {
                Step::Mkdir { path } => add(&path.text, What::Folder),
                Step::Image { path, size } => add(&path.text, What::Image(size.bytes())),
                Step::Copy { from, to } => {
                    let (digest, executable) = stamps
                        .file(&project.folder.join(&from.text))
                        .map_err(|fault| Box::new(fault.label(from.span, "named here")))?;
                    add(&to.text, What::Copy { from: from.text.clone(), digest, executable });
                }
                Step::Run(_) => {}
            }
        }
        Ok(Self { project: project.clone(), things })
    }
}

impl Thing {
    /// What will become of it in `project`, whose record is `record`.
    ///
    /// # Errors
    /// `UK0608` where something else is in its place, or can't be read.
    pub fn state(&self, project: &Project, record: &Record, fresh: bool) -> Result<State, Box<Diagnostic>> {
        let path = project.folder.join(&self.path);
        let state = || -> io::Result<Option<State>> {
            // A link to a folder is one; a link in place of a file is somebody's own, and is looked at itself.
            let now = match if self.is_folder() { fs::metadata(&path) } else { fs::symlink_metadata(&path) } {
                Err(error) if missing(&error) => return Ok(Some(State::ToMake)),
                now => now?,
            };
            if now.is_dir() != self.is_folder() {
                return Ok(None);
            }
            Ok(Some(match &self.what {
                What::Folder => State::There,
                _ if fresh => State::ToMake,
                What::Image(size) if now.is_file() && now.len() < *size => State::Short(now.len()),
                What::Image(_) => State::There,
                What::Copy { digest, .. } => match record.hooks.get(Path::new(&self.path)) {
                    Some(made @ Made::File { digest: before }) if before != digest => {
                        match made.look(&path)? {
                            Found::Missing => State::ToMake,
                            Found::Same => State::ToUpdate,
                            Found::Edited if Made::file(*digest).look(&path)? == Found::Same => State::There,
                            Found::Edited => State::Kept,
                        }
                    }
                    _ => State::There,
                },
            }))
        };
        let wanted = if self.is_folder() { "a folder" } else { "a file" };
        match state() {
            Ok(Some(state)) => Ok(state),
            Ok(None) => Err(self.failed(&format!("something else is there, and {wanted} is wanted"))),
            Err(error) => Err(self.failed(&error.to_string())),
        }
    }

    /// What is made, for people.
    pub fn describe(&self) -> String {
        match &self.what {
            What::Folder => format!("mkdir {}", self.path),
            What::Image(size) => format!("image {} size={size}", self.path),
            What::Copy { from, .. } => format!("copy {from} {}", self.path),
        }
    }

    /// The length of an image in bytes.
    pub fn size(&self) -> Option<u64> {
        if let What::Image(size) = self.what { Some(size) } else { None }
    }

    /// What is copied, relative to the manifest.
    pub fn from(&self) -> Option<&str> {
        if let What::Copy { from, .. } = &self.what { Some(from) } else { None }
    }

    fn is_folder(&self) -> bool {
        matches!(self.what, What::Folder)
    }

    /// What the record says of it once it is made.
    fn made(&self) -> Made {
        match &self.what {
            What::Folder => Made::Folder,
            What::Image(size) => Made::Image { size: *size },
            What::Copy { digest, .. } => Made::file(*digest),
        }
    }

    fn span(&self) -> Span {
        self.make.place()
    }

    fn failed(&self, cause: &str) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::error(
                Code::HookFailed,
                format!("the hook `{}` can't make `{}`: {cause}", self.make.hook, self.path),
            )
            .label(self.span(), "this step")
            .help("put right what stands in its way, and run the command again: nothing was left half made"),
        )
    }
}

/// What was done, for people.
#[derive(Debug, Default)]
pub struct Report {
    /// Paths that were made or brought up to date.
    pub made: Vec<PathBuf>,
    /// What was left as it is although the manifest wants something else.
    pub warnings: Vec<Diagnostic>,
}

/// Makes what is missing; with `fresh`, makes all anew. When that can't be done, what this call has made is gone again.
///
/// # Errors
/// `UK0608` names the step that can't be carried out.
pub fn carry_out(plan: &Plan, store: &Store, fresh: bool) -> Result<Report, Box<Diagnostic>> {
    let mut report = Report::default();
    let record = Record::load(&plan.project);
    let mut work = false;
    for thing in &plan.things {
        let state = thing.state(&plan.project, &record, fresh)?;
        report.warnings.extend(thing.warning(state));
        work |= matches!(state, State::ToMake | State::ToUpdate);
    }
    if work {
        report.made = place::make(plan, store, fresh)?;
    }
    Ok(report)
}

impl Thing {
    fn warning(&self, state: State) -> Option<Diagnostic> {
        let path = &self.path;
        let (message, help) = match (state, &self.what) {
            (State::Kept, _) => (
                format!(
                    "`{path}` isn't what the hook `{}` would make now, and is kept: it was edited",
                    self.make.hook
                ),
                "`--fresh` makes it anew, and what was edited is lost",
            ),
            (State::Short(now), What::Image(size)) => (
                format!("the image `{path}` has {now} bytes where the manifest says {size}, and is kept"),
                "make it longer by hand (`truncate -s`), or anew with `--fresh`: then what is in it is lost",
            ),
            _ => return None,
        };
        Some(Diagnostic::warning(Code::HookKept, message).label(self.span(), "this step").help(help))
    }
}
