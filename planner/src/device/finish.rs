//! The last checks, and the draft becomes a graph: circles, ownership, merging, order, names.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use petgraph::graph::{DiGraph, NodeIndex};
use uk_diagnostic::{Code, Diagnostic, Span};

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
        let order = self.order();
        let merged = self.merge(&order);
        self.check_ownership(&jobs, &merged);
        let order = self.by_name_order(&merged);
        let variables = self.variables(&order);
        if !self.faults.is_empty() || self.unikernel.incomplete {
            uk_diagnostic::sort(&mut self.faults);
            return Err(self.faults);
        }
        // After a fault, a device may only seem to be unused.
        let warnings = self.unused(&jobs);
        Ok(self.build(&jobs, &merged, &order, variables, warnings))
    }

    /// The instances that are needed, each after what it is built on. Circles are faults.
    fn order(&mut self) -> Vec<usize> {
        let mut graph: DiGraph<(), Span> = DiGraph::with_capacity(self.instances.len(), self.instances.len());
        for _ in &self.instances {
            graph.add_node(());
        }
        for (index, instance) in self.instances.iter().enumerate() {
            let resolved = instance.resolved.iter().flat_map(|r| r.bindings.iter().copied());
            let mut seen: HashSet<usize> = HashSet::new();
            for bound in instance.requires.iter().flatten().copied().chain(resolved) {
                if seen.insert(bound.instance) {
                    graph.add_edge(NodeIndex::new(index), NodeIndex::new(bound.instance), bound.span);
                }
            }
        }
        if let Ok(order) = petgraph::algo::toposort(&graph, None) {
            let needed = order.into_iter().rev().map(NodeIndex::index);
            return needed.filter(|i| self.instances[*i].resolved.is_some()).collect();
        }
        for circle in super::circles(&graph) {
            let members: Vec<&str> = circle
                .iter()
                .filter_map(|edge| graph.edge_endpoints(*edge))
                .map(|(from, _)| self.instances[from.index()].name)
                .collect();
            let message = match members.as_slice() {
                [one] => format!("the device `{one}` needs itself"),
                _ => format!("the devices {} need each other", names::list(members.iter().copied())),
            };
            let mut fault = Diagnostic::error(Code::DeviceCycle, message);
            for edge in &circle {
                if let Some((from, to)) = graph.edge_endpoints(*edge) {
                    let (from, to) = (self.instances[from.index()].name, self.instances[to.index()].name);
                    fault = fault.label(graph[*edge], format!("`{from}` needs `{to}`"));
                }
            }
            self.faults.push(fault.help("bind one of them to another device"));
        }
        Vec::new()
    }

    /// For each instance the one that stands for it: shared devices that are equal are one. An exclusive device is
    /// always the one that was declared.
    fn merge(&self, order: &[usize]) -> Vec<usize> {
        let mut stands_for: Vec<usize> = (0..self.instances.len()).collect();
        let mut equal: HashMap<String, usize> = HashMap::new();
        for &index in order {
            let Some(resolved) = &self.instances[index].resolved else { continue };
            if resolved.implementation.exclusive {
                continue;
            }
            let identity = identity(resolved, &stands_for);
            match equal.get(&identity) {
                Some(&first) => stands_for[index] = first,
                None => {
                    equal.insert(identity, index);
                }
            }
        }
        // The first name of the alphabet stands for all, whatever the order of declarations.
        let mut best: HashMap<usize, usize> = HashMap::new();
        for &index in order {
            let group = best.entry(stands_for[index]).or_insert(index);
            if self.instances[index].name < self.instances[*group].name {
                *group = index;
            }
        }
        for place in &mut stands_for {
            *place = best.get(place).copied().unwrap_or(*place);
        }
        stands_for
    }

    /// Exclusive devices are bound once, and exclusive params (a file, a port) have each value once.
    fn check_ownership(&mut self, jobs: &[JobDraft<'m>], merged: &[usize]) {
        let mut uses: Vec<Vec<Span>> = vec![Vec::new(); self.instances.len()];
        for argument in jobs.iter().flat_map(|j| &j.arguments) {
            if let Argument::Device { bound, .. } = argument {
                uses[bound.instance].push(bound.span);
            }
        }
        for instance in &self.instances {
            for bound in instance.resolved.iter().flat_map(|r| &r.bindings) {
                uses[bound.instance].push(bound.span);
            }
        }
        let mut owned: HashMap<String, usize> = HashMap::new();
        for (index, instance) in self.instances.iter().enumerate() {
            let Some(resolved) = &instance.resolved else { continue };
            if resolved.implementation.exclusive && uses[index].len() > 1 {
                let name = instance.name;
                let mut spans = uses[index].clone();
                spans.sort_by_key(|s| (s.source, s.start));
                let message = format!(
                    "the device `{name}` can be given to one place, and is bound {}",
                    times(spans.len())
                );
                let mut fault = Diagnostic::error(Code::ExclusiveDevice, message);
                for (number, span) in spans.iter().enumerate().rev() {
                    fault =
                        fault.label(*span, if number == 0 { "bound first here" } else { "bound again here" });
                }
                let help = match instance.declared {
                    Some(device) => {
                        format!("declare a second device: `device {name}-2 {} ...`", device.implementation)
                    }
                    None => {
                        format!("declare a device for each: `device first {name}`, `device second {name}`")
                    }
                };
                self.faults.push(fault.help(help));
            }
            if merged[index] != index {
                continue;
            }
            for (param, slot) in resolved.implementation.params.iter().zip(&resolved.params) {
                let ParamValue::Fixed(value) = &slot.value else { continue };
                if !param.exclusive {
                    continue;
                }
                let text = value.to_string();
                let what = format!(
                    "{}:{}",
                    param.ty.name(),
                    if param.ty.name() == "path" { tidy(&text) } else { text.clone() }
                );
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

    /// The devices in the order of construction: what they need first, then by name, so that the order of declarations
    /// doesn't show.
    fn by_name_order(&self, merged: &[usize]) -> Vec<usize> {
        let alive = |i: usize| merged[i] == i && self.instances[i].resolved.is_some();
        let mut waits: Vec<usize> = vec![0; self.instances.len()];
        let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); self.instances.len()];
        let mut ready = BinaryHeap::new();
        let name = |i: usize| names::canonical(self.instances[i].name);
        for index in (0..self.instances.len()).filter(|i| alive(*i)) {
            let resolved = self.instances[index].resolved.as_ref();
            for bound in resolved.iter().flat_map(|r| &r.bindings) {
                dependents[merged[bound.instance]].push(index);
                waits[index] += 1;
            }
            if waits[index] == 0 {
                ready.push(Reverse((name(index), index)));
            }
        }
        let mut order = Vec::new();
        while let Some(Reverse((_, index))) = ready.pop() {
            order.push(index);
            for dependent in std::mem::take(&mut dependents[index]) {
                waits[dependent] -= 1;
                if waits[dependent] == 0 {
                    ready.push(Reverse((name(dependent), dependent)));
                }
            }
        }
        order
    }

    /// The devices' names in generated code. Two that would be one are a fault.
    fn variables(&mut self, order: &[usize]) -> Vec<String> {
        let mut first: HashMap<String, usize> = HashMap::new();
        let mut variables = Vec::with_capacity(order.len());
        for &index in order {
            let name = variable(self.instances[index].name);
            if let Some(other) = first.insert(name.clone(), index) {
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
            variables.push(name);
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
    ) -> DeviceGraph {
        let mut ids: Vec<Option<DeviceId>> = vec![None; self.instances.len()];
        for (place, index) in order.iter().enumerate() {
            ids[*index] = Some(DeviceId(place as u32));
        }
        for index in 0..ids.len() {
            ids[index] = ids[merged[index]];
        }
        // Every instance that is bound was ordered, else there was a fault.
        let id = |instance: usize| ids[instance].unwrap_or(DeviceId(0));
        let (keys, moved) = self.graph_keys(&ids);
        let mut groups: HashMap<usize, Vec<Name>> = HashMap::new();
        for (index, instance) in self.instances.iter().enumerate().filter(|(_, i)| i.resolved.is_some()) {
            let name = Name { text: instance.name.to_owned(), span: instance.name_span };
            groups.entry(merged[index]).or_default().push(name);
        }
        let devices = order.iter().zip(variables).filter_map(|(&index, variable)| {
            let instance = &self.instances[index];
            let resolved = instance.resolved.as_ref()?;
            let mut names = groups.remove(&index).unwrap_or_default();
            names.sort_by(|a, b| a.text.cmp(&b.text));
            Some(Device {
                name: instance.name.to_owned(),
                names,
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
                    .map(|(requirement, bound)| Binding {
                        requirement: requirement.name.text.clone(),
                        interface: requirement.interface.text.clone(),
                        device: id(bound.instance),
                        span: bound.span,
                    })
                    .collect(),
                build: resolved.build.clone(),
                exclusive: resolved.implementation.exclusive,
                span: instance.span,
            })
        });
        let devices = devices.collect();
        let jobs: Vec<Job> = jobs.iter().map(|draft| job(draft, id)).collect();
        uk_diagnostic::sort(&mut warnings);
        DeviceGraph {
            name: self.unikernel.name.clone(),
            target: self.target,
            application: self.unikernel.jobs.first().map_or("", |j| j.entry.crate_name()).to_owned(),
            devices,
            jobs,
            keys,
            warnings,
        }
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

fn job(draft: &JobDraft<'_>, id: impl Fn(usize) -> DeviceId) -> Job {
    let arguments = draft.arguments.iter().map(|argument| match argument {
        Argument::Keys(span) => JobArgument::Keys(*span),
        Argument::Device { binding, interface, bound } => JobArgument::Device(Binding {
            requirement: binding.requirement.text.clone(),
            interface: (*interface).to_owned(),
            device: id(bound.instance),
            span: binding.span,
        }),
    });
    Job {
        name: draft.job.name.clone(),
        entry: draft.job.entry.path().to_owned(),
        entry_span: draft.job.entry.span,
        arguments: arguments.collect(),
        span: draft.job.span,
    }
}

/// What makes two shared devices equal: the same function with the same arguments, and the same data.
fn identity(resolved: &Resolved<'_>, stands_for: &[usize]) -> String {
    use std::fmt::Write as _;
    let mut text = format!("{} {}", resolved.krate.package, resolved.krate.connect);
    // Writing to a String can't fail.
    for slot in &resolved.params {
        let _ = write!(text, " {:?}", slot.value);
    }
    for key in &resolved.keys {
        let _ = write!(text, " key {key}");
    }
    for bound in &resolved.bindings {
        let _ = write!(text, " device {}", stands_for[bound.instance]);
    }
    let _ = write!(text, " {:?}", resolved.build);
    text
}

/// A device's name as a local variable of the generated main.
fn variable(name: &str) -> String {
    const TAKEN: [&str; 2] = ["values", "start"];
    let mut variable = names::canonical(name).to_lowercase();
    if is_keyword(&variable) || TAKEN.contains(&variable.as_str()) {
        variable.push('_');
    }
    variable
}

/// `./a//b` and `a/b` are one file. `..` stays: a folder may be a link.
fn tidy(path: &str) -> String {
    let absolute = if path.starts_with('/') { "/" } else { "" };
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    format!("{absolute}{}", parts.join("/"))
}

fn times(number: usize) -> String {
    if number == 2 { "twice".to_owned() } else { format!("{number} times") }
}
