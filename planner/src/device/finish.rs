//! The last checks, of ownership and names, and the draft becomes a graph.

use std::collections::HashMap;

use uk_diagnostic::{Code, Diagnostic, Span};

use super::attach::{self, Attachment};
use super::expand::Resolved;
use super::jobs::{Argument, JobDraft};
use super::resolve::Draft;
use super::{Binding, Device, DeviceGraph, DeviceId, Job, JobArgument, KeyId, Param, ParamValue};
use crate::manifest::is_keyword;
use crate::names;
use crate::read::Name;

impl<'m> Draft<'m> {
    pub fn finish(mut self, jobs: Vec<JobDraft<'m>>) -> Result<DeviceGraph, Vec<Diagnostic>> {
        self.check_settings();
        self.check_values();
        self.check_key_names();
        self.check_job_names();
        let order = self.order();
        let merged = self.merge(&order);
        self.check_ownership(&jobs, &merged);
        let order = self.by_name_order(&merged);
        let variables = self.variables(&order);
        self.check_attachments(&order);
        if !self.faults.is_empty() || self.unikernel.incomplete {
            uk_diagnostic::sort(&mut self.faults);
            return Err(self.faults);
        }
        // After a fault, a device may only seem to be unused.
        let warnings = self.unused(&jobs);
        self.build(&jobs, &merged, &order, variables, warnings).ok_or_else(|| self.lost())
    }

    /// Devices that are bound and come down to no crate, although nothing was said of them.
    fn lost(&self) -> Vec<Diagnostic> {
        let lost = self.instances.iter().filter(|i| i.reached && i.resolved.is_none());
        lost.map(|instance| {
            let message = format!("the device `{}` comes down to no crate", instance.name);
            Diagnostic::error(Code::UnknownDevice, message)
                .label(instance.span, "here")
                .help("`uk` should have said why: please report this manifest and its catalogue")
        })
        .collect()
    }

    fn check_attachments(&mut self, order: &[usize]) {
        let all: Vec<(Vec<Attachment>, Span)> = order
            .iter()
            .map(|index| &self.instances[*index])
            .filter_map(|i| Some((attach::attachments(&i.name, i.resolved.as_deref()?), i.name_span)))
            .collect();
        attach::clashes(all.iter().map(|(all, span)| (&all[..], *span)), &mut self.faults);
    }

    /// The devices' names in generated code. Two that would be one are a fault.
    fn variables(&mut self, order: &[usize]) -> Vec<String> {
        let variables: Vec<String> =
            order.iter().map(|index| variable(&self.instances[*index].name)).collect();
        let mut first: HashMap<&str, usize> = HashMap::with_capacity(order.len());
        for (name, &index) in variables.iter().zip(order) {
            let Some(other) = first.insert(name, index) else { continue };
            let mut pair = [&self.instances[other], &self.instances[index]];
            pair.sort_by_key(|i| (i.name_span.source, i.name_span.start));
            let [first, second] = pair;
            let message = format!(
                "`{}` and `{}` become one name, `{name}`, in the generated code",
                first.name, second.name
            );
            self.faults.push(
                Diagnostic::error(Code::NameClash, message)
                    .label(second.name_span, "the second")
                    .label(first.name_span, "the first")
                    .help("give one of them another name"),
            );
        }
        variables
    }

