//! What hooks make beside the build, in the order in which it can be made.
//!
//! A step of a hook comes after those before it in the hook, after those that make what it reads, and after the `mkdir` of
//! a folder in which it makes something. What an image or a copy is belongs to the user, and guests write into it: no hook
//! reads it, so that nothing is ever made again because of that.

mod folders;

pub use folders::Files;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, btree_map};

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use uk_diagnostic::{Code, Diagnostic, Span};

use crate::device::{DeviceGraph, ParamValue, circles};
use crate::manifest::{Hook, Step};
use crate::paths::{self, within};
use crate::read::Name;

/// The steps of all hooks of a unikernel, each behind those that it needs.
#[derive(Debug, Clone, Default)]
pub struct Hooks(Vec<Make>);

/// A step of a hook.
#[derive(Debug, Clone)]
pub struct Make {
    /// The hook's name.
    pub hook: String,
    /// What is done.
    pub step: Step,
    /// The hook's line.
    pub span: Span,
}

/// Files beside the manifest, and folders with all that is in them, that belong to `uk`, cargo and git.
const RESERVED: [&str; 9] = [
    ".git",
    ".uk",
    "build.rs",
    "Cargo.lock",
    "Cargo.toml",
    "dist",
    "target",
    "unikernel.kdl",
    "unikernel.lock",
];

impl Hooks {
    /// Puts the steps of `hooks` in order: `UK0213` where two steps make one file, or a step makes or reads what it may not,
    /// and `UK0214` for circles. With faults, the steps are as they are written: something else may be wrong with them, too.
    pub fn new(hooks: Vec<Hook>) -> (Self, Vec<Diagnostic>) {
        let steps = hooks.into_iter().enumerate().flat_map(|(number, hook)| {
            let (name, span) = (hook.name.text, hook.span);
            hook.steps.into_iter().map(move |step| (number, Make { hook: name.clone(), step, span }))
        });
        let (hooks, makes): (Vec<usize>, Vec<Make>) = steps.unzip();
        let mut order = Order { makes: &makes, makers: BTreeMap::new(), faults: Vec::new() };
        order.collect_makers();
        let graph = order.graph(&hooks);
        order.check_circles(&graph);
        let faults = order.faults;
        if !faults.is_empty() {
            return (Self(makes), faults);
        }
        let order = sorted(&graph);
        let mut makes: Vec<Option<Make>> = makes.into_iter().map(Some).collect();
        (Self(order.into_iter().filter_map(|index| makes[index].take()).collect()), faults)
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Make] {
        &self.0
    }

    /// Every path that is made, relative to the manifest.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|make| make.step.makes()).map(|path| path.text.as_str())
    }

    /// The devices of `graph` that have a path made by `make`, one below it or a folder around it for the value of a param
    /// or the folder of their data.
    pub fn devices<'g>(make: &Make, graph: &'g DeviceGraph) -> Vec<&'g str> {
        let made = make.step.makes();
        let names = |value: &str| {
            let value = paths::normal(value);
            made.iter().any(|path| within(&value, &path.text) || within(&path.text, &value))
        };
        let uses = graph.devices().iter().filter(|device| {
            device.data.iter().any(|data| names(&data.folder))
                || device.params.iter().any(|param| match &param.value {
                    ParamValue::Fixed(value) => param.ty.name() == "path" && names(&value.to_string()),
                    ParamValue::Key(_) | ParamValue::Absent => false,
                })
        });
        uses.map(|device| device.name.as_str()).collect()
    }
}

/// The folders around `path`, the innermost first.
fn above(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/').map(|(at, _)| &path[..at])
}

/// What a build makes beside the manifest: before it, that is from the last one or not there.
const BUILT: [&str; 2] = ["dist", ".uk"];

/// The folder of what a build makes that `path` lies in or is around, if there is one.
fn built(path: &str) -> Option<&'static str> {
    BUILT.into_iter().find(|built| within(path, built) || within(built, path))
}

/// Steps while they are put in order.
struct Order<'m> {
    makes: &'m [Make],
    /// The first step that makes a path, and where it says so.
    makers: BTreeMap<&'m str, (usize, &'m Name)>,
    faults: Vec<Diagnostic>,
}

impl<'m> Order<'m> {
    fn collect_makers(&mut self) {
        for (index, make) in self.makes.iter().enumerate() {
            for path in make.step.makes() {
                if RESERVED.iter().any(|reserved| within(&path.text, reserved)) || path.text.is_empty() {
                    let what = if path.text.is_empty() { "the project's folder" } else { &path.text };
                    self.fault(
                        format!("`{}` can't be made by a hook", what.escape_debug()),
                        &[(path.span, "here")],
                        "it belongs to `uk`, cargo or git, or holds the project: choose another path",
                    );
                    continue;
                }
                match self.makers.entry(&path.text) {
                    btree_map::Entry::Vacant(place) => {
                        place.insert((index, path));
                    }
                    btree_map::Entry::Occupied(first) => {
                        let (other, first) = *first.get();
                        let folders =
                            [other, index].iter().all(|i| matches!(self.makes[*i].step, Step::Mkdir { .. }));
                        if !folders {
                            let labels = [(path.span, "made again here"), (first.span, "made first here")];
                            let message = format!("`{}` is made twice", path.text.escape_debug());
                            self.fault(message, &labels, "give one of them another path");
                        }
                    }
                }
            }
        }
    }

