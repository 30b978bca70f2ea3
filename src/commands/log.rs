//! `uk log`: what a node printed when it last ran.

use std::path::Path;

use uk_action::{ActionId, Kind};
use uk_diagnostic::{Code, Diagnostic};
use uk_store::{Cancel, History, status};

use super::node;
use crate::cli::Select;
use crate::failure::Failure;
use crate::rejected;
use crate::session::Session;
use crate::ui::{Ui, plain};

/// Prints the logs of the nodes that `wanted` means.
pub fn run(folder: &Path, wanted: &str, select: &Select, cancel: &Cancel, ui: Ui) -> Result<(), Failure> {
    let session = Session::plan(folder, select, false, cancel)?;
    let states = status(&session.graph, &session.store);
    let history = History::load(&session.graph, &session.store, &states);
    let nodes = node::find(&session.graph, |id| history.key(id), wanted)?;
    let mut ran = false;
    for id in nodes {
        ran |= print(&session, &history, id, ui)?;
    }
    if !ran {
        return Err(Diagnostic::error(Code::UnknownPlanNode, format!("`{wanted}` has not run yet"))
            .help("tools and generated files don't run; all else does in `uk build`, unless its result is known")
            .into());
    }
    Ok(())
}

/// Prints what is known of one, and whether anything is.
fn print(session: &Session, history: &History<'_>, id: ActionId, ui: Ui) -> Result<bool, Failure> {
    let name = node::name(&session.graph, id);
    let Some(key) = history.key(id) else { return Ok(false) };
    let path = session.store.log_path(key);
    match (std::fs::read(&path), session.store.record(key)) {
        (Ok(log), None) if log.is_empty() => ui.note(&format!("`{name}` failed and printed nothing")),
        (Ok(log), record) => {
            let mut log = String::from_utf8_lossy(&log).into_owned();
            if session.graph.get(id).kind == Kind::Link {
                log = rejected::text(&log);
            }
            let how = if record.is_some() { "printed" } else { "failed and printed" };
            ui.note(&format!("`{name}` {how}, in {}:", path.display()));
            ui.output(&if ui.colours() { log } else { plain(&log) })?;
        }
        (Err(_), Some(record)) if record.log == 0 => ui.note(&format!("`{name}` printed nothing")),
        (Err(_), Some(_)) => ui.note(&format!("what `{name}` printed isn't kept any more")),
        (Err(_), None) => return Ok(false),
    }
    Ok(true)
}
