//! `uk run`: builds one unikernel for one target and runs it.

use std::path::Path;

use uk_backends::Target;
use uk_diagnostic::{Code, Diagnostic};
use uk_store::Cancel;

use crate::cli::{Effort, Runner, Select};
use crate::commands::build;
use crate::failure::Failure;
use crate::guest::{self, Artifact};
use crate::session::{Planned, Session};
use crate::ui::Ui;

/// Builds, runs, and returns the guest's exit code.
pub fn run(
    folder: &Path,
    select: &Select,
    effort: &Effort,
    runner: &Runner,
    args: &[String],
    cancel: &Cancel,
    ui: Ui,
) -> Result<u8, Failure> {
    let session = Session::plan(folder, select, false, cancel)?;
    let [planned] = &session.planned[..] else {
        // Where there is a target but the usual one, each is named with its own.
        let targets = session.planned.iter().any(|planned| planned.devices.target() != Target::Unix);
        let named: Vec<String> =
            session.planned.iter().map(|planned| format!("`{}`", options(planned, targets))).collect();
        return Err(Diagnostic::error(
            Code::AmbiguousUnikernel,
            format!("one unikernel is run at a time, and these fit: {}", named.join(", ")),
        )
        .help("name one with `-p NAME`, one `--target`, and one value with each `--set`")
        .into());
    };
    guest::check(runner, planned.devices.target())?;
    let disks = guest::disks(planned, &session.hooks, &runner.attach, folder)?;
    build::build(&session, effort, ui)?;
    if !runner.print {
        // All that is wrong at once, and before anything runs.
        let faults: Vec<Diagnostic> = disks.iter().filter_map(|disk| disk.check().err()).collect();
        if !faults.is_empty() {
            return Err(Failure::new(faults, &session.sources));
        }
    }
    let name = planned.artifact();
    let artifact = Artifact {
        path: planned.project.dist().join(&name),
        debug: planned.project.dist().join(format!("{name}.debug")),
        target: planned.devices.target(),
        disks,
        state: planned.project.state(),
    };
    cancel.check()?;
    // A guest takes this process's place, and what the store keeps for it would be left behind.
    drop(session);
    Ok(guest::run(&artifact, args, runner, ui)?)
}

/// The options that name `planned` alone, and its target if `target` is set.
fn options(planned: &Planned, target: bool) -> String {
    let mut words = vec!["-p", &planned.devices.name().text];
    if target {
        words.extend(["--target", planned.devices.target().name()]);
    }
    words.extend(planned.chosen.iter().flat_map(|pair| ["--set", pair]));
    uk_keys::words::quote(words)
}
