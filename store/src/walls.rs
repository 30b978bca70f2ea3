//! Which walls this machine can put up: the class of the sandboxes.
//!
//! The class is part of every key, so it must be known before anything runs, and a build that has nothing to do can't start
//! a process to find out. It is remembered in the store, and tried again as soon as something has to run anyway.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use uk_action::Class;
use uk_sandbox::{Fault, Plan, Rule, Step, Walls, Watch};

use crate::StoreError;
use crate::layout::Store;

/// Name of the memo that holds the class.
const MEMO: &str = "sandbox";

/// How a store's actions are to be kept to their inputs.
#[derive(Debug, Clone, Default)]
pub struct Sandboxing {
    /// A program that calls [`crate::serve_launcher`] first in its `main`: mostly the caller itself, `/proc/self/exe`.
    /// Without one there are no walls.
    pub launcher: Option<PathBuf>,
    /// The class to be used, whatever the machine could do; the strictest that works without it.
    pub class: Option<Class>,
}

/// What is known of the walls.
#[derive(Debug, Default)]
pub(crate) struct Known {
    wanted: Sandboxing,
    /// What keys are computed with.
    class: Mutex<Option<Class>>,
    /// What a trial said in this process.
    tried: OnceLock<Tried>,
}

#[derive(Debug)]
struct Tried {
    class: Class,
    /// Why it isn't a stricter one.
    refused: Vec<String>,
}

impl Store {
    /// The same store, with walls around its actions. [`Class::Folder`] is what there is without.
    #[must_use]
    pub fn with_sandboxing(mut self, wanted: Sandboxing) -> Self {
        self.known = Known { wanted, ..Known::default() };
        self
    }

    /// How strictly actions are kept to their inputs.
    pub fn class(&self) -> Class {
        let mut class = self.known.class.lock().unwrap_or_else(PoisonError::into_inner);
        *class.get_or_insert_with(|| match &self.known.wanted {
            Sandboxing { launcher: None, .. } => Class::Folder,
            Sandboxing { class: Some(class), .. } => *class,
            Sandboxing { .. } => self.remembered_class().unwrap_or_else(|| self.tried().class),
        })
    }

    /// What another store is to be given to keep its actions as strictly as this one.
    pub(crate) fn sandboxing(&self) -> Sandboxing {
        Sandboxing { launcher: self.known.wanted.launcher.clone(), class: Some(self.class()) }
    }

    /// Why the machine has no stricter class, a line each; known after something has run.
    pub fn refused_walls(&self) -> &[String] {
        self.known.tried.get().map_or(&[], |tried| &tried.refused)
    }

    /// Whether the class that keys are computed with can be had. If not, it is another from now on.
    pub(crate) fn check_class(&self) -> bool {
        let Sandboxing { launcher, class } = &self.known.wanted;
        if launcher.is_none() || class.is_some() {
            return true;
        }
        let works = self.tried().class;
        let mut class = self.known.class.lock().unwrap_or_else(PoisonError::into_inner);
        class.replace(works) == Some(works)
    }

    pub(crate) fn launcher(&self) -> Option<&Path> {
        self.known.wanted.launcher.as_deref()
    }

    fn remembered_class(&self) -> Option<Class> {
        Class::named(std::str::from_utf8(&self.memo(MEMO)?).ok()?.trim_end())
    }

    fn tried(&self) -> &Tried {
        self.known.tried.get_or_init(|| {
            let mut refused = Vec::new();
            // Where nothing can be written nothing can run, and records are looked up as before.
            if self.scratch().is_err() {
                return Tried { class: self.remembered_class().unwrap_or(Class::ALL[0]), refused };
            }
            let works = |class: &Class| match self.try_class(*class, None) {
                Ok(()) => true,
                Err(why) => {
                    refused.push(format!("{}: {why}", class.name()));
                    false
                }
            };
            let class = Class::ALL.into_iter().find(works).unwrap_or(Class::Folder);
            if self.remembered_class() != Some(class) {
                // Costs the next build the same trial.
                let _ = self.set_memo(MEMO, format!("{}\n", class.name()).as_bytes());
            }
            Tried { class, refused }
        })
    }

    /// Whether steps can be told another date here.
    pub(crate) fn shifts_date(&self, seconds: u64) -> bool {
        let class = self.class();
        class != Class::Folder && self.try_class(class, Some(Watch::Clock(seconds))).is_ok()
    }

    fn try_class(&self, class: Class, watch: Option<Watch>) -> Result<(), String> {
        let walls = match class {
            Class::Folder => return Ok(()),
            Class::Landlock => {
                Walls::Landlock { rules: vec![Rule { path: "/dev/null".into(), writable: true }] }
            }
            Class::Namespaces => {
                let base = self.empty_folder().map_err(|error| error.to_string())?;
                let steps = vec![
                    Step::Folder("/dev".into()),
                    Step::Device("null".into()),
                    Step::Folder("/in".into()),
                    Step::Bind { from: self.root().to_owned(), at: "/in".into(), writable: false },
                ];
                Walls::Namespaces { base, steps }
            }
        };
        let fault = self.scratch().map_err(|error| error.to_string())?.name();
        let plan = Plan {
            walls,
            argv: Vec::new(),
            env: Vec::new(),
            cwd: "/".into(),
            memory: None,
            jobs: None,
            fault: fault.to_owned(),
            watch,
        };
        let Some(mut launcher) = self.launcher_command() else {
            return Err("there is no launcher".to_owned());
        };
        let ended = launcher.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let ended = ended.and_then(|mut child| {
            // A launcher that is gone says so by its status.
            let _ = child.stdin.take().map(|mut input| input.write_all(&plan.to_bytes()));
            child.wait()
        });
        match ended {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => {
                Err(Fault::read(&fault).map_or_else(|| status.to_string(), |fault| fault.to_string()))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// The launcher, to be given a plan.
    pub(crate) fn launcher_command(&self) -> Option<Command> {
        let mut command = Command::new(self.launcher()?);
        command.arg(uk_sandbox::ARGUMENT).env_clear();
        Some(command)
    }

    /// An empty folder, for whatever is mounted over it out of everybody else's sight.
    pub(crate) fn empty_folder(&self) -> Result<PathBuf, StoreError> {
        self.scratch()?.empty_folder()
    }
}
