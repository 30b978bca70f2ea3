//! The plan for programs.

use serde::Serialize;
use uk_action::{ActionId, Digest};
use uk_planner::device::{Attached, Device};
use uk_planner::hooks::Hooks;
use uk_store::State;

use super::{hooks, needs, word};
use crate::commands::keys;
use crate::failure::Failure;
use crate::session::{DataNode, Planned, Session};

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
    attachments: Vec<JsonAttachment<'a>>,
    data: Vec<JsonData<'a>>,
    hooks: Vec<JsonHook<'a>>,
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
struct JsonAttachment<'a> {
    name: &'a str,
    id: &'a str,
    device: &'a str,
    kind: &'static str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_only: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sector_size: Option<u32>,
}

#[derive(Serialize)]
struct JsonData<'a> {
    device: &'a str,
    name: &'a str,
    tool: &'static str,
    folder: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    node: usize,
}

#[derive(Serialize)]
struct JsonHook<'a> {
    hook: &'a str,
    step: &'static str,
    path: &'a str,
    state: &'static str,
    devices: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
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

/// The whole plan.
pub(super) fn json(session: &Session, states: &[State]) -> Result<String, Failure> {
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
    let unikernels: Result<_, Failure> =
        session.planned.iter().map(|planned| json_unikernel(session, planned)).collect();
    let plan = JsonPlan { version: JSON, unikernels: unikernels?, nodes: nodes.collect() };
    // Text, numbers and lists can always be written.
    Ok(serde_json::to_string_pretty(&plan).unwrap_or_default() + "\n")
}

fn json_unikernel<'s>(session: &'s Session, planned: &'s Planned) -> Result<JsonUnikernel<'s>, Failure> {
    let graph = &planned.devices;
    let hooks = hooks(session, planned)?.into_iter().map(|(thing, state)| JsonHook {
        hook: &thing.make.hook,
        step: thing.make.step.word(),
        path: &thing.path,
        state: state.word(),
        devices: Hooks::devices(&thing.make, graph),
        size: thing.size(),
        from: thing.from(),
    });
    Ok(JsonUnikernel {
        hooks: hooks.collect(),
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
        attachments: graph.devices().iter().flat_map(json_attachments).collect(),
        data: planned.data.iter().map(json_data).collect(),
        jobs: graph.jobs().iter().map(|job| JsonJob { name: &job.name.text, entry: &job.entry }).collect(),
        keys: graph
            .keys()
            .iter()
            .map(|key| JsonKey {
                name: &key.name,
                r#type: key.ty.to_string(),
                value: keys::value(key),
                from: keys::provenance(key),
            })
            .collect(),
        link: planned.image.link.index(),
        pack: planned.image.pack.index(),
    })
}

fn json_data(node: &DataNode) -> JsonData<'_> {
    let (data, file) = (&node.data, node.file());
    let (name, tool, folder) = (&data.name, data.tool.name(), &data.folder);
    JsonData { device: &node.device, name, tool, folder, file, node: node.node.index() }
}

fn json_attachments(device: &Device) -> impl Iterator<Item = JsonAttachment<'_>> {
    device.attachments.iter().map(|attachment| {
        let (kind, read_only, sector_size) = match &attachment.what {
            Attached::File { read_only, sector_size, .. } => ("file", Some(*read_only), Some(*sector_size)),
            Attached::Folder { .. } => ("folder", None, None),
            Attached::Tap { .. } => ("tap", None, None),
        };
        JsonAttachment {
            name: &attachment.name,
            id: &attachment.id,
            device: &device.name,
            kind,
            path: attachment.path(),
            read_only,
            sector_size,
        }
    })
}
