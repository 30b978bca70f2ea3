//! What is going on: a live line for each running action on a terminal, a plain line for each finished one elsewhere.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use uk_action::{ActionId, Graph};
use uk_store::{Event, How, Observer};

use crate::ui::{Ui, duration};

/// Shows a build's events.
pub struct Progress<'a> {
    ui: Ui,
    graph: &'a Graph,
    lines: MultiProgress,
    running: Mutex<HashMap<ActionId, ProgressBar>>,
    executed: Mutex<Vec<ActionId>>,
}

impl<'a> Progress<'a> {
    /// For a build of `graph`.
    pub fn new(ui: Ui, graph: &'a Graph) -> Self {
        Self { ui, graph, lines: MultiProgress::new(), running: Mutex::default(), executed: Mutex::default() }
    }

    /// The actions that ran to a good end so far.
    pub fn executed(&self) -> Vec<ActionId> {
        self.executed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn name(&self, id: ActionId) -> String {
        let action = self.graph.get(id);
        format!("{:<14} {}", action.kind.name(), action.label)
    }
}

impl Observer for Progress<'_> {
    fn event(&self, event: Event) {
        // A poisoned lock only means that another thread panicked while drawing.
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started(id) if self.ui.live() => {
                let style = ProgressStyle::with_template("  {spinner} {msg} {elapsed}");
                let line = self.lines.add(ProgressBar::new_spinner());
                line.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                line.set_message(self.name(id));
                line.enable_steady_tick(Duration::from_millis(120));
                running.insert(id, line);
            }
            Event::Planned { .. } | Event::Begun | Event::Started(_) => {}
            Event::Finished(id, how) => {
                if let Some(line) = running.remove(&id) {
                    line.finish_and_clear();
                }
                if let How::Executed(time) = how {
                    self.executed.lock().unwrap_or_else(PoisonError::into_inner).push(id);
                    if !self.ui.live() {
                        self.ui.note(&format!("{} {}", self.name(id), duration(time)));
                    }
                }
            }
        }
    }
}
