//! Why a node would be built, or was.
//!
//! A build keeps, beside each record, what the key stands for ([`kept`]), and, for its roots, which key each node had
//! ([`last`]). Here two of them are compared. A build that has nothing to do reads and writes none of it.

mod compare;
mod kept;
mod last;

use std::fs;
use std::sync::Arc;

use uk_action::{Action, ActionId, Command, Digest, Graph, Source};

use crate::layout::Store;
use crate::recent::Outputs;
use crate::status::{Node, State, own_outputs, sinks};
use crate::upkeep::Scan;
use kept::Explained;
use last::{How, Last};

pub(crate) use kept::{is_whole, keep};
pub(crate) use last::{is_sound, names, save};

/// What people call a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The word of its kind.
    pub kind: String,
    /// Its label.
    pub label: String,
}

/// What became of something that a node sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It wasn't there before.
    Added,
    /// It isn't there any more.
    Removed,
    /// It is another.
    Changed,
}

/// One thing in which a node differs from what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A file of the user's.
    File {
        /// The input that it belongs to: its path in the sandbox.
        of: String,
        /// Its path in there.
        file: String,
        /// What became of it.
        change: Change,
    },
    /// What another node makes: a cascade.
    Output {
        /// The input's path in the sandbox.
        path: String,
        /// Who makes it.
        from: Option<Name>,
        /// `false` while that node has yet to be built: it may come out as it was.
        known: bool,
    },
    /// A whole input.
    Input {
        /// Its path in the sandbox.
        path: String,
        /// Who makes it, if a node does.
        from: Option<Name>,
        /// What became of it.
        change: Change,
    },
    /// An argument of its command.
    Argument {
        /// The argument.
        text: String,
        /// Whether it is new or gone.
        change: Change,
    },
    /// A variable of its environment.
    Variable {
        /// The variable.
        name: String,
        /// Its value before.
        before: Option<String>,
        /// Its value now.
        now: Option<String>,
    },
    /// Anything else in its encoding.
    Field {
        /// The field.
        name: String,
        /// What it was.
        before: String,
        /// What it is.
        now: String,
    },
    /// The text of a generated file. Both may be in the store.
    Content {
        /// What it was.
        before: Digest,
        /// What it is.
        now: Digest,
    },
    /// It is another of its kind: a tool of the host, or a package of another version. Labels may be equal.
    Version {
        /// What it was called.
        before: String,
        /// What it is called.
        now: String,
    },
}

impl Difference {
    /// Whether it is one of the node's command or of which inputs it has, not of what is in them.
    pub fn is_shape(&self) -> bool {
        match self {
            Self::Input { change, .. } => *change != Change::Changed,
            Self::Argument { .. } | Self::Variable { .. } | Self::Field { .. } => true,
            Self::File { .. } | Self::Output { .. } | Self::Content { .. } | Self::Version { .. } => false,
        }
    }
}

/// Whether a node is to run, ran, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It will run, or may, depending on what it waits for.
    Will,
    /// It is another than in the last build, but what it makes is known.
    Known,
    /// It is as in the last build. Then the causes are those of the last time that it changed or ran.
    Did,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// No earlier build of it is recorded.
    New,
    /// It is the same, but what it made isn't in the store any more.
    Gone,
    /// It is the same, but what it made, or its record, was put away into the store's `bad/`.
    PutAway,
    /// It differs in this.
    Differs(Vec<Difference>),
    /// It differs, but the explanation of one of both isn't kept.
    Lost,
}

/// Why a node would be built, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Whether it is to run.
    pub when: When,
    /// Whether it ran when it last became what it is; else what it makes was known from another build.
    pub ran: bool,
    /// The number of the build in which it last changed or ran, of those with the same roots.
    pub build: u64,
    /// Why.
    pub cause: Cause,
}

/// A graph beside its last build.
pub struct History<'a> {
    graph: &'a Graph,
    store: &'a Store,
    states: &'a [State],
    last: Last,
    pairs: Vec<Option<usize>>,
}

impl<'a> History<'a> {
    /// Of a graph whose states are known.
    pub fn load(graph: &'a Graph, store: &'a Store, states: &'a [State]) -> Self {
        let last = Last::load(store, graph, &sinks(graph));
        let keys: Vec<Option<Digest>> =
            graph.iter().zip(states).map(|((_, action), state)| key(action, state)).collect();
        let pairs = last.pair(graph, &keys);
        Self { graph, store, states, last, pairs }
    }

    /// The number of builds of these roots that did something.
    pub fn builds(&self) -> u64 {
        self.last.build
    }

    /// The key of a node: now, or if that isn't known yet, in the last build.
    pub fn key(&self, id: ActionId) -> Option<Digest> {
        let now = key(self.graph.get(id), &self.states[id.index()]);
        now.or_else(|| Some(self.last.entries[self.pairs[id.index()]?].key))
    }

    /// The nodes of the last build that the graph doesn't have.
    pub fn dropped(&self) -> Vec<Name> {
        let mut left = vec![true; self.last.entries.len()];
        self.pairs.iter().flatten().for_each(|place| left[*place] = false);
        let entries = self.last.entries.iter().zip(left).filter(|(_, left)| *left);
        entries.map(|(e, _)| Name { kind: e.kind.clone(), label: e.label.clone() }).collect()
    }

