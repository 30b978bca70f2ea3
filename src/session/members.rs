//! What a command is about: projects, targets, variants.

use std::collections::HashSet;

use uk_backends::Target;
use uk_diagnostic::{Code, Diagnostic, sort};
use uk_loader::Project;
use uk_planner::manifest::{Manifest, Unikernel, Workspace};
use uk_planner::{Settings, names};

use super::reading::Reading;
use crate::cli::Select;
use crate::failure::Failure;

/// So many names of unikernels are shown where none is meant.
const MOST: usize = 30;

/// A unikernel before its targets are looked at, and what is wrong with its manifest.
pub(super) struct Member {
    pub project: Project,
    /// Its name, as far as the manifest tells it.
    pub unikernel: Option<Unikernel>,
    pub faults: Vec<Diagnostic>,
}

impl Member {
    fn named(&self, name: &str) -> bool {
        self.unikernel.as_ref().is_some_and(|unikernel| names::same(&unikernel.name.text, name))
    }
}

/// The project itself, or the members of its workspace: those that can be read, and what is wrong with the others or with
/// the workspace itself.
pub fn projects(project: &Project) -> (Vec<Project>, Result<(), Failure>) {
    let mut reading = Reading::default();
    let all = projects_of(project, &mut reading);
    sort(&mut reading.faults);
    (all, reading.stop_at_faults())
}

/// As [`projects`].
pub(super) fn projects_of(project: &Project, reading: &mut Reading) -> Vec<Project> {
    let (manifest, faults) = reading.manifest_partial(project);
    let members = match manifest {
        Some(Manifest::Workspace(workspace)) => workspace.members,
        // Whatever else is wrong with it, it is one project.
        Some(Manifest::Unikernel(_)) => return vec![project.clone()],
        None => Vec::new(),
    };
    reading.faults.extend(faults);
    let mut all: Vec<Project> = Vec::new();
    for member in &members {
        let folders = member_folders(project, &member.text);
        let folders = folders.unwrap_or_else(|failure| {
            reading.faults.extend(failure.diagnostics);
            Vec::new()
        });
        for folder in folders {
            match Project::at(&folder) {
                // Two patterns may name one folder.
                Ok(member) if all.contains(&member) => {}
                Ok(member) => all.push(member),
                Err(fault) => reading.faults.push(*fault),
            }
        }
    }
    all
}

fn member_folders(project: &Project, pattern: &str) -> Result<Vec<std::path::PathBuf>, Failure> {
    uk_loader::members(&project.folder, pattern).map_err(|error| {
        Diagnostic::error(
            Code::UnreadableManifest,
            format!("the members `{pattern}` can't be listed: {error}"),
        )
        .into()
    })
}

/// The unikernels that `select` names: of the workspace, or the one that the manifest is; then the others of the workspace.
/// Faults of a member are the member's, so that they don't stand in the way of the others; those of the workspace itself are
/// in `reading`.
pub(super) fn members(
    root: &Project,
    select: &Select,
    reading: &mut Reading,
) -> Result<(Vec<Member>, Vec<Member>), Failure> {
    let (manifest, faults) = reading.manifest_partial(root);
    let all = match manifest {
        Some(Manifest::Workspace(workspace)) => {
            reading.faults.extend(faults);
            workspace_members(root, &workspace, reading)?
        }
        Some(Manifest::Unikernel(unikernel)) => {
            vec![Member { project: root.clone(), unikernel: Some(unikernel), faults }]
        }
        None => {
            reading.faults.extend(faults);
            Vec::new()
        }
    };
    if select.package.is_empty() || !reading.faults.is_empty() {
        return Ok((all, Vec::new()));
    }
    let unknown: Vec<&String> =
        select.package.iter().filter(|wanted| !all.iter().any(|member| member.named(wanted))).collect();
    for wanted in &unknown {
        let known = || all.iter().filter_map(|m| m.unikernel.as_ref()).map(|u| u.name.text.as_str());
        let help = match names::nearest(wanted, known()) {
            Some(near) => format!("did you mean `-p {near}`?"),
            None => format!("unikernels are {}", names::list_most(MOST, known())),
        };
        reading.faults.push(
            Diagnostic::error(Code::UnknownUnikernel, format!("there is no unikernel `{wanted}`")).help(help),
        );
    }
    // A manifest that can't be read may be the one that is wanted.
    if !unknown.is_empty() {
        let nameless = all.iter().filter(|member| member.unikernel.is_none());
        reading.faults.extend(nameless.flat_map(|member| member.faults.iter().cloned()));
    }
    Ok(all.into_iter().partition(|member| select.package.iter().any(|wanted| member.named(wanted))))
}

fn workspace_members(
    root: &Project,
    workspace: &Workspace,
    reading: &mut Reading,
) -> Result<Vec<Member>, Failure> {
    let mut all = Vec::new();
    let mut seen = HashSet::new();
    for member in &workspace.members {
        let folders = member_folders(root, &member.text)?;
        if folders.is_empty() {
            reading.faults.push(
                Diagnostic::error(Code::NoManifest, format!("no folder `{}` holds a manifest", member.text))
                    .label(member.span, "here")
                    .help("name folders that hold a `unikernel.kdl`; `*` stands for any name"),
            );
        }
        for folder in folders {
            // Two patterns may name one folder.
            if !seen.insert(folder.clone()) {
                continue;
            }
            let project = match Project::at(&folder) {
                Ok(project) => project,
                Err(fault) => {
                    let project = Project { name: folder.display().to_string(), folder, text: String::new() };
                    all.push(Member { project, unikernel: None, faults: vec![*fault] });
                    continue;
                }
            };
            let (manifest, mut faults) = reading.manifest_partial(&project);
            let unikernel = match manifest {
                Some(Manifest::Unikernel(unikernel)) => Some(unikernel),
                Some(Manifest::Workspace(inner)) => {
                    faults.push(
                        Diagnostic::error(
                            Code::UnexpectedValue,
                            "a workspace can't be a member of a workspace",
                        )
                        .label(inner.span, "this is one")
                        .help("name its members in the outer workspace"),
                    );
                    None
                }
                None => None,
            };
            all.push(Member { project, unikernel, faults });
        }
    }
    Ok(all)
}

/// The targets by name; the host's own when none is named.
pub(super) fn targets(names: &[String], faults: &mut Vec<Diagnostic>) -> Vec<Target> {
    let mut targets = Vec::new();
    for name in names {
        // The host's own system by the name that it has on a Mac.
        let found = match name.as_str() {
            "macosx" if cfg!(target_os = "macos") => Ok(Target::Unix),
            "macosx" => {
                Err(Diagnostic::error(Code::HostTarget, "the target `macosx` is built on a Mac only")
                    .help("here, `--target unix` gives a native executable"))
            }
            name => uk_planner::target(name, None),
        };
        match found {
            Ok(target) if targets.contains(&target) => {}
            Ok(target) => targets.push(target),
            Err(fault) => faults.push(fault),
        }
    }
    if names.is_empty() { vec![Target::Unix] } else { targets }
}

/// What the environment and `pairs` say of keys.
pub(super) fn settings(pairs: &[String], several: bool, reading: &mut Reading) -> Settings {
    let mut settings = Settings::default();
    if several {
        settings.for_several();
    }
    let mut variables: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    variables.sort();
    for (name, value) in variables {
        settings.environment(&name, &value, &mut reading.sources);
    }
    for pair in pairs {
        let added = settings.command_line(pair, &mut reading.sources);
        reading.take(added.map_err(|fault| vec![fault]));
    }
    settings
}
