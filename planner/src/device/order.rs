//! The order in which devices are made, and which of them are one.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use petgraph::graph::{DiGraph, NodeIndex};
use uk_diagnostic::{Code, Diagnostic, Span};

use super::ParamValue;
use super::expand::Resolved;
use super::resolve::Draft;
use crate::names;

/// A longer circle is told by its first lines.
const MAX_SHOWN: usize = 12;

impl Draft<'_> {
    /// The instances that are needed, each after what it is built on. Circles are faults.
    pub fn order(&mut self) -> Vec<usize> {
        let mut graph: DiGraph<(), Span> = DiGraph::with_capacity(self.instances.len(), self.instances.len());
        for _ in &self.instances {
            graph.add_node(());
        }
        for (index, instance) in self.instances.iter().enumerate() {
            let resolved = instance.resolved.iter().flat_map(|r| r.bindings.iter().copied());
            // A device has few bindings: a list is faster than a set.
            let mut seen: Vec<usize> = Vec::new();
            for bound in instance.requires.iter().flatten().copied().chain(resolved) {
                if !seen.contains(&bound.instance) {
                    seen.push(bound.instance);
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
                .map(|(from, _)| &*self.instances[from.index()].name)
                .collect();
            let message = match members.as_slice() {
                [one] => format!("the device `{one}` needs itself"),
                _ => format!("the devices {} need each other", names::list(members.iter().copied())),
            };
            let mut fault = Diagnostic::error(Code::DeviceCycle, message);
            for edge in circle.iter().take(MAX_SHOWN) {
                if let Some((from, to)) = graph.edge_endpoints(*edge) {
                    let (from, to) = (&self.instances[from.index()].name, &self.instances[to.index()].name);
                    fault = fault.label(graph[*edge], format!("`{from}` needs `{to}`"));
                }
            }
            if circle.len() > MAX_SHOWN {
                fault = fault.note(format!("and so on, over {} lines", circle.len()));
            }
            self.faults.push(fault.help("bind one of them to another device"));
        }
        Vec::new()
    }

    /// For each instance the one that stands for it: shared devices that are equal are one. An exclusive device is
    /// always the one that was declared.
    pub fn merge(&self, order: &[usize]) -> Vec<usize> {
        let mut stands_for: Vec<usize> = (0..self.instances.len()).collect();
        let mut equal: HashMap<String, usize> = HashMap::new();
        let mut text = String::new();
        for &index in order {
            let Some(resolved) = &self.instances[index].resolved else { continue };
            if resolved.implementation.exclusive {
                continue;
            }
            text.clear();
            identity(resolved, &stands_for, &mut text);
            match equal.get(&text) {
                Some(&first) => stands_for[index] = first,
                None => {
                    equal.insert(text.clone(), index);
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

    /// The devices in the order of construction: what they need first, then by name, so that the order of declarations
    /// doesn't show.
    pub fn by_name_order(&self, merged: &[usize]) -> Vec<usize> {
        let alive = |i: &usize| merged[*i] == *i && self.instances[*i].resolved.is_some();
        let mut by_name: Vec<usize> = (0..self.instances.len()).filter(alive).collect();
        by_name.sort_by_cached_key(|i| names::canonical(&self.instances[*i].name));
        let mut rank: Vec<u32> = vec![0; self.instances.len()];
        for (place, index) in by_name.iter().enumerate() {
            rank[*index] = place as u32;
        }
        let needs = |place: usize| {
            let resolved = self.instances[by_name[place]].resolved.iter();
            resolved.flat_map(|r| &r.bindings).map(|bound| rank[merged[bound.instance]])
        };
        // What waits for a device, all devices in one list.
        let mut ends: Vec<u32> = vec![0; by_name.len()];
        let mut waits: Vec<u32> = vec![0; by_name.len()];
        for (place, waits) in waits.iter_mut().enumerate() {
            for needed in needs(place) {
                ends[needed as usize] += 1;
                *waits += 1;
            }
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += std::mem::replace(end, sum);
        }
        let mut dependents: Vec<u32> = vec![0; sum as usize];
        for place in 0..by_name.len() {
            for needed in needs(place) {
                let end = &mut ends[needed as usize];
                dependents[*end as usize] = place as u32;
                *end += 1;
            }
        }
        let mut ready: BinaryHeap<Reverse<u32>> =
            waits.iter().zip(0..).filter(|w| *w.0 == 0).map(|w| Reverse(w.1)).collect();
        let mut order = Vec::with_capacity(by_name.len());
        while let Some(Reverse(place)) = ready.pop() {
            let place = place as usize;
            order.push(by_name[place]);
            let start = if place == 0 { 0 } else { ends[place - 1] as usize };
            for dependent in &dependents[start..ends[place] as usize] {
                waits[*dependent as usize] -= 1;
                if waits[*dependent as usize] == 0 {
                    ready.push(Reverse(*dependent));
                }
            }
        }
        order
    }
}

/// What makes two shared devices equal, written to `text`: the same function with the same arguments, and the same data.
fn identity(resolved: &Resolved<'_>, stands_for: &[usize], text: &mut String) {
    use std::fmt::Write as _;
    // Writing to a String can't fail.
    let _ = write!(text, "{} {}", resolved.krate.package.text, resolved.krate.connect.text);
    for slot in &resolved.params {
        let _ = match &slot.value {
            ParamValue::Fixed(value) => write!(text, " {:?}", value.to_string()),
            ParamValue::Key(key) => write!(text, " key {}", key.0),
            ParamValue::Absent => write!(text, " -"),
        };
    }
    for key in &resolved.keys {
        let _ = write!(text, " key {key}");
    }
    for bound in &resolved.bindings {
        let _ = write!(text, " device {}", stands_for[bound.instance]);
    }
    for data in &resolved.data {
        let _ = write!(text, " {:?} {:?} {:?}", data.tool, data.folder, data.place);
    }
    if !resolved.steps.is_empty() {
        let _ = write!(text, " {:?}", resolved.steps);
    }
}
