//! Carrying out hooks: files beside the manifest that belong to the user once they are made.
//!
//! A file is made when it is missing. What is there stays as it is, unless it is still what a hook made and that would be
//! something else now; `--fresh` alone makes anew what somebody has edited, all of it.

mod clean;
mod fault;
mod place;
mod record;
mod run;

pub use clean::clean;
pub use fault::explain;
pub use record::{Made, stamps};

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use uk_action::{ActionId, Digest, EntryKind, Produced};
use uk_diagnostic::{Diagnostic, Span};
use uk_loader::{Project, SourceSets};
use uk_planner::hooks::{Hooks, Make};
use uk_planner::lower::Lowering;
use uk_planner::manifest::Step;
use uk_store::{self as executor, StatCache, Store};

use crate::in_use::is_used;
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
#[derive(Clone)]
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
    /// What an action makes: what it is is known when that is done.
    Output {
        /// The action.
        action: ActionId,
        /// Which of its outputs.
        index: u32,
        /// Whether it is a folder.
        folder: bool,
        /// The path under which another step made it, if it is copied from there.
        from: Option<String>,
    },
    /// A file that an action has made.
    Stored {
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
    /// Nobody knows who made it, and it isn't what is wanted.
    Foreign,
    /// As [`State::ToUpdate`], but a guest has it as a disk.
    InUse,
    /// A link that leads nowhere is in the place of an image.
    Nowhere,
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
            State::Kept | State::Foreign | State::InUse | State::Nowhere | State::Short(_) => "kept",
        }
    }
}

impl Plan {
    /// What `hooks` of `project` make; their programs are added to `lowering`. `stamps` knows the files that are read.
    ///
    /// # Errors
    /// `UK0406` for a file that can't be read, `UK0608` for a program that isn't there.
    pub fn new(
        project: &Project,
        hooks: &Hooks,
        lowering: &mut Lowering<'_>,
        stamps: &mut SourceSets,
        store: &Store,
    ) -> Result<Self, Box<Diagnostic>> {
        let mut things: Vec<Thing> = Vec::new();
        let mut outputs: HashMap<&str, (ActionId, u32, bool)> = HashMap::new();
        for make in hooks.steps() {
            let mut add =
                |path: &str, what| things.push(Thing { make: make.clone(), path: path.to_owned(), what });
            match &make.step {
                Step::Mkdir { path } => add(&path.text, What::Folder),
                Step::Image { path, size } => add(&path.text, What::Image(size.bytes())),
                Step::Copy { from, to } if outputs.contains_key(from.text.as_str()) => {
                    let (action, index, folder) = outputs[from.text.as_str()];
                    add(&to.text, What::Output { action, index, folder, from: Some(from.text.clone()) });
                }
                Step::Copy { from, to } => {
                    let (digest, executable) = stamps
                        .file(&project.folder.join(&from.text))
                        .map_err(|fault| Box::new(fault.label(from.span, "named here")))?;
                    add(&to.text, What::Copy { from: from.text.clone(), digest, executable });
                }
                Step::Run(run) => {
                    let from = run::inputs(project, &make.step, run, &outputs, stamps, store)?;
                    let action = lowering.hook(make, run, from);
                    for (output, index) in run.outputs.iter().zip(0..) {
                        let folder = output.folder;
                        add(&output.path.text, What::Output { action, index, folder, from: None });
                        outputs.insert(&output.path.text, (action, index, folder));
                    }
                }
            }
        }
        Ok(Self { project: project.clone(), things })
    }

    /// The actions whose outputs are put beside the manifest.
    pub fn actions(&self) -> Vec<ActionId> {
        let action = |thing: &Thing| match thing.what {
            What::Output { action, .. } => Some(action),
            _ => None,
        };
        self.things.iter().filter_map(action).collect()
    }

    /// The action that makes the output `path` of a program, and which of its outputs that is.
    pub fn output(&self, path: &str) -> Option<(ActionId, u32)> {
        self.things.iter().find_map(|thing| match thing.what {
            What::Output { action, index, from: None, .. } if thing.path == path => Some((action, index)),
            _ => None,
        })
    }

    /// The same with what the actions have made, now that this is known: a thing for each file.
    fn made(&self, report: &executor::Report, store: &Store) -> Result<Plan, Box<Diagnostic>> {
        let mut things = Vec::new();
        for thing in &self.things {
            let mut add = |path: String, what| things.push(Thing { make: thing.make.clone(), path, what });
            let What::Output { action, index, folder, .. } = thing.what else {
                add(thing.path.clone(), thing.what.clone());
                continue;
            };
            let produced = report.outputs(action)[index as usize];
            if !folder {
                let Produced { digest, executable, .. } = produced;
                add(thing.path.clone(), What::Stored { digest, executable });
                continue;
            }
            add(thing.path.clone(), What::Folder);
            let tree = store.read_tree(produced.digest).map_err(|error| error.diagnostic())?;
            for entry in tree.entries() {
                let path = format!("{}/{}", thing.path, entry.path);
                match entry.kind {
                    EntryKind::File { digest, executable } => add(path, What::Stored { digest, executable }),
                    EntryKind::Link { .. } => {
                        return Err(thing.failed(&format!("its program made the link `{}`", entry.path)));
                    }
                }
            }
        }
        Ok(Plan { project: self.project.clone(), things })
    }
}

