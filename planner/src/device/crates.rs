//! Every crate that a manifest may need, on any target and for any value of its keys.

use std::collections::{BTreeSet, HashSet};

use crate::catalogue::{Body, Catalogue};
use crate::manifest::{JobArgument, Unikernel};

/// The packages of all devices that `unikernel` can come to: what a lock file must cover, so that it stays the same
/// for every target and every `--set`. Names that the catalogue doesn't know are passed over; [`resolve`] tells them.
///
/// [`resolve`]: crate::device::resolve
pub fn crates_for_all_targets(unikernel: &Unikernel, catalogue: &Catalogue) -> BTreeSet<String> {
    let mut names: Vec<&str> = Vec::new();
    for device in &unikernel.devices {
        names.push(&device.implementation.text);
        names.extend(device.bindings.iter().map(|b| b.device.text.as_str()));
    }
    for argument in unikernel.jobs.iter().flat_map(|job| &job.arguments) {
        if let JobArgument::Binding(binding) = argument {
            names.push(&binding.device.text);
        }
    }
    let mut crates = BTreeSet::new();
    let mut seen: HashSet<*const crate::catalogue::Implementation> = HashSet::new();
    while let Some(name) = names.pop() {
        let Some(implementation) =
            catalogue.implementation(name).filter(|i| seen.insert(std::ptr::from_ref(*i)))
        else {
            continue;
        };
        names.extend(
            implementation.requires.iter().filter_map(|r| r.default.as_ref()).map(|d| d.text.as_str()),
        );
        let mut bodies = vec![&implementation.body];
        while let Some(body) = bodies.pop() {
            match body {
                Body::Crate(found) => {
                    crates.insert(found.package.text.clone());
                }
                Body::Choose(choice) => bodies.extend(choice.bodies()),
                Body::Use(used) => {
                    names.push(&used.implementation.text);
                    names.extend(used.bindings.iter().map(|b| b.device.text.as_str()));
                }
            }
        }
    }
    crates
}
