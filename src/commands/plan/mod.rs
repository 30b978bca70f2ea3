//! `uk plan`: what would be built, and what is cached.

mod diff;
mod drawing;
mod json;

use std::collections::BTreeMap;
use std::path::Path;

use uk_action::{Action, ActionId, Source};
use uk_diagnostic::Diagnostic;
use uk_planner::device::Attached;
use uk_planner::hooks::Hooks;
use uk_store::{Cancel, State, status};

use crate::cli::{Against, Format, Select};
use crate::commands::keys;
use crate::failure::Failure;
use crate::hooks;
use crate::made::Record;
use crate::session::{Planned, Session};
use crate::ui::{Ui, table};

/// Prints the plan. Nothing is built.
pub fn run(
    folder: &Path,
    select: &Select,
    format: Format,
    against: Option<Against>,
    cancel: &Cancel,
    ui: Ui,
) -> Result<(), Failure> {
    let session = Session::plan(folder, select, false, cancel)?;
    match against {
        None => {}
        Some(Against::Default) => {
            ui.output(&diff::diff(folder, select, &session)?)?;
            return Ok(());
        }
        Some(Against::Last) => {
            let said = diff::last(&session);
            cancel.check()?;
            ui.output(&said)?;
            return Ok(());
        }
    }
    ui.diagnostics(&session.warnings, &session.sources);
    let states = status(&session.graph, &session.store);
    let text = match format {
        Format::Text => text(&session, &states)?,
        Format::Json => json::json(&session, &states)?,
        Format::Dot => drawing::dot(&session.graph, &states),
        Format::Mermaid => drawing::mermaid(&session.graph, &states),
    };
    ui.output(&text)?;
    Ok(())
}

/// The word for a state, the same in every format.
pub(super) fn word(state: &State) -> &'static str {
    match state {
        State::Given => "given",
        State::Cached { .. } => "cached",
        State::Build { .. } => "to build",
        State::Waits { .. } => "waiting",
    }
}

fn text(session: &Session, states: &[State]) -> Result<String, Failure> {
    let mut text = String::new();
    for planned in &session.planned {
        text.push_str(&head(session, planned)?);
    }
    let rows: Vec<[String; 3]> = session
        .graph
        .iter()
        .zip(states)
        .map(|((_, action), state)| {
            let state = match state {
                State::Waits { count } => format!("waits for {count}"),
                other => word(other).to_owned(),
            };
            [state, action.kind.name().to_owned(), action.label.clone()]
        })
        .collect();
    text.push_str(&table(&["state", "kind", "node"].map(str::to_owned), &rows));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for state in states.iter().filter(|s| !matches!(s, State::Given)) {
        *counts.entry(word(state)).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    text.push_str(&format!("{}\n", counts.join(", ")));
    Ok(text)
}

/// What hooks make for a unikernel, with what will become of it.
fn hooks<'s>(
    session: &'s Session,
    planned: &Planned,
) -> Result<Vec<(&'s hooks::Thing, hooks::State)>, Failure> {
    let plans = session.hooks.iter().filter(|plan| plan.project == planned.project);
    let states = plans.flat_map(|plan| {
        let record = Record::load(&plan.project);
        let mut stamps = hooks::stamps(&plan.project);
        let state = move |thing: &'s hooks::Thing| {
            Ok((thing, thing.state(&plan.project, &record, false, &mut stamps)?))
        };
        plan.things.iter().map(state)
    });
    let states: Result<_, Box<Diagnostic>> = states.collect();
    states.map_err(|fault| Failure::new(vec![*fault], &session.sources))
}

/// A unikernel's devices, hooks, jobs and keys.
fn head(session: &Session, planned: &Planned) -> Result<String, Failure> {
    let graph = &planned.devices;
    let mut text = format!("{} for {}\n", graph.name().text, graph.target());
    for device in graph.devices() {
        let on: Vec<&str> = device.bindings.iter().map(|b| graph.device(b.device).name.as_str()).collect();
        let on = if on.is_empty() { String::new() } else { format!(" on {}", on.join(", ")) };
        text.push_str(&format!("  device {} = {} ({}){on}\n", device.name, device.resolved, device.package));
    }
    for attachment in graph.devices().iter().flat_map(|d| &d.attachments) {
        let what = match &attachment.what {
            Attached::File { path, read_only, .. } => {
                format!("file {path}{}", if *read_only { ", read-only" } else { "" })
            }
            Attached::Folder { path } => format!("folder {path}"),
            Attached::Tap { name } => format!("tap {name}"),
        };
        text.push_str(&format!("  attach {} = {what}\n", attachment.name));
    }
    for (thing, state) in hooks(session, planned)? {
        let devices = Hooks::devices(&thing.make, graph);
        let devices = if devices.is_empty() { String::new() } else { format!(" for {}", devices.join(", ")) };
        text.push_str(&format!(
            "  hook {} = {}{devices} ({})\n",
            thing.make.hook,
            thing.describe(),
            state.word()
        ));
    }
    for job in graph.jobs() {
        text.push_str(&format!("  job {} = {}\n", job.name.text, job.entry));
    }
    for key in graph.keys() {
        let from = match key.value {
            Some(_) => format!(" (from {})", keys::provenance(key)),
            None => String::new(),
        };
        text.push_str(&format!("  key {} = {}{from}\n", key.name, keys::value(key)));
    }
    text.push('\n');
    Ok(text)
}

/// The actions that an action needs, each once.
fn needs(action: &Action) -> Vec<ActionId> {
    let from =
        |source: &Source| if let Source::Output { action, .. } = source { Some(*action) } else { None };
    let mut needs: Vec<ActionId> = action.inputs.iter().filter_map(|input| from(&input.source)).collect();
    needs.sort();
    needs.dedup();
    needs
}
