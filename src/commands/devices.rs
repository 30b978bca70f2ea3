//! `uk devices`: every implementation of the catalogue and the targets that have it; of one, all that a device takes.

use std::collections::BTreeSet;
use std::path::Path;

use uk_backends::Target;
use uk_diagnostic::{Code, Diagnostic};
use uk_loader::Locking;
use uk_planner::catalogue::{Catalogue, Implementation};
use uk_planner::names;
use uk_store::Cancel;

use crate::failure::Failure;
use crate::session;
use crate::ui::{Ui, table};

/// Prints the table for the project of `folder`, or, where there is none, of the SDK alone; with a name, that
/// implementation's line and what its devices take. What can't be read of a workspace is told below.
pub fn run(
    folder: &Path,
    name: Option<&str>,
    locking: Locking,
    cancel: &Cancel,
    ui: Ui,
) -> Result<(), Failure> {
    let (catalogues, read) = session::catalogues_of(folder, locking, cancel);
    let heads = ["implementation", "interface", "unix", "virtio", "crate", "doc"].map(str::to_owned);
    let all = || catalogues.iter().flat_map(|c| c.implementations().iter().map(move |i| (c, i)));
    let Some(name) = name else {
        // Each member of a workspace has all of the SDK's.
        let rows: BTreeSet<[String; 6]> = all().map(|(catalogue, one)| row(catalogue, one)).collect();
        ui.output(&table(&heads, &rows.into_iter().collect::<Vec<_>>()))?;
        return read;
    };
    let Some((catalogue, one)) = all().find(|(_, one)| one.name.is(name)) else {
        // It may be one of what can't be read.
        read?;
        let known = all().map(|(_, one)| one.name.text.as_str());
        let near = names::nearest(name, known).map(|near| format!("did you mean `{near}`? "));
        let fault = Diagnostic::error(Code::UnknownDevice, format!("there is no implementation `{name}`"));
        return Err(fault.help(near.unwrap_or_default() + "`uk devices` lists what there is").into());
    };
    let mut text = table(&heads, &[row(catalogue, one)]);
    let takes = takes(one);
    if !takes.is_empty() {
        text += &format!("\n{}", table(&["name", "is", "type", "default", "doc"].map(str::to_owned), &takes));
    }
    ui.output(&text)?;
    read
}

fn row(catalogue: &Catalogue, implementation: &Implementation) -> [String; 6] {
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
}

/// What the line and the block of a device may say, and the keys that it brings.
fn takes(implementation: &Implementation) -> Vec<[String; 5]> {
    let default = |value: Option<String>, may_lack: bool| {
        value.unwrap_or_else(|| if may_lack { "(none)" } else { "(required)" }.to_owned())
    };
    let params = implementation.params.iter().map(|param| {
        let value = default(param.default.as_ref().map(ToString::to_string), param.optional);
        [param.name.text.clone(), "param".to_owned(), param.ty.to_string(), value, param.doc.clone()]
    });
    let keys = implementation.keys.iter().map(|key| {
        let value = default(key.default.as_ref().map(|(value, _)| value.to_string()), !key.required);
        [key.name.text.clone(), "key".to_owned(), key.ty.to_string(), value, key.doc.clone()]
    });
    let requires = implementation.requires.iter().map(|required| {
        let device = default(required.default.as_ref().map(|name| name.text.clone()), false);
        let interface = required.interface.text.clone();
        [required.name.text.clone(), "requirement".to_owned(), interface, device, String::new()]
    });
    params.chain(keys).chain(requires).collect()
}
