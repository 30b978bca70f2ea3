//! What a program that a hook runs stands on.

use std::collections::HashMap;

use uk_action::ActionId;
use uk_diagnostic::Diagnostic;
use uk_loader::{Project, SourceSets};
use uk_planner::Name;
use uk_planner::lower::HookInputs;
use uk_planner::manifest::{Program, Run, Step};
use uk_store::Store;

/// The files, programs and outputs of other steps that `run` reads, fingerprinted.
///
/// # Errors
/// `UK0406` for a file that can't be read, `UK0608` for a program that isn't there.
pub(super) fn inputs(
    project: &Project,
    step: &Step,
    run: &Run,
    outputs: &HashMap<&str, (ActionId, u32, bool)>,
    stamps: &mut SourceSets,
    store: &Store,
) -> Result<HookInputs, Box<Diagnostic>> {
    let here = |name: &Name| {
        let span = name.span;
        move |fault: Box<Diagnostic>| Box::new(fault.label(span, "named here"))
    };
    let (mut local, mut made) = (Vec::new(), Vec::new());
    for path in step.reads() {
        match outputs.get(path.text.as_str()) {
            Some((action, index, _)) => made.push((path.text.clone(), *action, *index)),
            None => local.push(path.text.clone()),
        }
    }
    let mut tools = match &run.program {
        Program::Host(name) => uk_loader::host_programs(&name.text, store).map_err(here(name))?,
        Program::Project(path) => {
            uk_loader::interpreters(&project.folder.join(&path.text), store).map_err(here(path))?
        }
    };
    for tool in &run.tools {
        tools.extend(uk_loader::host_programs(&tool.text, store).map_err(here(tool))?);
    }
    let local = stamps.files(&project.folder, &local).map_err(|fault| {
        let missing = step.reads().into_iter().find(|path| {
            local.contains(&path.text) && project.folder.join(&path.text).symlink_metadata().is_err()
        });
        let fault = match missing {
            Some(path) => fault.label(path.span, "named here"),
            None => fault.label(run.span, "for this step"),
        };
        Box::new(fault.help("a hook's files must be there and readable, relative to the manifest"))
    })?;
    Ok(HookInputs { local, tools, made })
}