    /// Why a node would be built, or was.
    pub fn why(&self, id: ActionId) -> Why {
        let action = self.graph.get(id);
        let state = &self.states[id.index()];
        let to_run = matches!(state, State::Build { .. } | State::Waits { .. });
        let Some(entry) = self.pairs[id.index()].map(|place| &self.last.entries[place]) else {
            let when = if to_run { When::Will } else { When::Known };
            return Why { when, ran: false, build: 0, cause: Cause::New };
        };
        let (build, ran) = (entry.build, entry.how != How::Known);
        let now = key(action, state);
        if now == Some(entry.key) {
            let cause = match (&entry.before, entry.how) {
                _ if to_run => self.gone(entry.key),
                (_, How::Again) => self.gone(entry.key),
                (None, _) => Cause::New,
                (Some((before, label)), _) => self.between(action, (*before, label), entry.key),
            };
            let when = if to_run { When::Will } else { When::Did };
            return Why { when, ran, build, cause };
        }
        let cause = match action.command {
            Command::Given { .. } | Command::Write(_) => match now {
                Some(now) => self.between(action, (entry.key, &entry.label), now),
                None => Cause::Lost,
            },
            Command::Run { .. } | Command::Builtin { .. } => {
                let inputs = inputs(self.graph, action, |id| match &self.states[id.index()] {
                    State::Cached { outputs, .. } => Some(Arc::clone(outputs)),
                    _ => None,
                });
                let now = Explained::of(self.graph, action, &inputs, self.store.class());
                self.compare((entry.key, &entry.label), action, now)
            }
        };
        // What it waits for may come out as it was, which can't be told from here.
        let when = if to_run { When::Will } else { When::Known };
        Why { when, ran, build, cause }
    }

    /// Why what `key` made isn't there any more, or wasn't.
    fn gone(&self, key: Digest) -> Cause {
        let bad = self.store.root().join("bad");
        let is_in = |name: String| fs::symlink_metadata(bad.join(name)).is_ok();
        let scan = Scan::default();
        let made = scan.outputs(self.store, key).into_iter();
        let mut all = made.flat_map(|object| scan.with_entries(self.store, object)).chain([key]);
        if all.any(|digest| is_in(digest.to_string())) { Cause::PutAway } else { Cause::Gone }
    }

    /// What [`Self::why`] would say of `id` of its command and of which inputs it has, were it the node `other` of `graph`.
    pub fn shape(&self, id: ActionId, graph: &Graph, other: ActionId) -> Option<Vec<Difference>> {
        let action = self.graph.get(id);
        let entry = &self.last.entries[self.pairs[id.index()]?];
        let before = match &entry.before {
            Some((before, _)) if key(action, &self.states[id.index()]) == Some(entry.key) => *before,
            _ => entry.key,
        };
        let other = graph.get(other);
        let now = Explained::of(graph, other, &inputs(graph, other, |_| None), self.store.class())?;
        let mut all = compare::differences(&Explained::load(self.store, before)?, &now);
        all.retain(Difference::is_shape);
        Some(all)
    }

    /// The node that makes the input of `id` that a difference is about.
    pub fn producer(&self, id: ActionId, difference: &Difference) -> Option<ActionId> {
        let (Difference::Output { path, .. } | Difference::Input { path, .. }) = difference else {
            return None;
        };
        self.graph.get(id).inputs.iter().find(|input| *input.path == **path).and_then(|input| {
            match input.source {
                Source::Output { action, .. } => Some(action),
                Source::Local(_) | Source::Fixed(_) => None,
            }
        })
    }

    fn between(&self, action: &Action, (before, label): (Digest, &str), now: Digest) -> Cause {
        match action.command {
            Command::Given { .. } => Cause::Differs(vec![Difference::Version {
                before: label.to_owned(),
                now: action.label.clone(),
            }]),
            Command::Write(_) => Cause::Differs(vec![Difference::Content { before, now }]),
            Command::Run { .. } | Command::Builtin { .. } => {
                self.compare((before, label), action, Explained::load(self.store, now))
            }
        }
    }

    fn compare(&self, (before, label): (Digest, &str), action: &Action, now: Option<Explained>) -> Cause {
        let (Some(before), Some(now)) = (Explained::load(self.store, before), now) else {
            return Cause::Lost;
        };
        let mut differences = compare::differences(&before, &now);
        if label != action.label {
            // Everything else follows from that.
            differences.retain(|d| matches!(d, Difference::Output { .. } | Difference::File { .. }));
            differences
                .insert(0, Difference::Version { before: label.to_owned(), now: action.label.clone() });
        }
        Cause::Differs(differences)
    }
}

/// The digests of an action's inputs, as far as they are known: `outputs` knows what other actions made. What is to be built
/// again counts as not known.
fn inputs(
    graph: &Graph,
    action: &Action,
    outputs: impl Fn(ActionId) -> Option<Outputs>,
) -> Vec<Option<Digest>> {
    let digest = |source: &Source| match source {
        Source::Local(tree) => Some(tree.digest),
        Source::Fixed(fixed) => Some(fixed.identity),
        Source::Output { action, index } => {
            let outputs = outputs(*action).or_else(|| own_outputs(graph.get(*action)));
            outputs.map(|outputs| outputs[*index as usize].identity())
        }
    };
    action.inputs.iter().map(|input| digest(&input.source)).collect()
}

fn key(action: &Action, state: &State) -> Option<Digest> {
    let node = Node {
        key: match state {
            State::Cached { key, .. } | State::Build { key } => Some(*key),
            State::Given | State::Waits { .. } => None,
        },
        outputs: own_outputs(action),
    };
    last::key_of(action, &node)
}
