//! Which action can run next.
//!
//! An action is looked up as soon as the *digests* of its inputs are known, and only if it must run are their *bytes*
//! wanted. So an output that comes out as before stops a rebuild, and what garbage collection has taken is made again only
//! where something has a use for it.

use std::collections::BinaryHeap;

use uk_action::{Action, ActionId, Class, Graph, Produced, Source};

use super::perform::Task;
use super::{Event, How, Observer};
use crate::durations::Durations;
use crate::layout::Store;
use crate::recent::Outputs;
use crate::status::{Node, all_there, input_digests, key, known_outputs, present, producers};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nobody has asked for it.
    Idle,
    /// It waits for so many inputs to be known.
    Digests(usize),
    /// It must run, and waits for so many inputs' bytes.
    Bytes(usize),
    /// It can run or does, or has failed.
    Begun,
    /// Its outputs' bytes are in the store.
    There,
}

/// The state of all actions.
pub(super) struct Schedule<'a> {
    graph: &'a Graph,
    store: &'a Store,
    class: Class,
    observer: &'a dyn Observer,
    /// Whether bytes are compared with their digests and kept from garbage collection: not where nothing is to be done.
    strict: bool,
    /// What is known of each action.
    pub(super) nodes: Vec<Node>,
    phases: Vec<Phase>,
    /// Whether its outputs' bytes are wanted, not only their digests.
    bytes: Vec<bool>,
    /// The actions that use an action's outputs, each once. Empty until one waits.
    consumers: Vec<Vec<ActionId>>,
    /// Length of the longest path to the end of the build, in expected milliseconds.
    weights: Vec<u64>,
    ready: BinaryHeap<(u64, std::cmp::Reverse<ActionId>)>,
    /// Actions to look at again; a list, since graphs can be deeper than a stack.
    agenda: Vec<Step>,
}

#[derive(Clone, Copy)]
enum Step {
    /// Its digests are wanted.
    WantDigests(ActionId),
    /// Its bytes are wanted.
    WantBytes(ActionId),
    /// It waits for nothing any more.
    Released(ActionId),
}

impl<'a> Schedule<'a> {
    pub(super) fn new(
        graph: &'a Graph,
        store: &'a Store,
        class: Class,
        nodes: Vec<Node>,
        observer: &'a dyn Observer,
        strict: bool,
    ) -> Self {
        let count = graph.len();
        Self {
            graph,
            store,
            class,
            observer,
            strict,
            nodes,
            phases: vec![Phase::Idle; count],
            bytes: vec![false; count],
            consumers: Vec::new(),
            weights: vec![0; count],
            ready: BinaryHeap::new(),
            agenda: Vec::new(),
        }
    }

    /// Asks for the outputs of an action.
    pub(super) fn want(&mut self, action: ActionId) {
        self.agenda.push(Step::WantBytes(action));
        self.work();
    }

    /// Whether an action can run.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Orders actions by the longest path behind them.
    pub(super) fn order(&mut self, durations: &Durations) {
        for (id, action) in self.graph.iter().rev() {
            let weight = self.weights[id.index()] + durations.expected(action);
            self.weights[id.index()] = weight;
            for from in producers(action) {
                let behind = &mut self.weights[from.index()];
                *behind = weight.max(*behind);
            }
        }
        let ready = std::mem::take(&mut self.ready);
        self.ready = ready.into_iter().map(|(_, id)| (self.weights[id.0.index()], id)).collect();
    }

    /// The next action to run.
    pub(super) fn next(&mut self) -> Option<Task> {
        let (_, std::cmp::Reverse(action)) = self.ready.pop()?;
        let node = self.graph.get(action);
        let inputs = node.inputs.iter().map(|input| match &input.source {
            Source::Output { action, index } => self.produced(*action, *index),
            Source::Local(_) | Source::Fixed(_) => None,
        });
        let inputs = inputs.collect();
        // A `Write` has none: its outputs are known without.
        let key = self.nodes[action.index()].key.unwrap_or_else(|| key(node, &self.nodes, self.class));
        let mut digests = Vec::with_capacity(node.inputs.len());
        input_digests(node, &self.nodes, &mut digests);
        Some(Task { action, key, digests, inputs })
    }

    /// Takes the outputs of an action that ran.
    pub(super) fn finished(&mut self, action: ActionId, outputs: Outputs) {
        let known = self.nodes[action.index()].outputs.replace(outputs).is_some();
        self.phases[action.index()] = Phase::There;
        self.release(action, !known, true);
        self.work();
    }

    fn produced(&self, action: ActionId, index: u32) -> Option<Produced> {
        self.nodes[action.index()].outputs.as_ref().map(|outputs| outputs[index as usize])
    }

