//! `uk plan`: what would be built, and what is cached.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use uk_action::{Action, ActionId, Digest, Graph, Source};
use uk_store::{State, status};

use crate::cli::{Format, Select};
use crate::commands::keys;
use crate::failure::Failure;
use crate::session::{Planned, Session};
use crate::ui::Ui;

/// Prints the plan. Nothing is built.
pub fn run(folder: &Path, select: &Select, format: Format, ui: Ui) -> Result<(), Failure> {
    let session = Session::plan(folder, select)?;
    for planned in &session.planned {
        ui.diagnostics(planned.devices.warnings(), &session.sources);
    }
    let states = status(&session.graph, &session.store);
    let text = match format {
        Format::Text => text(&session, &states),
        Format::Json => json(&session, &states),
        Format::Dot => dot(&session.graph, &states),
    };
    ui.output(&text);
    Ok(())
}

/// The word for a state, the same in every format.
fn word(state: &State) -> &'static str {
    match state {
        State::Given => "given",
        State::Cached { .. } => "cached",
        State::Build { .. } => "to build",
        State::Waits { .. } => "waiting",
    }
}

fn text(session: &Session, states: &[State]) -> String {
    let mut text = String::new();
    for planned in &session.planned {
        text.push_str(&head(planned));
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
    text.push_str(&keys::table(&["state", "kind", "node"].map(str::to_owned), &rows));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for state in states.iter().filter(|s| !matches!(s, State::Given)) {
        *counts.entry(word(state)).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    text.push_str(&format!("{}\n", counts.join(", ")));
    text
}

/// A unikernel's devices, jobs and keys.
fn head(planned: &Planned) -> String {
    let graph = &planned.devices;
    let mut text = format!("{} for {}\n", graph.name().text, graph.target());
    for device in graph.devices() {
        let on: Vec<&str> = device.bindings.iter().map(|b| graph.device(b.device).name.as_str()).collect();
        let on = if on.is_empty() { String::new() } else { format!(" on {}", on.join(", ")) };
        text.push_str(&format!("  device {} = {} ({}){on}\n", device.name, device.resolved, device.package));
    }
    for job in graph.jobs() {
        text.push_str(&format!("  job {} = {}\n", job.name.text, job.entry));
    }
    for key in graph.keys() {
        text.push_str(&format!("  key {} = {} (from {})\n", key.name, keys::value(key), keys::origin(key)));
    }
    text.push('\n');
    text
}

/// The version of the JSON form; see docs/plan.schema.json.
const JSON: u32 = 1;

#[derive(Serialize)]
struct JsonPlan<'a> {
    version: u32,
    unikernels: Vec<JsonUnikernel<'a>>,
    nodes: Vec<JsonNode<'a>>,
}

#[derive(Serialize)]
struct JsonUnikernel<'a> {
    name: &'a str,
    target: &'a str,
    artifact: String,
    devices: Vec<JsonDevice<'a>>,
    jobs: Vec<JsonJob<'a>>,
    keys: Vec<JsonKey<'a>>,
    link: usize,
    pack: usize,
}

#[derive(Serialize)]
struct JsonDevice<'a> {
    name: &'a str,
    implementation: &'a str,
    interface: &'a str,
    package: &'a str,
    on: Vec<&'a str>,
}

#[derive(Serialize)]
struct JsonJob<'a> {
    name: &'a str,
    entry: &'a str,
}

#[derive(Serialize)]
struct JsonKey<'a> {
    name: &'a str,
    r#type: String,
    value: String,
    from: &'static str,
}

#[derive(Serialize)]
struct JsonNode<'a> {
    id: usize,
    kind: &'static str,
    label: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<usize>,
    needs: Vec<usize>,
    outputs: Vec<JsonOutput<'a>>,
}

#[derive(Serialize)]
struct JsonOutput<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
}

fn json(session: &Session, states: &[State]) -> String {
    let nodes = session.graph.iter().zip(states).map(|((id, action), state)| {
        let (key, produced, waits_for) = match state {
            State::Given => (None, None, None),
            State::Cached { key, outputs } => (Some(*key), Some(outputs), None),
            State::Build { key } => (Some(*key), None, None),
            State::Waits { count } => (None, None, Some(*count)),
        };
        let outputs = action.outputs.iter().enumerate().map(|(index, output)| JsonOutput {
            path: &output.path,
            digest: produced.and_then(|p| p.get(index)).map(|p| p.digest),
        });
        JsonNode {
            id: id.index(),
            kind: action.kind.name(),
            label: &action.label,
            state: word(state),
            key,
            waits_for,
            needs: needs(action).into_iter().map(ActionId::index).collect(),
            outputs: outputs.collect(),
        }
    });
    let plan = JsonPlan {
        version: JSON,
        unikernels: session.planned.iter().map(json_unikernel).collect(),
        nodes: nodes.collect(),
    };
    // Text, numbers and lists can always be written.
    serde_json::to_string_pretty(&plan).unwrap_or_default() + "\n"
}

fn json_unikernel(planned: &Planned) -> JsonUnikernel<'_> {
    let graph = &planned.devices;
    JsonUnikernel {
        name: &graph.name().text,
        target: graph.target().name(),
        artifact: planned.artifact(),
        devices: graph
            .devices()
            .iter()
            .map(|device| JsonDevice {
                name: &device.name,
                implementation: &device.resolved,
                interface: &device.interface,
                package: &device.package,
                on: device.bindings.iter().map(|b| graph.device(b.device).name.as_str()).collect(),
            })
            .collect(),
        jobs: graph.jobs().iter().map(|job| JsonJob { name: &job.name.text, entry: &job.entry }).collect(),
        keys: graph
            .keys()
            .iter()
            .map(|key| JsonKey {
                name: &key.name,
                r#type: key.ty.to_string(),
                value: keys::value(key),
                from: keys::origin(key),
            })
            .collect(),
        link: planned.image.link.index(),
        pack: planned.image.pack.index(),
    }
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

fn dot(graph: &Graph, states: &[State]) -> String {
    let mut text = String::from("digraph plan {\n  rankdir=LR; node [shape=box, fontname=\"sans-serif\"];\n");
    for ((id, action), state) in graph.iter().zip(states) {
        let label = format!("{}\n{}\n{}", action.label, action.kind.name(), word(state));
        let style = if matches!(state, State::Cached { .. } | State::Given) { "solid" } else { "bold" };
        text.push_str(&format!("  n{} [label={label:?}, style={style}];\n", id.index()));
        for need in needs(action) {
            text.push_str(&format!("  n{} -> n{};\n", need.index(), id.index()));
        }
    }
    text.push_str("}\n");
    text
}