    /// Declared devices that no job needs. A device that only another choice or target needs is used.
    fn unused(&self, jobs: &[JobDraft<'m>]) -> Vec<Diagnostic> {
        let mut used = vec![false; self.instances.len()];
        let mut work: Vec<usize> = Vec::new();
        for argument in jobs.iter().flat_map(|j| &j.arguments) {
            if let Argument::Device { bound, .. } = argument {
                work.push(bound.instance);
            }
        }
        while let Some(index) = work.pop() {
            if std::mem::replace(&mut used[index], true) {
                continue;
            }
            let instance = &self.instances[index];
            work.extend(instance.requires.iter().flatten().map(|b| b.instance));
            work.extend(instance.resolved.iter().flat_map(|r| r.bindings.iter().map(|b| b.instance)));
        }
        let unused = self.instances.iter().zip(&used).filter(|(i, used)| !**used && i.declared.is_some());
        unused
            .map(|(instance, _)| {
                let interface = instance.implementation.map_or("REQUIREMENT", |i| i.provides.text.as_str());
                Diagnostic::warning(
                    Code::UnusedDevice,
                    format!("nothing uses the device `{}`", instance.name),
                )
                .label(instance.span, "it is left out")
                .help(format!("add `{interface} {}` to a job, or delete this line", instance.name))
            })
            .collect()
    }

    fn build(
        &self,
        jobs: &[JobDraft<'m>],
        merged: &[usize],
        order: &[usize],
        variables: Vec<String>,
        mut warnings: Vec<Diagnostic>,
    ) -> Option<DeviceGraph> {
        let mut ids: Vec<Option<DeviceId>> = vec![None; self.instances.len()];
        for (place, index) in order.iter().enumerate() {
            ids[*index] = Some(DeviceId(place as u32));
        }
        for index in 0..ids.len() {
            ids[index] = ids[merged[index]];
        }
        let id = |instance: usize| ids[instance];
        let (keys, moved) = self.graph_keys(&ids);
        let mut aliases: HashMap<usize, Vec<Name>> = HashMap::new();
        for (index, instance) in self.instances.iter().enumerate() {
            if merged[index] != index {
                let name = Name { text: instance.name.clone().into_owned(), span: instance.name_span };
                aliases.entry(merged[index]).or_default().push(name);
            }
        }
        let devices = order.iter().zip(variables).map(|(&index, variable)| {
            let instance = &self.instances[index];
            let resolved = instance.resolved.as_ref()?;
            let mut aliases = aliases.remove(&index).unwrap_or_default();
            aliases.sort_by(|a, b| a.text.cmp(&b.text));
            Some(Device {
                name: instance.name.clone().into_owned(),
                aliases,
                variable,
                implementation: instance.implementation?.name.text.clone(),
                resolved: resolved.implementation.name.text.clone(),
                interface: resolved.implementation.provides.text.clone(),
                package: resolved.krate.package.text.clone(),
                connect: resolved.krate.connect.text.clone(),
                params: self.params(resolved, &moved),
                bindings: resolved
                    .implementation
                    .requires
                    .iter()
                    .zip(&resolved.bindings)
                    .map(|(requirement, bound)| {
                        Some(Binding {
                            requirement: requirement.name.text.clone(),
                            interface: requirement.interface.text.clone(),
                            device: id(bound.instance)?,
                            span: bound.span,
                        })
                    })
                    .collect::<Option<_>>()?,
                data: resolved.data.clone(),
                steps: resolved.steps.clone(),
                attachments: attach::attachments(&instance.name, resolved),
                teardown: resolved.krate.teardown.as_ref().map(|path| path.text.clone()),
                exclusive: resolved.implementation.exclusive,
                span: instance.span,
            })
        });
        let devices = devices.collect::<Option<_>>()?;
        let jobs = jobs.iter().map(|draft| job(draft, id)).collect::<Option<_>>()?;
        uk_diagnostic::sort(&mut warnings);
        Some(DeviceGraph {
            name: self.unikernel.name.clone(),
            target: self.target,
            application: self.unikernel.jobs.first().map_or("", |j| j.entry.crate_name()).to_owned(),
            devices,
            jobs,
            keys,
            known_keys: self.known_keys(),
            warnings,
        })
    }

    /// Params in the order of declaration, then the implementation's own keys.
    fn params(&self, resolved: &Resolved<'m>, moved: &HashMap<u32, KeyId>) -> Vec<Param> {
        let place = |value: &ParamValue| match value {
            ParamValue::Key(id) => ParamValue::Key(moved.get(&id.0).copied().unwrap_or(*id)),
            other => other.clone(),
        };
        let params = resolved.implementation.params.iter().zip(&resolved.params).map(|(param, slot)| Param {
            name: param.name.text.clone(),
            ty: param.ty.clone(),
            optional: param.optional,
            value: place(&slot.value),
            span: slot.span,
        });
        let keys = resolved.keys.iter().map(|index| {
            let key = &self.keys[*index];
            Param {
                name: key.declaration.name.text.clone(),
                ty: key.declaration.ty.clone(),
                optional: key.declaration.default.is_none() && !key.declaration.required,
                value: place(&key.as_param(KeyId(*index as u32))),
                span: Some(key.span),
            }
        });
        params.chain(keys).collect()
    }
}

fn job(draft: &JobDraft<'_>, id: impl Fn(usize) -> Option<DeviceId>) -> Option<Job> {
    let arguments = draft.arguments.iter().map(|argument| match argument {
        Argument::Keys(span) => Some(JobArgument::Keys(*span)),
        Argument::Device { binding, interface, bound } => Some(JobArgument::Device(Binding {
            requirement: binding.requirement.text.clone(),
            interface: (*interface).to_owned(),
            device: id(bound.instance)?,
            span: binding.span,
        })),
    });
    Some(Job {
        name: draft.job.name.clone(),
        entry: draft.job.entry.path().to_owned(),
        entry_span: draft.job.entry.span,
        arguments: arguments.collect::<Option<_>>()?,
        span: draft.job.span,
    })
}

/// A device's name as a local variable of the generated main.
fn variable(name: &str) -> String {
    // What the generated main itself calls so.
    const TAKEN: [&str; 3] = ["outcome", "start", "values"];
    let mut variable = names::canonical(name).to_lowercase();
    if is_keyword(&variable) || TAKEN.contains(&variable.as_str()) {
        variable.push('_');
    }
    variable
}
