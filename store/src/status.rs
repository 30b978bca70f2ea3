//! What a graph needs: what is known of each action before anything runs.

use std::sync::Arc;

use uk_action::{Action, ActionId, Class, Command, Digest, Encode as _, Graph, Hash, Produced, Source};

use crate::layout::Store;
use crate::recent::{Outputs, Recent};

/// What a build would do with an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing: it stands for something of the host.
    Given,
    /// Nothing: what it makes is known.
    Cached {
        /// Its key.
        key: Digest,
        /// What it makes.
        outputs: Arc<[Produced]>,
    },
    /// Run it.
    Build {
        /// Its key.
        key: Digest,
    },
    /// Wait until some of its inputs are known, then see.
    Waits {
        /// How many earlier actions it waits for.
        count: usize,
    },
}

/// The state of every action, in the graph's order, if the actions that no other needs were built. Writes nothing.
pub fn status(graph: &Graph, store: &Store) -> Vec<State> {
    let roots = sinks(graph);
    let class = store.class();
    let nodes = resolve(graph, &roots, store, class).nodes;

    // Outputs must be there only where something uses them: at the roots, and before what is to be built.
    let mut needed = vec![false; graph.len()];
    roots.iter().for_each(|root| needed[root.index()] = true);
    let mut seen = vec![None; graph.len()];
    let mut states = Vec::with_capacity(graph.len());
    for (id, action) in graph.iter().rev() {
        let node = &nodes[id.index()];
        let key = || node.key.unwrap_or_else(|| key(action, &nodes, class));
        let state = match &node.outputs {
            _ if matches!(action.command, Command::Given { .. }) => State::Given,
            Some(outputs) if !needed[id.index()] || present(store, action, outputs) => {
                State::Cached { key: key(), outputs: Arc::clone(outputs) }
            }
            Some(_) => State::Build { key: key() },
            None => match unknown_inputs(id, action, &nodes, &mut seen) {
                0 => State::Build { key: key() },
                count => State::Waits { count },
            },
        };
        if matches!(state, State::Build { .. } | State::Waits { .. }) {
            producers(action).for_each(|id| needed[id.index()] = true);
        }
        states.push(state);
    }
    states.reverse();
    states
}

/// The actions that no other needs, but for those that stand for something of the host: nobody asks for them.
pub(crate) fn sinks(graph: &Graph) -> Vec<ActionId> {
    let made = |(_, action): (_, &Action)| !matches!(action.command, Command::Given { .. });
    let mut sinks: Vec<bool> = graph.iter().map(made).collect();
    for (_, action) in graph.iter() {
        producers(action).for_each(|id| sinks[id.index()] = false);
    }
    graph.iter().map(|(id, _)| id).filter(|id| sinks[id.index()]).collect()
}

/// What is known of an action.
#[derive(Debug, Clone, Default)]
pub(crate) struct Node {
    /// Known when all inputs are; left out where outputs are known without.
    pub(crate) key: Option<Digest>,
    /// Known from a record or from the action itself. Their bytes may be gone.
    pub(crate) outputs: Option<Outputs>,
}

/// What is known of a graph.
pub(crate) struct Resolved {
    pub(crate) nodes: Vec<Node>,
    /// Whether the roots need it.
    pub(crate) selected: Vec<bool>,
    pub(crate) recent: Recent,
}

/// Computes keys and looks them up, as far as that goes without running anything.
pub(crate) fn resolve(graph: &Graph, roots: &[ActionId], store: &Store, class: Class) -> Resolved {
    let selected = select(graph, roots);
    let mut recent = Recent::load(store, graph, roots);
    if let Some(nodes) = unchanged(graph, &selected, &recent, class) {
        return Resolved { nodes, selected, recent };
    }
    let mut nodes: Vec<Node> = Vec::with_capacity(graph.len());
    let mut digests = Vec::new();
    for (id, action) in graph.iter() {
        let mut node = Node::default();
        if selected[id.index()] {
            node.outputs = own_outputs(action);
            if node.outputs.is_none() && input_digests(action, &nodes, &mut digests) {
                let key = action.key(&digests, class);
                node.key = Some(key);
                node.outputs = recent.outputs(&key).or_else(|| known_outputs(action, key, store));
            }
        }
        nodes.push(node);
    }
    Resolved { nodes, selected, recent }
}

/// What is known of a graph in which nothing has changed since the last build: what was known then.
fn unchanged(graph: &Graph, selected: &[bool], recent: &Recent, class: Class) -> Option<Vec<Node>> {
    let mut last = recent.in_order();
    let nodes = graph.iter().zip(selected).map(|((_, action), selected)| {
        if !selected {
            return Some(Node::default());
        }
        if let Some(outputs) = own_outputs(action) {
            return Some(Node { key: None, outputs: Some(outputs) });
        }
        let (key, outputs) = last.next()?;
        Some(Node { key: Some(*key), outputs: Some(Arc::clone(outputs)) })
    });
    let nodes = nodes.collect::<Option<Vec<_>>>()?;
    // Then every action makes what it made, by induction along the graph's order.
    let meaning = meaning(graph, class, |id| nodes[id.index()].outputs.as_deref());
    recent.means(meaning).then_some(nodes)
}

