//! `uk clean`: removes what was recorded as made.

use std::io;
use std::path::Path;

use uk_diagnostic::{Code, Diagnostic};
use uk_loader::Project;

use crate::dist::Dist;
use crate::failure::Failure;
use crate::hooks;
use crate::in_use::{IN_USE, end_it};
use crate::made::{self, Cleaned, Kept, Record};
use crate::session;
use crate::ui::Ui;

/// Cleans the project, or a workspace with every member. What was edited goes only with `force`, or when the person at the
/// terminal says so. A member that can't be cleaned doesn't stand in the way of the others.
pub fn run(project: &Project, force: bool, ui: Ui) -> Result<(), Failure> {
    let (mut projects, read) = session::projects(project);
    if !projects.contains(project) {
        projects.push(project.clone());
    }
    let mut failure = read.err().unwrap_or_default();
    for project in projects {
        let named = |path: &Path| project.folder.join(path).display().to_string();
        let may = |path: &Path| {
            force || ui.ask(&format!("{} was edited since it was made. Remove it?", named(path)))
        };
        let waits = || ui.note(&format!("waiting for another `uk` to end in {}", project.folder.display()));
        let _held = project.seize(waits);
        let cleaned = clean(&project, may).unwrap_or_else(|error| {
            failure.diagnostics.push(
                Diagnostic::error(
                    Code::NotWritable,
                    format!("`{}` can't be cleaned: {error}", project.folder.display()),
                )
                .help("move away what is in the way, or make its folder writable, and run `uk clean` again"),
            );
            Cleaned::default()
        });
        ui.paths("removed", &project.folder, &cleaned.removed);
        for (path, why) in &cleaned.kept {
            let why = match why {
                Kept::Edited => {
                    "it was changed since it was made; `uk clean --force` removes it too".to_owned()
                }
                Kept::InUse => {
                    let end = end_it(&project.folder.join(path));
                    format!("{IN_USE}; {end}, and run `uk clean` again")
                }
                Kept::Outside => "a link leads out of the project to it, where nothing is removed".to_owned(),
            };
            ui.note(&format!("kept {}: {why}", named(path)));
        }
    }
    failure.if_any()
}

/// Removes what was made for `project`, which nobody else may hold.
fn clean(project: &Project, mut may: impl FnMut(&Path) -> bool) -> io::Result<Cleaned> {
    let state = project.state();
    // A folder of that name without our mark isn't ours.
    if !state.join(".gitignore").exists() {
        return Ok(Cleaned::default());
    }
    let mut record = Record::load(project);
    let mut cleaned = Dist::clean(project, &mut record, &mut may)?;
    let hooks = hooks::clean(project, &mut record, &mut may);
    if !record.is_empty() || hooks.is_err() {
        record.save(project)?;
    }
    let hooks = hooks?;
    cleaned.removed.extend(hooks.removed);
    cleaned.kept.extend(hooks.kept);
    clear_state(project, &state, record.is_empty())?;
    Ok(cleaned)
}

/// Removes the state folder, but for the record, if it is still needed, and the link by which plain cargo finds the SDK
/// where `Cargo.toml` goes by it.
fn clear_state(project: &Project, state: &Path, all: bool) -> io::Result<()> {
    let manifest = std::fs::read_to_string(project.folder.join("Cargo.toml")).unwrap_or_default();
    let linked = manifest.contains(".uk/sdk");
    if all && !linked {
        return std::fs::remove_dir_all(state).map_err(made::not_removed(state));
    }
    for entry in std::fs::read_dir(state)? {
        let entry = entry?;
        let path = entry.path();
        let removed = match entry.file_name().to_str() {
            Some(".gitignore") => Ok(()),
            Some("sdk") if linked => Ok(()),
            Some("made.json") if !all => Ok(()),
            _ if entry.file_type()?.is_dir() => std::fs::remove_dir_all(&path),
            _ => std::fs::remove_file(&path),
        };
        removed.map_err(made::not_removed(&path))?;
    }
    Ok(())
}
