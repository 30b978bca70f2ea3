//! `uk keys`: the keys of the manifest, their values, and where those come from.

use std::path::Path;

use uk_keys::Stage;
use uk_planner::Provenance;
use uk_planner::device::GraphKey;
use uk_store::Cancel;

use crate::cli::Select;
use crate::failure::Failure;
use crate::session::Session;
use crate::ui::{Ui, table};

/// Prints a table for each unikernel and target.
pub fn run(folder: &Path, select: &Select, cancel: &Cancel, ui: Ui) -> Result<(), Failure> {
    let session = Session::plan(folder, select, false, cancel)?;
    ui.diagnostics(&session.warnings, &session.sources);
    let mut text = String::new();
    for planned in &session.planned {
        let keys = planned.devices.keys();
        if session.planned.len() > 1 {
            text.push_str(&format!("{}\n", planned.artifact()));
        }
        if keys.is_empty() {
            text.push_str("no keys\n");
            continue;
        }
        let rows: Vec<[String; 6]> = keys.iter().map(row).collect();
        let heads = ["key", "type", "stage", "value", "from", "doc"].map(str::to_owned);
        text.push_str(&table(&heads, &rows));
    }
    ui.output(&text)?;
    Ok(())
}

fn row(key: &GraphKey) -> [String; 6] {
    let stage = match key.stage {
        Stage::Build => "build",
        Stage::Both => "both",
        Stage::Run => "run",
    };
    [
        key.name.clone(),
        key.ty.to_string(),
        stage.to_owned(),
        value(key),
        provenance(key).to_owned(),
        key.doc.clone(),
    ]
}

/// A key's value as it may be shown.
pub fn value(key: &GraphKey) -> String {
    match &key.value {
        _ if key.secret => "(secret)".to_owned(),
        Some(value) => value.to_string(),
        None if key.required => "(required)".to_owned(),
        None => "(none)".to_owned(),
    }
}

/// Who gave a key its value.
pub fn provenance(key: &GraphKey) -> &'static str {
    match (key.provenance, &key.value) {
        (_, None) => "-",
        (Provenance::Catalogue, _) => "catalogue",
        (Provenance::Manifest, _) => "manifest",
        (Provenance::Environment, _) => "environment",
        (Provenance::CommandLine, _) => "--set",
    }
}
