//! What would be, had no key changed: only so can what keys chose be told from what else is new.

use uk_action::{ActionId, Command};
use uk_planner::generate::{former_values, key_table};
use uk_store::{Cause, Difference, When, Why};

use super::Reasons;
use crate::session::{Planned, Session};

/// One image as it would be planned with the values that its keys had.
pub(super) struct Unchanged {
    /// Its `keys.rs` in the real plan, and why that is another.
    pub keys: ActionId,
    why: Why,
    session: Session,
    /// The names of the keys that have their former values here.
    pub names: Vec<String>,
}

impl Unchanged {
    /// Every image some of whose values for devices aren't what they were.
    pub fn all(reasons: &Reasons<'_>) -> Vec<Self> {
        reasons.session.planned.iter().filter_map(|planned| Self::of(reasons, planned)).collect()
    }

    fn of(reasons: &Reasons<'_>, planned: &Planned) -> Option<Self> {
        let graph = &reasons.session.graph;
        let keys = graph.get(planned.image.link).inputs.iter().find_map(|input| match input.source {
            uk_action::Source::Output { action, .. } if graph.get(action).label == "keys.rs" => Some(action),
            _ => None,
        })?;
        let why = reasons.history.why(keys);
        let Cause::Differs(differences) = &why.cause else { return None };
        let [Difference::Content { before, .. }] = differences.as_slice() else { return None };
        let before = String::from_utf8(reasons.session.store.read(*before).ok()?).ok()?;
        let values = former_values(&before, &key_table(&planned.devices));
        if values.is_empty() {
            return None;
        }
        let session = reasons.session.with_values(planned, &values)?;
        Some(Self { keys, why, session, names: values.into_iter().map(|(name, _)| name).collect() })
    }

    /// Whether it is about what happened when `why` tells of.
    pub fn when(&self, why: &Why) -> bool {
        let did = |why: &Why| (why.when == When::Did).then_some(why.build);
        did(&self.why) == did(why)
    }

    /// The generated `keys.rs`.
    pub fn key_table(&self) -> String {
        key_table(&self.planned().devices)
    }

    /// The image.
    pub fn planned(&self) -> &Planned {
        &self.session.planned[0]
    }

    /// Where its texts are.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// In what the command and the list of inputs of `id` would differ from what they were; none where there is no such node.
    pub fn shape(&self, reasons: &Reasons<'_>, id: ActionId) -> Option<Vec<Difference>> {
        let action = reasons.session.graph.get(id);
        if !matches!(action.command, Command::Run { .. } | Command::Builtin { .. }) {
            return None;
        }
        let same = self
            .session
            .graph
            .iter()
            .filter(|(_, other)| (other.kind, &other.label) == (action.kind, &action.label));
        let shapes = same.filter_map(|(other, _)| reasons.history.shape(id, &self.session.graph, other));
        shapes.min_by_key(Vec::len)
    }
}
