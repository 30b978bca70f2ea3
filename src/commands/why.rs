//! `uk why`: why a node would be built, or was.

use std::path::Path;

use serde::Serialize;
use uk_action::{ActionId, Digest};
use uk_store::{Cancel, Cause, State, When, status};

use super::node;
use crate::cli::{Said, Select};
use crate::failure::Failure;
use crate::reasons::{Reason, Reasons};
use crate::session::Session;
use crate::ui::Ui;

/// Says it of every node that `wanted` means.
pub fn run(
    folder: &Path,
    wanted: &str,
    select: &Select,
    format: Said,
    cancel: &Cancel,
    ui: Ui,
) -> Result<(), Failure> {
    let session = Session::plan(folder, select, false, cancel)?;
    let states = status(&session.graph, &session.store);
    let reasons = Reasons::new(&session, &states);
    let nodes = node::find(&session.graph, |id| reasons.history.key(id), wanted)?;
    let found = nodes.iter().map(|id| (*id, reasons.of(*id)));
    let said = match format {
        Said::Text => found.map(|(id, reason)| text(&reasons, id, &reason)).collect::<Vec<_>>().join("\n"),
        Said::Json => json(&session, &states, &reasons, found),
    };
    cancel.check()?;
    ui.output(&said)?;
    Ok(())
}

fn text(reasons: &Reasons<'_>, id: ActionId, reason: &Reason) -> String {
    let mut text = format!("{}: {}\n", reasons.name(id), verdict(reasons, reason));
    let list = |title: &str, lines: Vec<String>, text: &mut String| {
        if !lines.is_empty() {
            text.push_str(&format!("  {title}\n"));
            lines.iter().for_each(|line| text.push_str(&format!("    {line}\n")));
        }
    };
    let mut roots: Vec<String> = reason.roots.iter().map(|(_, root)| root.clone()).collect();
    roots.dedup();
    if !untouched(reason) {
        list("root causes", roots, &mut text);
    }
    // The tools and generated files among them are the root causes themselves.
    let cascade: Vec<String> = reason
        .cascade
        .iter()
        .map(|id| format!("needs `{}`, {}", reasons.name(*id), because(reasons, *id)))
        .collect();
    list("cascade", cascade, &mut text);
    text
}

/// Whether nothing is known to have happened to it.
fn untouched(reason: &Reason) -> bool {
    reason.why.when == When::Known && reason.why.cause == Cause::New
}

fn verdict(reasons: &Reasons<'_>, reason: &Reason) -> String {
    let ago = match reasons.history.builds().saturating_sub(reason.why.build) {
        0 => "in the last build".to_owned(),
        1 => "in the build before the last".to_owned(),
        builds => format!("{builds} builds before the last"),
    };
    match (reason.why.when, reason.why.ran) {
        (When::Will, _) if reason.roots.is_empty() => {
            "will be built if what it needs comes out otherwise".to_owned()
        }
        (When::Will, _) => "will be built".to_owned(),
        (When::Known, _) if untouched(reason) => {
            "won't be built: it is known, and no build of it here is recorded".to_owned()
        }
        (When::Known, _) => {
            "won't be built: it is another than in the last build, but what it makes is known".to_owned()
        }
        (When::Did, true) => format!("was built {ago}"),
        (When::Did, false) => format!("became what it is {ago}, and what it makes was known"),
    }
}

fn because(reasons: &Reasons<'_>, id: ActionId) -> &'static str {
    match reasons.history.why(id).when {
        When::Will => "which will be built",
        When::Known | When::Did => "whose output changed",
    }
}

/// The version of the JSON form; see docs/why.schema.json.
const JSON: u32 = 1;

#[derive(Serialize)]
struct JsonAll<'a> {
    version: u32,
    nodes: Vec<JsonWhy<'a>>,
}

#[derive(Serialize)]
struct JsonWhy<'a> {
    kind: &'static str,
    label: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Digest>,
    state: &'static str,
    /// `will` be built, is `known`, or `did` become what it is in an earlier build.
    when: &'static str,
    ran: bool,
    builds_ago: u64,
    roots: Vec<JsonRoot<'a>>,
    cascade: Vec<JsonNode<'a>>,
}

#[derive(Serialize)]
struct JsonRoot<'a> {
    node: JsonNode<'a>,
    cause: String,
}

#[derive(Serialize)]
struct JsonNode<'a> {
    kind: &'static str,
    label: &'a str,
}

fn json(
    session: &Session,
    states: &[State],
    reasons: &Reasons<'_>,
    found: impl Iterator<Item = (ActionId, Reason)>,
) -> String {
    let node = |id: ActionId| {
        let action = session.graph.get(id);
        JsonNode { kind: action.kind.name(), label: &action.label }
    };
    let all = found.map(|(id, reason)| JsonWhy {
        kind: node(id).kind,
        label: node(id).label,
        key: reasons.history.key(id),
        state: super::plan::word(&states[id.index()]),
        when: match reason.why.when {
            When::Will => "will",
            When::Known => "known",
            When::Did => "did",
        },
        ran: reason.why.ran,
        builds_ago: reasons.history.builds().saturating_sub(reason.why.build),
        roots: reason.roots.into_iter().map(|(id, cause)| JsonRoot { node: node(id), cause }).collect(),
        cascade: reason.cascade.into_iter().map(node).collect(),
    });
    // Text, numbers and lists can always be written.
    serde_json::to_string_pretty(&JsonAll { version: JSON, nodes: all.collect() }).unwrap_or_default() + "\n"
}
