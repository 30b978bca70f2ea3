//! What is going on: a live line for each running action on a terminal, a plain line for each finished one elsewhere.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Whether it was told that this build waits for another; a terminal shows for what.
    told: AtomicBool,
}

impl<'a> Progress<'a> {
    /// For a build of `graph`.
    pub fn new(ui: Ui, graph: &'a Graph) -> Self {
        let (running, executed, told) = Default::default();
        Self { ui, graph, lines: MultiProgress::new(), running, executed, told }
    }

    /// The actions that ran to a good end so far.
    pub fn executed(&self) -> Vec<ActionId> {
        self.executed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A new line, below those that are there.
    fn line(&self) -> ProgressBar {
        let style = ProgressStyle::with_template("  {spinner} {msg} {elapsed}");
        let line = self.lines.add(ProgressBar::new_spinner());
        line.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        line.enable_steady_tick(Duration::from_millis(120));
        line
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
            Event::Waits(id) if self.ui.live() => {
                let waits = format!("{} (another `uk` is at it)", self.name(id));
                running.entry(id).or_insert_with(|| self.line()).set_message(waits);
            }
            Event::Started(id) if self.ui.live() => {
                let line = running.entry(id).or_insert_with(|| self.line());
                line.set_message(self.name(id));
                line.reset_elapsed();
            }
            Event::Waits(_) if !self.told.swap(true, Ordering::Relaxed) => {
                self.ui.note("waiting for another `uk`, which builds the same");
            }
            Event::Planned { .. } | Event::Begun | Event::Waits(_) | Event::Started(_) => {}
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
