//! What hooks couldn't do, and what they left, as people see it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use uk_action::ActionId;
use uk_diagnostic::{Code, Diagnostic};
use uk_loader::{Project, typed};
use uk_planner::manifest::{Program, Run, Step};
use uk_store::{Fault, Reason, Refusal};

use super::{Plan, State, Thing, What};
use crate::faults::signal;
use crate::in_use::{IN_USE, end_it};

impl Thing {
    /// That it can't be made.
    pub(super) fn failed(&self, cause: &str) -> Box<Diagnostic> {
        self.fault(cause, "put right what stands in its way")
    }

    pub(super) fn failed_by(&self, project: &Project, error: &io::Error) -> Box<Diagnostic> {
        let next = match error.kind() {
            io::ErrorKind::StorageFull => {
                format!("make room on the disk (`df -h {}` shows it)", typed(&project.folder))
            }
            io::ErrorKind::CrossesDevices => "choose a path on the file system of the manifest".to_owned(),
            _ => return self.failed(&error.to_string()),
        };
        self.fault(&error.to_string(), &next)
    }

    /// That it can't be put in its place.
    pub(super) fn not_placed(&self, project: &Project, error: &io::Error) -> Box<Diagnostic> {
        if error.kind() != io::ErrorKind::PermissionDenied {
            return self.failed_by(project, error);
        }
        let next = format!("make its folder writable (`chmod u+w {}`)", typed(&self.around(project)));
        self.fault(&error.to_string(), &next)
    }

    /// That what is in its place can't be read.
    pub(super) fn not_read(&self, project: &Project, error: &io::Error) -> Box<Diagnostic> {
        if error.kind() != io::ErrorKind::PermissionDenied {
            return self.failed_by(project, error);
        }
        let path = project.folder.join(&self.path);
        let next = match fs::symlink_metadata(&path) {
            Ok(_) => format!("make it readable (`chmod u+r {}`)", typed(&path)),
            Err(_) => {
                format!(
                    "let what is in its folder be looked at (`chmod u+x {}`)",
                    typed(&self.around(project))
                )
            }
        };
        self.fault(&error.to_string(), &next)
    }

    /// The nearest folder around its path that is there and can be looked at.
    fn around(&self, project: &Project) -> PathBuf {
        let path = project.folder.join(&self.path);
        path.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(&project.folder).to_owned()
    }

    /// That `path`, its own or that of a folder around it, is something of another kind, which `--fresh`, if it was said, doesn't
    /// replace either.
    pub(super) fn in_the_way(&self, project: &Project, path: &Path, fresh: bool) -> Box<Diagnostic> {
        let own = path == Path::new(&self.path);
        let (place, path) = (project.folder.join(path), path.display());
        let aside = place.with_added_extension("old");
        let cause = match own && !self.is_folder() {
            true => "a folder is there, and a file is wanted".to_owned(),
            false => format!("`{path}` is no folder"),
        };
        let alone = if fresh { "`--fresh` makes all files of hooks anew, and nothing else: " } else { "" };
        self.fault(&cause, &format!("{alone}move it away (`mv {} {}`)", typed(&place), typed(&aside)))
    }

    /// That a guest has what is there as a disk.
    pub(super) fn used(&self, project: &Project) -> Box<Diagnostic> {
        let cause = format!("{IN_USE}, and what that writes would be lost");
        self.fault(&cause, &end_it(&project.folder.join(&self.path)))
    }

    /// What is left as it is although the manifest wants something else.
    pub(super) fn warning(&self, project: &Project, state: State) -> Option<Diagnostic> {
        let (path, hook) = (&self.path, &self.make.hook);
        let typed = typed(&project.folder.join(path));
        // Not `--fresh`: that takes from all other files of hooks what was written into them.
        let anew = |lost: &str| {
            format!("`rm {typed}`, and run the command again: it is made anew, and what {lost} is lost")
        };
        let (message, help) = match (state, &self.what) {
            (State::Kept, _) => (
                format!("`{path}` isn't what the hook `{hook}` would make now, and is kept: it was edited"),
                anew("was edited"),
            ),
            (State::Foreign, _) => (
                format!("`{path}` isn't what the hook `{hook}` would make, and is kept: it was there before"),
                format!("{}; or take this step out of the hook", anew("is in it")),
            ),
            (State::InUse, _) => (
                format!("`{path}` isn't what the hook `{hook}` would make now, and is kept: {IN_USE}"),
                format!("{}, and run the command again", end_it(&project.folder.join(path))),
            ),
            (State::Nowhere, _) => (
                format!("`{path}` is a link that leads nowhere, and is kept"),
                format!(
                    "make what it leads to, or take the link away (`rm {typed}`): then an image is made in its place"
                ),
            ),
            (State::Short(now), What::Image(size)) => (
                format!("the image `{path}` has {now} bytes where the manifest says {size}, and is kept"),
                format!("`truncate -s {size} {typed}` makes it longer; or {}", anew("is in it")),
            ),
            _ => return None,
        };
        Some(Diagnostic::warning(Code::HookKept, message).label(self.span(), "this step").help(help))
    }

