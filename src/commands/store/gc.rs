//! `uk store gc`.

use std::time::SystemTime;

use serde::Serialize;
use uk_loader::Sdk;
use uk_store::{Collected, Keep, Store};

use super::{JSON, count, json};
use crate::cli::Report as Format;
use crate::failure::Failure;
use crate::ui::{Ui, size};

#[derive(Serialize)]
struct JsonCollected {
    version: u32,
    dry_run: bool,
    removed: JsonPart,
    kept: JsonPart,
    roots: usize,
    dropped_roots: Vec<String>,
}

#[derive(Serialize)]
struct JsonPart {
    records: usize,
    objects: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    others: Option<usize>,
    bytes: u64,
}

/// Collects garbage and says what went.
pub(super) fn run(
    store: &Store,
    days: Option<u32>,
    limit: Option<u64>,
    dry_run: bool,
    format: Format,
    ui: Ui,
) -> Result<(), Failure> {
    // The SDK of this very `uk` is what the next build uses.
    let keep = Keep { days, size: limit, trees: vec![Sdk::ID], dry_run, now: SystemTime::now() };
    let collected = store.collect(&keep).map_err(|error| error.diagnostic())?;
    ui.output(&match format {
        Format::Json => to_json(&collected, dry_run),
        Format::Text => text(&collected, limit, dry_run),
    })?;
    Ok(())
}

fn to_json(collected: &Collected, dry_run: bool) -> String {
    json(&JsonCollected {
        version: JSON,
        dry_run,
        removed: JsonPart {
            records: collected.records,
            objects: collected.objects,
            others: Some(collected.others),
            bytes: collected.freed,
        },
        kept: JsonPart {
            records: collected.kept_records,
            objects: collected.kept_objects,
            others: None,
            bytes: collected.kept,
        },
        roots: collected.roots,
        dropped_roots: collected.dropped.iter().map(|path| path.display().to_string()).collect(),
    })
}

fn text(collected: &Collected, limit: Option<u64>, dry_run: bool) -> String {
    let mut text = String::new();
    for path in &collected.dropped {
        text.push_str(&format!("no root any more: `{}` is gone\n", path.display()));
    }
    let others = match collected.others {
        0 => String::new(),
        number => format!(" and {}", count(number, "other")),
    };
    text.push_str(&format!(
        "{} {}, {}{others}: {}\n",
        if dry_run { "would remove" } else { "removed" },
        count(collected.records, "record"),
        count(collected.objects, "object"),
        size(collected.freed)
    ));
    text.push_str(&format!(
        "{} {}, {}: {}; {}\n",
        if dry_run { "would keep" } else { "kept" },
        count(collected.kept_records, "record"),
        count(collected.kept_objects, "object"),
        size(collected.kept),
        count(collected.roots, "root")
    ));
    if let Some(limit) = limit.filter(|limit| collected.kept > *limit) {
        text.push_str(&format!(
            "that is more than {}: what is in a `dist/` is kept whatever it takes, and so is what a running build uses\n",
            size(limit)
        ));
    }
    text
}
