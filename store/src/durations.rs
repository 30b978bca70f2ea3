//! How long steps took the last time, by what people call them: what to start first.
//!
//! A hint in one text file, `MILLISECONDS KIND LABEL` a line. Losing it, or lines of another process, costs only order.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use uk_action::{Action, Command, Kind};

use crate::StoreError;
use crate::layout::Store;

/// More names than a build has; the file doesn't grow beyond.
const MOST: usize = 50_000;

/// Durations in milliseconds by kind and label.
pub(crate) struct Durations {
    known: HashMap<String, u64>,
    new: HashMap<String, u64>,
}

impl Durations {
    pub(crate) fn load(store: &Store) -> Self {
        let text = fs::read_to_string(store.root().join("durations")).unwrap_or_default();
        let known = text.lines().filter_map(|line| {
            let (duration, name) = line.split_once(' ')?;
            Some((name.to_owned(), duration.parse().ok()?))
        });
        Self { known: known.collect(), new: HashMap::new() }
    }

    /// Milliseconds that the action is likely to take.
    pub(crate) fn expected(&self, action: &Action) -> u64 {
        match &action.command {
            Command::Given { .. } | Command::Write(_) => 0,
            Command::Builtin { .. } => 1,
            Command::Run { .. } => self.known.get(&name(action)).copied().unwrap_or(match action.kind {
                Kind::Compile | Kind::CompileScript => 500,
                Kind::Link => 1000,
                _ => 50,
            }),
        }
    }

    pub(crate) fn note(&mut self, action: &Action, took: Duration) {
        if let Command::Run { .. } = action.command {
            self.new.insert(name(action), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        }
    }

    /// Writes what is new over what the file says by now.
    pub(crate) fn save(self, store: &Store) -> Result<(), StoreError> {
        if self.new.is_empty() {
            return Ok(());
        }
        let mut all = Self::load(store).known;
        if all.len() > MOST {
            all.clear();
        }
        all.extend(self.new);
        let mut lines = all.into_iter().collect::<Vec<_>>();
        lines.sort_unstable();
        let mut text = String::new();
        for (name, duration) in lines {
            // Writing to a String can't fail.
            let _ = writeln!(text, "{duration} {name}");
        }
        store.place_bytes(text.as_bytes(), &store.root().join("durations"))
    }
}

fn name(action: &Action) -> String {
    format!("{} {}", action.kind.name(), action.label.replace('\n', " "))
}
