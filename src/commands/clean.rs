//! `uk clean`: removes what was recorded as made.

use uk_diagnostic::{Code, Diagnostic};
use uk_loader::Project;

use crate::dist::Dist;
use crate::failure::Failure;
use crate::session;
use crate::ui::Ui;

/// Cleans the project, or a workspace with every member.
pub fn run(project: &Project, ui: Ui) -> Result<(), Failure> {
    let mut projects = session::projects(project)?;
    if !projects.contains(project) {
        projects.push(project.clone());
    }
    for project in projects {
        let (removed, kept) = Dist::load(&project).clean().map_err(|error| {
            Diagnostic::error(
                Code::NotWritable,
                format!("`{}` can't be cleaned: {error}", project.folder.display()),
            )
            .help("make the folder writable and run `uk clean` again")
        })?;
        let named = |path: &std::path::PathBuf| project.folder.join(path).display().to_string();
        removed.iter().for_each(|path| ui.note(&format!("removed {}", named(path))));
        for path in &kept {
            ui.note(&format!("kept {}: it was changed since it was made", named(path)));
        }
    }
    Ok(())
}
