//! Ownership: what can be given to one place, or is there once.

use std::collections::HashMap;

use uk_diagnostic::{Code, Diagnostic, Span};

use super::ParamValue;
use super::jobs::{Argument, JobDraft};
use super::resolve::{Draft, Instance};
use crate::names;
use crate::paths::normal;
use crate::read::Name;

impl<'m> Draft<'m> {
    /// Exclusive devices are bound once, exclusive params (a file, a port) have each value once, and what a machine has once
    /// has one owner.
    pub fn check_ownership(&mut self, jobs: &[JobDraft<'m>], merged: &[usize]) {
        self.check_bound_once(jobs);
        self.check_params_once(merged);
        self.check_owned_once(merged);
    }

    fn check_bound_once(&mut self, jobs: &[JobDraft<'m>]) {
        let in_jobs = jobs.iter().flat_map(|j| &j.arguments).filter_map(|argument| match argument {
            Argument::Device { bound, .. } => Some(*bound),
            Argument::Keys(_) => None,
        });
        let in_devices =
            self.instances.iter().flat_map(|i| i.resolved.iter().flat_map(|r| &r.bindings)).copied();
        let mut first_use: Vec<Option<Span>> = vec![None; self.instances.len()];
        let mut further_uses: HashMap<usize, Vec<Span>> = HashMap::new();
        for bound in in_jobs.chain(in_devices) {
            match first_use[bound.instance] {
                None => first_use[bound.instance] = Some(bound.span),
                Some(_) if !self.is_exclusive(bound.instance) => {}
                Some(first) => {
                    further_uses.entry(bound.instance).or_insert_with(|| vec![first]).push(bound.span)
                }
            }
        }
        for (index, mut spans) in further_uses {
            spans.sort_by_key(|s| (s.source, s.start));
            let fault = bound_again(&self.instances[index], &spans);
            self.faults.push(fault);
        }
    }

    fn check_params_once(&mut self, merged: &[usize]) {
        let mut owned: HashMap<String, usize> = HashMap::new();
        for (index, instance) in
            self.instances.iter().enumerate().filter(|(index, _)| merged[*index] == *index)
        {
            let Some(resolved) = &instance.resolved else { continue };
            let params = resolved.implementation.params.iter().zip(&resolved.params);
            for (param, slot) in params.filter(|(param, _)| param.exclusive) {
                // A file is one file whatever the param is called; a port is one among ports.
                let path = param.ty.name() == "path";
                let what =
                    if path { "path".to_owned() } else { names::canonical(&param.name.text).to_lowercase() };
                let (text, what) = match &slot.value {
                    ParamValue::Fixed(value) => {
                        let text = value.to_string();
                        let value = if path { normal(&text) } else { text.clone() };
                        (text, format!("{what}={value}"))
                    }
                    ParamValue::Key(key) => {
                        let name = &self.keys[key.0 as usize].declaration.name;
                        (format!("(key){name}"), format!("{what} of key {}", key.0))
                    }
                    ParamValue::Absent => continue,
                };
                if let Some(first) = owned.get(&what).map(|i| &self.instances[*i]) {
                    let message =
                        format!("the devices `{}` and `{}` both take `{text}`", first.name, instance.name);
                    self.faults.push(
                        Diagnostic::error(Code::ExclusiveDevice, message)
                            .label(instance.span, "the second")
                            .label(first.span, "the first")
                            .help(format!("give one of them another `{}`", param.name)),
                    );
                } else {
                    owned.insert(what, index);
                }
            }
        }
    }

    fn check_owned_once(&mut self, merged: &[usize]) {
        let mut owners: HashMap<String, usize> = HashMap::new();
        for (index, instance) in
            self.instances.iter().enumerate().filter(|(index, _)| merged[*index] == *index)
        {
            let Some(resolved) = &instance.resolved else { continue };
            for thing in &resolved.owns {
                let name = names::canonical(&thing.text).to_lowercase();
                let Some(first) = owners.get(&name).map(|i| &self.instances[*i]) else {
                    owners.insert(name, index);
                    continue;
                };
                let message = format!(
                    "a machine has one `{thing}`, and the devices `{}` and `{}` both own it",
                    first.name, instance.name
                );
                let help = match resolved.implementation.exclusive {
                    true => {
                        "leave one of the two out, and let the job that has the other do the work of both"
                            .to_owned()
                    }
                    false => format!("bind `{}` in both places", first.name),
                };
                self.faults.push(
                    Diagnostic::error(Code::OwnedTwice, message)
                        .label(instance.span, "the second")
                        .label(first.span, "the first")
                        .help(help),
                );
            }
        }
    }

    fn is_exclusive(&self, instance: usize) -> bool {
        self.instances[instance].resolved.as_ref().is_some_and(|r| r.implementation.exclusive)
    }
}

/// An exclusive device that is bound in several places.
fn bound_again(instance: &Instance<'_>, spans: &[Span]) -> Diagnostic {
    let name = &instance.name;
    let message =
        format!("the device `{name}` can be given to one place, and is bound {}", times(spans.len()));
    let mut fault = Diagnostic::error(Code::ExclusiveDevice, message);
    for (number, span) in spans.iter().enumerate().rev() {
        fault = fault.label(*span, if number == 0 { "bound first here" } else { "bound again here" });
    }
    let owns: &[&Name] = instance.resolved.as_ref().map_or(&[], |resolved| &resolved.owns);
    fault.help(match (owns, instance.declared) {
        ([thing, ..], _) => {
            format!(
                "a machine has one `{thing}`, so there is no second such device: bind it in one place only"
            )
        }
        ([], Some(device)) => {
            format!("declare a second device: `device {name}-2 {} ...`", device.implementation)
        }
        ([], None) => format!("declare a device for each: `device first {name}`, `device second {name}`"),
    })
}

fn times(number: usize) -> String {
    if number == 2 { "twice".to_owned() } else { format!("{number} times") }
}
