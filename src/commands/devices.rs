//! `uk devices`: every implementation of the catalogue and the targets that have it.

use std::path::Path;

use uk_backends::Target;
use uk_loader::Locking;

use crate::failure::Failure;
use crate::session;
use crate::ui::{Ui, table};

/// Prints the table for the project of `folder`, or, where there is none, of the SDK alone.
pub fn run(folder: &Path, locking: Locking, ui: Ui) -> Result<(), Failure> {
    let catalogue = session::catalogue_of(folder, locking)?;
    let heads = ["implementation", "interface", "unix", "virtio", "crate", "doc"].map(str::to_owned);
    let mut rows: Vec<[String; 6]> = catalogue
        .implementations()
        .iter()
        .map(|implementation| {
            let on = |target| if catalogue.supports(implementation, target) { "yes" } else { "-" }.to_owned();
            let [unix, virtio] = Target::ALL.map(on);
            let name = implementation.name.text.clone();
            [
                name,
                implementation.provides.text.clone(),
                unix,
                virtio,
                implementation.package.clone(),
                implementation.doc.clone(),
            ]
        })
        .collect();
    rows.sort();
    ui.output(&table(&heads, &rows));
    Ok(())
}