impl Thing {
    /// What will become of it in `project`, whose record is `record`. What is there is read only where `stamps` doesn't know it.
    ///
    /// # Errors
    /// `UK0212` where a link leads out of the project; `UK0608` where something else is in its place, that
    /// can't be read, or `fresh` would replace what a guest uses.
    pub fn state(
        &self,
        project: &Project,
        record: &Record,
        fresh: bool,
        stamps: &mut StatCache,
    ) -> Result<State, Box<Diagnostic>> {
        let path = project.folder.join(&self.path);
        let inside = project.check_inside(Path::new(&self.path));
        inside.map_err(|fault| Box::new(fault.label(self.span(), "in this step")))?;
        let mut state = || -> io::Result<Option<State>> {
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
                What::Image(_) if now.is_symlink() && !fs::exists(&path)? => State::Nowhere,
                What::Image(_) => State::There,
                What::Output { .. } => State::There,
                What::Copy { .. } | What::Stored { .. } => self.file_state(&path, record, stamps)?,
            }))
        };
        match state() {
            Ok(Some(State::ToMake)) if fresh && is_used(&path) => Err(self.used(project)),
            Ok(Some(State::ToUpdate)) if is_used(&path) => Ok(State::InUse),
            Ok(Some(state)) => Ok(state),
            Ok(None) => Err(self.in_the_way(project, Path::new(&self.path), fresh)),
            Err(error) => Err(self.not_read(project, &error)),
        }
    }

    /// The same for a file with content, which is there.
    fn file_state(&self, path: &Path, record: &Record, stamps: &mut StatCache) -> io::Result<State> {
        let (wanted, before) = (self.made(), record.hooks.get(Path::new(&self.path)));
        // It may have been edited: nothing else is wanted, so nobody needs to know.
        if before == Some(&wanted) {
            return Ok(State::There);
        }
        Ok(match (wanted.look(path, stamps)?, before) {
            (Found::Missing, _) => State::ToMake,
            (Found::Same, _) => State::There,
            (Found::Edited, Some(made)) => match made.look(path, stamps)? {
                Found::Missing => State::ToMake,
                Found::Same => State::ToUpdate,
                Found::Edited => State::Kept,
            },
            (Found::Edited, None) => State::Foreign,
        })
    }

    /// What is made, for people.
    pub fn describe(&self) -> String {
        match &self.what {
            What::Folder => format!("mkdir {}", self.path),
            What::Image(size) => format!("image {} size={size}", self.path),
            What::Copy { from, .. } | What::Output { from: Some(from), .. } => {
                format!("copy {from} {}", self.path)
            }
            What::Output { .. } | What::Stored { .. } => format!("run for {}", self.path),
        }
    }

    /// The length of an image in bytes.
    pub fn size(&self) -> Option<u64> {
        if let What::Image(size) = self.what { Some(size) } else { None }
    }

    /// What is copied, relative to the manifest.
    pub fn from(&self) -> Option<&str> {
        match &self.what {
            What::Copy { from, .. } => Some(from),
            What::Output { from, .. } => from.as_deref(),
            _ => None,
        }
    }

    fn is_folder(&self) -> bool {
        matches!(self.what, What::Folder | What::Output { folder: true, .. })
    }

    /// What the record says of it once it is made.
    fn made(&self) -> Made {
        match &self.what {
            What::Folder | What::Output { .. } => Made::Folder,
            What::Image(size) => Made::Image { size: *size },
            What::Copy { digest, .. } | What::Stored { digest, .. } => Made::file(*digest),
        }
    }

    fn span(&self) -> Span {
        self.make.place()
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
pub fn carry_out(
    plan: &Plan,
    executed: &executor::Report,
    store: &Store,
    fresh: bool,
) -> Result<Report, Box<Diagnostic>> {
    let plan = &plan.made(executed, store)?;
    let mut report = Report::default();
    let record = Record::load(&plan.project);
    let mut stamps = stamps(&plan.project);
    let mut work = false;
    for thing in &plan.things {
        let state = thing.state(&plan.project, &record, fresh, &mut stamps)?;
        report.warnings.extend(thing.warning(&plan.project, state));
        work |= matches!(state, State::ToMake | State::ToUpdate);
    }
    // Files of a folder that its program doesn't make any more.
    let gone = |path: &Path| {
        let within =
            |thing: &&Thing| matches!(thing.make.step, Step::Run(_)) && path.starts_with(&thing.path);
        let named = |thing: &Thing| Path::new(&thing.path) == path;
        plan.things.iter().filter(|t| t.is_folder()).any(|t| within(&t)) && !plan.things.iter().any(named)
    };
    let files = record.hooks.iter().filter(|(_, made)| matches!(made, Made::File { .. }));
    let gone: Vec<PathBuf> = files.map(|(path, _)| path).filter(|path| gone(path)).cloned().collect();
    if work || !gone.is_empty() {
        report.made = place::make(plan, &gone, store, fresh, &mut stamps)?;
    }
    // Stamps that are lost cost the next build some reading.
    let _ = stamps.save();
    Ok(report)
}
