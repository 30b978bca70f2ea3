//! `uk store stats`.

use serde::Serialize;
use uk_store::{Share, Store};

use super::{JSON, json};
use crate::cli::Report as Format;
use crate::failure::Failure;
use crate::ui::{Ui, size, table};

#[derive(Serialize)]
struct JsonStats<'a> {
    version: u32,
    store: String,
    total_bytes: u64,
    shares: Vec<JsonShare<'a>>,
    fallen_roots: usize,
    strays: usize,
}

#[derive(Serialize)]
struct JsonShare<'a> {
    what: &'a str,
    count: usize,
    bytes: u64,
}

/// Prints what is in the store.
pub(super) fn run(store: &Store, format: Format, ui: Ui) -> Result<(), Failure> {
    let stats = store.stats().map_err(|error| error.diagnostic())?;
    let shares: [(&str, Share); 7] = [
        ("objects", stats.objects),
        ("trees", stats.trees),
        ("records", stats.records),
        ("sdk", stats.fixed),
        ("roots", stats.roots),
        ("damaged", stats.damaged),
        ("temporary", stats.temporary),
    ];
    if format == Format::Json {
        let share = |(what, Share { count, bytes })| JsonShare { what, count, bytes };
        ui.output(&json(&JsonStats {
            version: JSON,
            store: store.root().display().to_string(),
            total_bytes: stats.total(),
            shares: shares.into_iter().map(share).collect(),
            fallen_roots: stats.fallen,
            strays: stats.strays,
        }))?;
        return Ok(());
    }
    let rows = shares.map(|(what, Share { count, bytes })| [what.to_owned(), count.to_string(), size(bytes)]);
    let heads = ["what".to_owned(), "count".to_owned(), "on the disk".to_owned()];
    let mut text = format!("{}: {}\n\n{}", store.root().display(), size(stats.total()), table(&heads, &rows));
    if stats.fallen > 0 {
        text.push_str(&format!("\n{} of the roots: their project was removed or cleaned\n", stats.fallen));
    }
    if stats.strays > 0 {
        text.push_str(&format!("\n{} files are no part of a store\n", stats.strays));
    }
    ui.output(&text)?;
    Ok(())
}
