//! What a graph needs: what is known of each action before anything runs.

use std::sync::Arc;

use rayon::prelude::*;
use uk_action::{Action, ActionId, Class, Command, Digest, Graph, Produced, Source};

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

/// The actions that no other needs.
pub(crate) fn sinks(graph: &Graph) -> Vec<ActionId> {
    let mut sinks = vec![true; graph.len()];
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

/// Above this many actions keys are computed on all cores.
const MANY: usize = 2000;

/// Computes keys and looks them up, as far as that goes without running anything.
pub(crate) fn resolve(graph: &Graph, roots: &[ActionId], store: &Store, class: Class) -> Resolved {
    let selected = select(graph, roots);
    let mut recent = Recent::load(store, graph, roots);
    let mut presumed = None;
    if graph.len() >= MANY {
        let all = Presumed::new(graph, &selected, &recent, class);
        // Then every action makes what it made, by induction along the graph's order.
        if recent.is(all.keys.iter().flatten()) {
            let nodes = all.keys.into_iter().zip(all.outputs);
            let nodes = nodes.map(|(key, outputs)| Node { key, outputs }).collect();
            return Resolved { nodes, selected, recent };
        }
        presumed = Some(all);
    }
    let mut nodes: Vec<Node> = Vec::with_capacity(graph.len());
    // Whether an action's outputs are those that were presumed.
    let mut sound = vec![false; graph.len()];
    let mut digests = Vec::new();
    for (id, action) in graph.iter() {
        let place = id.index();
        let mut node = Node::default();
        if selected[place] {
            node.outputs = own_outputs(action);
            if node.outputs.is_none() {
                let presumed = presumed.as_ref().and_then(|presumed| presumed.keys[place]);
                node.key = presumed.filter(|_| producers(action).all(|from| sound[from.index()]));
                if node.key.is_none() && input_digests(action, &nodes, &mut digests) {
                    node.key = Some(action.key(&digests, class));
                }
                node.outputs = node
                    .key
                    .and_then(|key| recent.outputs(&key).or_else(|| known_outputs(action, key, store)));
            }
        }
        if let Some(presumed) = &presumed {
            sound[place] = node.outputs.is_some() && node.outputs == presumed.outputs[place];
        }
        nodes.push(node);
    }
    Resolved { nodes, selected, recent }
}

/// What the keys are if every action makes what it made the last time: they can be computed at once, and most prove right.
struct Presumed {
    outputs: Vec<Option<Outputs>>,
    /// Of the actions that have records.
    keys: Vec<Option<Digest>>,
}

impl Presumed {
    fn new(graph: &Graph, selected: &[bool], recent: &Recent, class: Class) -> Self {
        let mut last = recent.in_order();
        let outputs = graph.iter().map(|(id, action)| match action.command {
            _ if !selected[id.index()] => None,
            Command::Given { .. } | Command::Write(_) => own_outputs(action),
            Command::Run { .. } | Command::Builtin { .. } => last.next().cloned(),
        });
        let outputs = outputs.collect::<Vec<_>>();
        let made = |id: ActionId| outputs[id.index()].as_deref();
        let keys =
            graph.actions().par_iter().zip(selected).map_init(Vec::new, |digests, (action, selected)| {
                let wanted =
                    *selected && matches!(action.command, Command::Run { .. } | Command::Builtin { .. });
                (wanted && digests_of(action, made, digests)).then(|| action.key(digests, class))
            });
        let keys = keys.collect();
        Self { outputs, keys }
    }
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

fn digests_of<'n>(
    action: &Action,
    made: impl Fn(ActionId) -> Option<&'n [Produced]>,
    digests: &mut Vec<Digest>,
) -> bool {
    digests.clear();
    for input in &action.inputs {
        digests.push(match &input.source {
            Source::Local(tree) => tree.digest,
            Source::Fixed(fixed) => fixed.identity,
            Source::Output { action, index } => match made(*action) {
                Some(outputs) => outputs[*index as usize].identity(),
                None => return false,
            },
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
