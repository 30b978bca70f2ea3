//! The graph of build steps.

use crate::{Action, Class, Digest, Source};

/// A node of a [`Graph`]. Inside the graph only; between machines and runs a node is its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActionId(u32);

impl ActionId {
    /// The node's place in its graph's order.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Actions in an order in which each stands behind everything that it needs: a cycle can't be written.
#[derive(Debug, Clone, Default)]
pub struct Graph(Vec<Action>);

impl Graph {
    /// Adds an action and returns its id.
    ///
    /// # Panics
    /// When an input names an action that isn't in the graph yet, or an output that it doesn't have.
    pub fn add(&mut self, action: Action) -> ActionId {
        for input in &action.inputs {
            if let Source::Output { action: from, index } = &input.source {
                let outputs = self.0.get(from.index()).map_or(0, |a| a.outputs.len());
                assert!((*index as usize) < outputs, "`{}` needs an output that isn't there", action.label);
            }
        }
        let id = ActionId(u32::try_from(self.0.len()).expect("fewer than 2^32 actions"));
        self.0.push(action);
        id
    }

    /// The action of `id`.
    pub fn get(&self, id: ActionId) -> &Action {
        &self.0[id.index()]
    }

    /// Every action, in order.
    pub fn actions(&self) -> &[Action] {
        &self.0
    }

    /// Every action with its id, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ActionId, &Action)> + DoubleEndedIterator {
        self.0.iter().enumerate().map(|(i, a)| (ActionId(i as u32), a))
    }

    /// What each action is, whatever its inputs came out as: equal for two actions that are the same step on the same
    /// sources, also where no key is known yet. For comparing graphs; a record goes by its key.
    pub fn identities(&self) -> Vec<Digest> {
        let mut all: Vec<Digest> = Vec::with_capacity(self.0.len());
        for action in &self.0 {
            let inputs: Vec<Digest> = action
                .inputs
                .iter()
                .map(|input| match &input.source {
                    Source::Local(tree) => tree.digest,
                    Source::Fixed(fixed) => fixed.identity,
                    Source::Output { action, index } => {
                        let mut bytes = all[action.index()].as_bytes().to_vec();
                        bytes.extend_from_slice(&index.to_le_bytes());
                        Digest::of(&bytes)
                    }
                })
                .collect();
            all.push(action.key(&inputs, Class::Folder));
        }
        all
    }

    /// How many actions there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