    fn work(&mut self) {
        while let Some(step) = self.agenda.pop() {
            match step {
                Step::WantDigests(id) => {
                    if self.nodes[id.index()].outputs.is_none() && self.phases[id.index()] == Phase::Idle {
                        self.await_digests(id);
                    }
                }
                Step::WantBytes(id) => {
                    self.bytes[id.index()] = true;
                    if self.phases[id.index()] == Phase::Idle {
                        match self.nodes[id.index()].outputs {
                            None => self.await_digests(id),
                            Some(_) => self.check_bytes(id),
                        }
                    }
                }
                Step::Released(id) => self.released(id),
            }
        }
    }

    fn await_digests(&mut self, id: ActionId) {
        let unknown = self.inputs(id, |this, from| this.nodes[from.index()].outputs.is_none());
        self.wait(id, Phase::Digests, unknown, Step::WantDigests);
    }

    /// Known outputs, whose bytes are wanted: they are there, or the action runs.
    fn check_bytes(&mut self, id: ActionId) {
        let action = self.graph.get(id);
        let there = match &self.nodes[id.index()].outputs {
            Some(_) if is_given(action) => true,
            Some(outputs) if self.strict => all_there(self.store, action, outputs),
            Some(outputs) => present(self.store, action, outputs),
            None => false,
        };
        if there {
            self.phases[id.index()] = Phase::There;
            self.release(id, false, true);
        } else {
            self.await_bytes(id);
        }
    }

    fn await_bytes(&mut self, id: ActionId) {
        // An input that turns out to be there when it is asked for is counted here all the same, and released then.
        let absent = self.inputs(id, |this, from| this.phases[from.index()] != Phase::There);
        self.wait(id, Phase::Bytes, absent, Step::WantBytes);
    }

    fn wait(
        &mut self,
        id: ActionId,
        phase: fn(usize) -> Phase,
        inputs: Vec<ActionId>,
        want: fn(ActionId) -> Step,
    ) {
        self.phases[id.index()] = phase(inputs.len());
        if inputs.is_empty() {
            self.agenda.push(Step::Released(id));
        } else if self.consumers.is_empty() {
            self.link();
        }
        self.agenda.extend(inputs.into_iter().map(want));
    }

    /// Its inputs are known (look it up), or there (run it).
    fn released(&mut self, id: ActionId) {
        let action = self.graph.get(id);
        let node = &self.nodes[id.index()];
        let computed = key(action, &self.nodes, self.class);
        match self.phases[id.index()] {
            // An input that was made again may have come out otherwise: then it is another action.
            Phase::Bytes(_) if node.key.is_none_or(|key| key == computed) => {
                self.phases[id.index()] = Phase::Begun;
                self.ready.push((self.weights[id.index()], std::cmp::Reverse(id)));
                return;
            }
            _ => {}
        }
        self.nodes[id.index()].key = Some(computed);
        let Some(outputs) = known_outputs(action, computed, self.store) else {
            return self.await_bytes(id);
        };
        let known = self.nodes[id.index()].outputs.replace(outputs).is_some();
        self.observer.event(Event::Finished(id, How::Cached));
        self.phases[id.index()] = Phase::Idle;
        self.release(id, !known, false);
        if self.bytes[id.index()] {
            self.check_bytes(id);
        }
    }

    /// What is known in the end. What should have run and didn't has the outputs of another key, or ones that aren't there.
    pub(super) fn into_nodes(self) -> Vec<Node> {
        let forget = |(mut node, phase): (Node, Phase)| {
            if matches!(phase, Phase::Bytes(_) | Phase::Begun) {
                node.outputs = None;
            }
            node
        };
        self.nodes.into_iter().zip(self.phases).map(forget).collect()
    }

    /// Tells those who wait that `id` has become known, or there, or both. Each is told once of an action: outputs that
    /// were known stay known even if they are made again.
    fn release(&mut self, id: ActionId, known: bool, there: bool) {
        let count = self.consumers.get(id.index()).map_or(0, Vec::len);
        for at in 0..count {
            let consumer = self.consumers[id.index()][at];
            let left = match &mut self.phases[consumer.index()] {
                Phase::Digests(left) if known => left,
                Phase::Bytes(left) if there => left,
                _ => continue,
            };
            *left -= 1;
            if *left == 0 {
                self.agenda.push(Step::Released(consumer));
            }
        }
    }

    fn link(&mut self) {
        self.consumers = vec![Vec::new(); self.graph.len()];
        for (id, action) in self.graph.iter() {
            for from in producers(action) {
                let consumers = &mut self.consumers[from.index()];
                if consumers.last() != Some(&id) {
                    consumers.push(id);
                }
            }
        }
    }

    /// The actions, each once, that make inputs of `id` and of which `is` holds.
    fn inputs(&self, id: ActionId, is: impl Fn(&Self, ActionId) -> bool) -> Vec<ActionId> {
        let mut inputs = producers(self.graph.get(id)).filter(|from| is(self, *from)).collect::<Vec<_>>();
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }
}

fn is_given(action: &Action) -> bool {
    matches!(action.command, uk_action::Command::Given { .. })
}
