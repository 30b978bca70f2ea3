//! `uk devices`: every implementation of the catalogue and the targets that have it.

use std::collections::BTreeSet;
use std::path::Path;

use uk_backends::Target;
use uk_loader::Locking;
use uk_planner::catalogue::Catalogue;
use uk_store::Cancel;

use crate::failure::Failure;
use crate::session;
use crate::ui::{Ui, table};

/// Prints the table for the project of `folder`, or, where there is none, of the SDK alone. What can't be read of a workspace
/// is told below.
pub fn run(folder: &Path, locking: Locking, cancel: &Cancel, ui: Ui) -> Result<(), Failure> {
    let (catalogues, read) = session::catalogues_of(folder, locking, cancel);
    let heads = ["implementation", "interface", "unix", "virtio", "crate", "doc"].map(str::to_owned);
    // Each member of a workspace has all of the SDK's.
    let rows: BTreeSet<[String; 6]> = catalogues.iter().flat_map(rows).collect();
    ui.output(&table(&heads, &rows.into_iter().collect::<Vec<_>>()))?;
    read
}

fn rows(catalogue: &Catalogue) -> impl Iterator<Item = [String; 6]> {
    catalogue.implementations().iter().map(|implementation| {
        let on = |target| if catalogue.supports(implementation, target) { "yes" } else { "-" }.to_owned();
        let [unix, virtio] = Target::ALL.map(on);
        [
            implementation.name.text.clone(),
            implementation.provides.text.clone(),
            unix,
            virtio,
            implementation.package.clone(),
            implementation.doc.clone(),
        ]
    })
}
