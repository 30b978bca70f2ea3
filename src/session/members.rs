//! What a command is about: projects, targets, variants.

use std::collections::HashSet;

use uk_backends::Target;
use uk_diagnostic::{Code, Diagnostic};
use uk_loader::Project;
use uk_planner::catalogue::Catalogue;
use uk_planner::manifest::{Manifest, Unikernel};
use uk_planner::{Settings, Variant, names};

use super::reading::Reading;
use crate::cli::Select;
use crate::failure::Failure;

/// A unikernel before its targets are looked at.
pub(super) struct Member {
    pub project: Project,
    pub unikernel: Unikernel,
}

/// The project itself, or the members of its workspace.
pub fn projects(project: &Project) -> Result<Vec<Project>, Failure> {
    let mut reading = Reading::default();
    let manifest = reading.manifest(project);
    reading.stop_at_faults()?;
    match manifest {
        Some(Manifest::Workspace(workspace)) => {
            let mut all = Vec::new();
            for member in &workspace.members {
                for folder in member_folders(project, &member.text)? {
                    all.push(Project::at(&folder)?);
                }
            }
            Ok(all)
        }
        _ => Ok(vec![project.clone()]),
    }
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

/// The unikernels that `select` names: of the workspace, or the one that the manifest is.
pub(super) fn members(
    root: &Project,
    select: &Select,
    reading: &mut Reading,
) -> Result<Vec<Member>, Failure> {
    let mut all = Vec::new();
    let mut seen = HashSet::new();
    match reading.manifest(root) {
        None => {}
        Some(Manifest::Unikernel(unikernel)) => all.push(Member { project: root.clone(), unikernel }),
        Some(Manifest::Workspace(workspace)) => {
            for member in &workspace.members {
                let folders = member_folders(root, &member.text)?;
                if folders.is_empty() {
                    reading.faults.push(
                        Diagnostic::error(
                            Code::NoManifest,
                            format!("no folder `{}` holds a manifest", member.text),
                        )
                        .label(member.span, "here")
                        .help("name folders that hold a `unikernel.kdl`; `*` stands for any name"),
                    );
                }
                for folder in folders {
                    // Two patterns may name one folder.
                    if !seen.insert(folder.clone()) {
                        continue;
                    }
                    let project = Project::at(&folder)?;
                    match reading.manifest(&project) {
                        Some(Manifest::Unikernel(unikernel)) => all.push(Member { project, unikernel }),
                        Some(Manifest::Workspace(inner)) => reading.faults.push(
                            Diagnostic::error(
                                Code::UnexpectedValue,
                                "a workspace can't be a member of a workspace",
                            )
                            .label(inner.span, "this is one")
                            .help("name its members in the outer workspace"),
                        ),
                        None => {}
                    }
                }
            }
        }
    }
    if select.package.is_empty() || !reading.faults.is_empty() {
        return Ok(all);
    }
    for wanted in &select.package {
        let known = || all.iter().map(|m| m.unikernel.name.text.as_str());
        if !known().any(|name| names::same(name, wanted)) {
            let help = match names::nearest(wanted, known()) {
                Some(near) => format!("did you mean `-p {near}`?"),
                None => format!("unikernels are {}", names::list(known())),
            };
            reading.faults.push(
                Diagnostic::error(Code::UnknownUnikernel, format!("there is no unikernel `{wanted}`"))
                    .help(help),
            );
        }
    }
    all.retain(|m| select.package.iter().any(|wanted| names::same(&m.unikernel.name.text, wanted)));
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

/// Each choice of values that the command line asks for.
pub(super) fn variants(
    select: &Select,
    unikernel: &Unikernel,
    catalogue: &Catalogue,
) -> Result<Vec<Variant>, Failure> {
    Ok(uk_planner::variants(&select.set, unikernel, catalogue)?)
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