/// The digest of all that the keys stand for if every action makes what `made` says. One long encoding is hashed several
/// times as fast as thousands of short ones.
pub(crate) fn meaning<'n>(
    graph: &Graph,
    class: Class,
    made: impl Fn(ActionId) -> Option<&'n [Produced]>,
) -> Digest {
    let (mut hash, mut digests) = (Hash::default(), Vec::new());
    for (id, action) in graph.iter() {
        let has_key = matches!(action.command, Command::Run { .. } | Command::Builtin { .. });
        if has_key && made(id).is_some() && digests_of(action, &made, &mut digests) {
            action.resolved(&digests, class).encode(&mut hash);
        }
    }
    hash.finish()
}

/// Outputs that follow from the action alone.
pub(crate) fn own_outputs(action: &Action) -> Option<Outputs> {
    match &action.command {
        Command::Given { identity, .. } => {
            Some(Arc::new([Produced { digest: *identity, size: 0, executable: false }]))
        }
        Command::Write(bytes) => {
            let (digest, size) = (Digest::of(bytes), bytes.len() as u64);
            Some(Arc::new([Produced { digest, size, executable: false }]))
        }
        Command::Run { .. } | Command::Builtin { .. } => None,
    }
}

/// Outputs that a record tells.
pub(crate) fn known_outputs(action: &Action, key: Digest, store: &Store) -> Option<Outputs> {
    let outputs = store.record(key)?.outputs;
    (outputs.len() == action.outputs.len()).then_some(outputs)
}

/// Whether the bytes of all outputs seem to be in the store.
pub(crate) fn present(store: &Store, action: &Action, outputs: &[Produced]) -> bool {
    outputs.iter().zip(&action.outputs).all(|(produced, output)| store.has(produced, output.kind))
}

/// Whether the bytes of all outputs are in the store and sound; those that are stay as long as it is open.
pub(crate) fn all_there(store: &Store, action: &Action, outputs: &[Produced]) -> bool {
    outputs.iter().zip(&action.outputs).all(|(produced, output)| store.holds(produced, output.kind))
}

/// The digests of an action's inputs, in order; `false` when one isn't known yet.
pub(crate) fn input_digests(action: &Action, nodes: &[Node], digests: &mut Vec<Digest>) -> bool {
    digests_of(action, |id| nodes[id.index()].outputs.as_deref(), digests)
}

pub(crate) fn digests_of<'n>(
    action: &Action,
    made: impl Fn(ActionId) -> Option<&'n [Produced]>,
    digests: &mut Vec<Digest>,
) -> bool {
    digests.clear();
    for input in &action.inputs {
        digests.push(match &input.source {
            Source::Local(tree) => tree.digest,
            Source::Fixed(fixed) => fixed.identity,
            Source::Output { action, index } => {
                // Outputs that are only presumed can be others'.
                match made(*action).and_then(|outputs| outputs.get(*index as usize)) {
                    Some(produced) => produced.identity(),
                    None => return false,
                }
            }
        });
    }
    true
}

/// The key of an action whose inputs are all known.
pub(crate) fn key(action: &Action, nodes: &[Node], class: Class) -> Digest {
    let mut digests = Vec::with_capacity(action.inputs.len());
    let known = input_digests(action, nodes, &mut digests);
    assert!(known, "`{}` is asked for its key before its inputs are known", action.label);
    action.key(&digests, class)
}

/// How many actions have to tell their outputs first. `seen` holds for each the last that asked.
fn unknown_inputs(id: ActionId, action: &Action, nodes: &[Node], seen: &mut [Option<ActionId>]) -> usize {
    let unknown = producers(action).filter(|from| nodes[from.index()].outputs.is_none());
    unknown.filter(|from| seen[from.index()].replace(id) != Some(id)).count()
}

/// The actions whose outputs are inputs, as often as they are.
pub(crate) fn producers(action: &Action) -> impl Iterator<Item = ActionId> {
    action.inputs.iter().filter_map(|input| match input.source {
        Source::Output { action, .. } => Some(action),
        Source::Local(_) | Source::Fixed(_) => None,
    })
}

/// The roots and everything that they need.
pub(crate) fn select(graph: &Graph, roots: &[ActionId]) -> Vec<bool> {
    let mut selected = vec![false; graph.len()];
    roots.iter().for_each(|root| selected[root.index()] = true);
    for (id, action) in graph.iter().rev() {
        if selected[id.index()] {
            producers(action).for_each(|id| selected[id.index()] = true);
        }
    }
    selected
}
