//! A hook's program that failed, as people see it.

use std::path::Path;

use uk_action::ActionId;
use uk_diagnostic::Diagnostic;
use uk_planner::manifest::{Program, Run, Step};
use uk_store::{Fault, Reason, Refusal};

use super::{Plan, Thing, What};

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
    let (hook, program) = (&thing.make.hook, program.text.escape_debug());
    let failed = |what: &str| format!("the hook `{hook}` failed: its program `{program}` {what}");
    let (message, help) = match &fault.reason {
        Reason::Exit(status) => {
            let ended = match status.code() {
                Some(code) => format!("ended with exit code {code}"),
                // `signal: 9 (SIGKILL)`.
                None => format!("was ended by {}", status.to_string().replacen("signal: ", "signal ", 1)),
            };
            (failed(&ended), refused(fault, &plan.project.folder))
        }
        Reason::TimedOut(limit) => {
            let message = failed(&format!("was ended after {} s", limit.as_secs()));
            (message, diagnostic.help.take())
        }
        Reason::NotStarted { source, .. } => {
            let help = format!(
                "a script is made executable (`chmod +x {program}`), and its first line names what runs it: `#!/bin/sh`"
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