    fn fault(&self, cause: &str, next: &str) -> Box<Diagnostic> {
        let message = format!("the hook `{}` can't make `{}`: {cause}", self.make.hook, self.path);
        let fault = Diagnostic::error(Code::HookFailed, message).label(self.span(), "this step");
        Box::new(fault.help(format!("{next}, and run the command again: nothing was left half made")))
    }
}

impl Plan {
    /// The step whose program `action` is.
    fn step_of(&self, action: ActionId) -> Option<(&Thing, &Run)> {
        self.things.iter().find_map(|thing| match (&thing.what, &thing.make.step) {
            (What::Output { action: made, .. }, Step::Run(run)) if *made == action => Some((thing, run)),
            _ => None,
        })
    }
}

/// Says in `diagnostic` what `fault` means for the hook that it is of, one of `plans`.
pub fn explain(diagnostic: &mut Diagnostic, fault: &Fault, plans: &[Plan]) {
    let found = plans.iter().find_map(|plan| Some((plan, plan.step_of(fault.action)?)));
    let Some((plan, (thing, run))) = found else { return };
    let (Program::Project(program) | Program::Host(program)) = &run.program;
    // An absolute path stays one.
    let file = typed(&plan.project.folder.join(&program.text));
    let (hook, program) = (&thing.make.hook, program.text.escape_debug());
    let failed = |what: &str| format!("the hook `{hook}` failed: its program `{program}` {what}");
    let (message, help) = match &fault.reason {
        Reason::Exit(status) => {
            let ended = match status.code() {
                Some(code) => format!("ended with exit code {code}"),
                None => format!("was ended by {}", signal(*status).unwrap_or_default()),
            };
            (failed(&ended), refused(fault, &plan.project.folder))
        }
        Reason::TimedOut(limit) => {
            let message = failed(&format!("was ended after {} s", limit.as_secs()));
            (message, diagnostic.help.take())
        }
        Reason::NotStarted { source, .. } => {
            let help = format!(
                "a script is made executable (`chmod +x {file}`), and its first line names what runs it: `#!/bin/sh`"
            );
            (failed(&format!("can't be started: {source}")), Some(help))
        }
        Reason::MissingOutput { path, what } => {
            let path = path.strip_prefix("project/").unwrap_or(path);
            let message = failed(&format!("ended well, but its output `{path}` {what}"));
            let help = match *what {
                "isn't a file" => format!("a folder is written with a `/` at its end: `output \"{path}/\"`"),
                "isn't a folder" => "a file is written without a `/` at its end".to_owned(),
                "is a link" => "let it make a copy of what the link leads to".to_owned(),
                _ => "a program is started in the folder of the manifest and makes its outputs at their paths from there; take \
                      the `output` out if it isn't one"
                    .to_owned(),
            };
            (message, Some(help))
        }
        _ => return,
    };
    diagnostic.message = message;
    diagnostic.help = help;
    for label in &mut diagnostic.labels {
        label.text = "this step".to_owned();
    }
    if let Some(log) = &fault.log_path {
        diagnostic.notes.push(format!("all that it printed is in `{}`", log.display()));
    }
    diagnostic.notes.push("nothing was put beside the manifest or taken away".to_owned());
}

/// What to do where a program was kept from something.
fn refused(fault: &Fault, project: &Path) -> Option<String> {
    Some(match fault.reached.last? {
        Refusal::Read => {
            let lines =
                fault.reached.read.iter().map(|path| match (path.strip_prefix(project), path.file_name()) {
                    (Ok(own), _) => format!("`input \"{}\"`", own.display()),
                    (_, Some(name)) if path.parent().is_some_and(|folder| folder.ends_with("bin")) => {
                        format!("`tool {}`", name.display())
                    }
                    _ => format!("a copy of `{}` in the project", path.display()),
                });
            let mut lines: Vec<String> = lines.collect();
            lines.dedup();
            format!("a hook's program sees what its step declares alone: add {}", lines.join(", "))
        }
        Refusal::Write => {
            "a hook's program writes what its step declares with `output`, and to the folder `$TMPDIR`"
                .to_owned()
        }
        Refusal::Network => {
            "hooks have no network: put what it would fetch into the project, and declare it with `input`"
                .to_owned()
        }
    })
}
