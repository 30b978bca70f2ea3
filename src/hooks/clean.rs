//! Removing what hooks made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use uk_loader::Project;

use super::Made;
use super::record::{Found, missing, stamps};
use crate::in_use::is_used;
use crate::made::{Cleaned, Kept, Record, is_inside, not_removed};

/// Removes what the hooks of `project` made and nobody has edited since; what was edited only where `may` says so. Folders
/// go when they are empty. What a guest uses is kept whatever `may` says. What is left of the project's stays in `record`.
///
/// # Errors
/// Those of the file system; what is gone by then is out of the record.
pub fn clean(
    project: &Project,
    record: &mut Record,
    mut may: impl FnMut(&Path) -> bool,
) -> io::Result<Cleaned> {
    let mut cleaned = Cleaned::default();
    let mut stamps = stamps(project);
    // Files before the folders that they are in.
    let all: Vec<(PathBuf, Made)> = record.hooks.iter().rev().map(|(p, m)| (p.clone(), m.clone())).collect();
    for (relative, made) in all {
        let path = project.folder.join(&relative);
        if is_inside(&relative) && project.check_inside(&relative).is_err() {
            cleaned.kept.push((relative.clone(), Kept::Outside));
        } else if is_inside(&relative) {
            match (made.look(&path, &mut stamps).map_err(not_removed(&path))?, &made) {
                (Found::Missing, _) => {}
                // It goes together with what was kept in it.
                (Found::Same, Made::Folder)
                    if cleaned.kept.iter().any(|(kept, _)| kept.starts_with(&relative)) =>
                {
                    continue;
                }
                // Only an empty folder can be removed this way; what else is in it isn't ours.
                (Found::Same, Made::Folder) => {
                    if fs::remove_dir(&path).is_ok() {
                        cleaned.removed.push(relative.clone());
                    }
                }
                (Found::Edited, Made::Folder) => {}
                (Found::Same | Found::Edited, _) if is_used(&path) => {
                    cleaned.kept.push((relative, Kept::InUse));
                    continue;
                }
                (Found::Edited, _) if !may(&relative) => {
                    cleaned.kept.push((relative, Kept::Edited));
                    continue;
                }
                (Found::Same | Found::Edited, _) => match fs::remove_file(&path) {
                    Err(error) if !missing(&error) => return Err(not_removed(&path)(error)),
                    _ => cleaned.removed.push(relative.clone()),
                },
            }
        }
        record.hooks.remove(&relative);
    }
    Ok(cleaned)
}
