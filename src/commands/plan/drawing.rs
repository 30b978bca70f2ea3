//! The action graph as a picture: for Graphviz and for Mermaid.

use uk_action::Graph;
use uk_store::State;

use super::{needs, word};

/// For Graphviz.
pub(super) fn dot(graph: &Graph, states: &[State]) -> String {
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

/// For Mermaid, as Markdown viewers draw it.
pub(super) fn mermaid(graph: &Graph, states: &[State]) -> String {
    let mut text = String::from("flowchart LR\n");
    for ((id, action), state) in graph.iter().zip(states) {
        // Mermaid knows entities, not escapes.
        let label = action.label.replace('&', "&amp;").replace('"', "&quot;");
        text.push_str(&format!(
            "  n{}[\"{label}<br/>{}<br/>{}\"]\n",
            id.index(),
            action.kind.name(),
            word(state)
        ));
        for need in needs(action) {
            text.push_str(&format!("  n{} --> n{}\n", need.index(), id.index()));
        }
    }
    text
}