    /// The steps, with edges from what must be done first, each with where that is said.
    fn graph(&mut self, hooks: &[usize]) -> DiGraph<(), Span> {
        let mut graph = DiGraph::with_capacity(self.makes.len(), self.makes.len());
        let nodes: Vec<NodeIndex> = self.makes.iter().map(|_| graph.add_node(())).collect();
        for (index, pair) in hooks.windows(2).enumerate() {
            if pair[0] == pair[1] {
                graph.add_edge(nodes[index], nodes[index + 1], self.makes[index + 1].place());
            }
        }
        for (index, make) in self.makes.iter().enumerate() {
            for path in make.step.makes() {
                // The innermost alone: it has those around it before it.
                let around = above(&path.text).find_map(|folder| self.makers.get(folder).copied());
                match around {
                    Some((other, _)) if other == index => {}
                    Some((other, _)) if matches!(self.makes[other].step, Step::Mkdir { .. }) => {
                        graph.add_edge(nodes[other], nodes[index], path.span);
                    }
                    Some((_, other)) => {
                        let message =
                            format!("`{}` lies in what another step makes", path.text.escape_debug());
                        let labels = [(path.span, "this"), (other.span, "in this")];
                        self.fault(message, &labels, "give one of them another path");
                    }
                    None => {}
                }
            }
            for path in make.step.reads() {
                if let Some(other) = self.read(path)
                    && (other != index || self.makes[index].step.makes().iter().any(|m| m.text == path.text))
                {
                    graph.add_edge(nodes[other], nodes[index], path.span);
                }
            }
        }
        graph
    }

    /// The step that makes what `path` names, where it may be read.
    fn read(&mut self, path: &Name) -> Option<usize> {
        if let Some(built) = built(&path.text) {
            let read = if path.text.is_empty() { "." } else { &path.text };
            self.fault(
                format!(
                    "`{}` can't be read by a hook: what is in `{built}/` is built after it",
                    read.escape_debug()
                ),
                &[(path.span, "read here")],
                "name what it is made from: files and folders of the project, or what a `run` makes",
            );
            return None;
        }
        if let Some((index, made)) = self.makers.get(path.text.as_str()).copied() {
            if matches!(self.makes[index].step, Step::Run(_)) {
                return Some(index);
            }
            self.fault(
                format!("`{}` is the user's once it is made, so no hook reads it", path.text.escape_debug()),
                &[(path.span, "read here"), (made.span, "made here")],
                "name the file that it is made from, or make both in one `run`",
            );
            return None;
        }
        let below = format!("{}/", path.text);
        let inner = self.makers.range(below.as_str()..).next().filter(|(made, _)| made.starts_with(&below));
        // In a folder that is only made to be there, the project may have files of its own.
        let whole = |index: usize| !matches!(self.makes[index].step, Step::Mkdir { .. });
        let outer = above(&path.text).find_map(|folder| self.makers.get(folder)).filter(|m| whole(m.0));
        if let Some((_, made)) = inner.map(|(_, maker)| maker).or(outer).copied() {
            self.fault(
                format!(
                    "`{}` is read, and a step makes only a part of it, or more",
                    path.text.escape_debug()
                ),
                &[(path.span, "read here"), (made.span, "made here")],
                "name exactly what the other step makes, or keep the project's own files in another folder",
            );
        }
        None
    }

    fn check_circles(&mut self, graph: &DiGraph<(), Span>) {
        for circle in circles(graph) {
            let message = match circle.len() {
                1 => "a step of a hook needs what it makes itself".to_owned(),
                count => format!("{count} steps of hooks need each other"),
            };
            let mut fault = Diagnostic::error(Code::HookCycle, message);
            for edge in circle {
                fault = fault.label(graph[edge], "needs the one before");
            }
            self.faults.push(fault.help("give what one of them makes another path, or change their order"));
        }
    }

    fn fault(&mut self, message: String, labels: &[(Span, &str)], help: &str) {
        let fault = Diagnostic::error(Code::HookConflict, message).help(help);
        self.faults.push(labels.iter().fold(fault, |fault, (span, text)| fault.label(*span, *text)));
    }
}

impl Make {
    /// Where the step is written.
    pub fn place(&self) -> Span {
        match &self.step {
            Step::Run(run) => run.span,
            Step::Image { path, .. } | Step::Mkdir { path } => path.span,
            Step::Copy { from, .. } => from.span,
        }
    }
}

/// The steps in an order that `graph`, without circles, allows: as near to the written one as can be.
fn sorted(graph: &DiGraph<(), Span>) -> Vec<usize> {
    let mut missing: Vec<usize> =
        graph.node_indices().map(|node| graph.edges_directed(node, petgraph::Incoming).count()).collect();
    let mut ready: BinaryHeap<Reverse<usize>> =
        missing.iter().enumerate().filter(|(_, count)| **count == 0).map(|(i, _)| Reverse(i)).collect();
    let mut order = Vec::with_capacity(missing.len());
    while let Some(Reverse(index)) = ready.pop() {
        order.push(index);
        for edge in graph.edges(NodeIndex::new(index)) {
            let next = edge.target().index();
            missing[next] -= 1;
            if missing[next] == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    order
}
