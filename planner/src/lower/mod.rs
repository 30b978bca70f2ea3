//! From a checked device graph and cargo's units to actions.
//!
//! One [`Lowering`] takes every unikernel and target of a command, so that what they share is one node.

mod data;
mod hook;
mod identity;
mod image;
mod rustc;
mod script;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use uk_action::{Action, ActionId, Command, Digest, Graph, Input, Kind, Output, OutputKind, Shown, Source};

use crate::units::{Crates, Mode, Origin};

pub use data::{DATA, DATA_VERSION, DataInputs};
pub use hook::HookInputs;
pub use image::{Image, Wiring};
pub use script::{DIRECTIVES, DIRECTIVES_VERSION, Directives, directive_files, error, warning, warnings};

/// A tool of the host, identified.
#[derive(Debug, Clone)]
pub struct Tool {
    /// What people call it (`rustc 1.95.0`).
    pub label: String,
    /// Where it is: a toolchain's folder, or a program.
    pub path: PathBuf,
    /// The digest of what it consists of.
    pub identity: Digest,
    /// What of it a sandbox shows.
    pub shown: Arc<Shown>,
}

/// What the host builds with.
#[derive(Debug, Clone)]
pub struct Host {
    /// The host's target triple.
    pub triple: String,
    /// The Rust toolchain: compiler, libraries, `ld.lld`.
    pub rust: Tool,
    /// The C compiler driver that links host programs, with what it brings along.
    pub cc: Tool,
    /// The same with what compiling C takes: for build scripts.
    pub c: Tool,
    /// `CARGO_CFG_*` of the triple, sorted by name.
    pub cfg: Vec<(String, String)>,
}

/// Grows one action graph from any number of unikernels.
pub struct Lowering<'a> {
    host: &'a Host,
    graph: Graph,
    rust: ActionId,
    cc: ActionId,
    c: ActionId,
    made: HashMap<Digest, ActionId>,
    words: rustc::Words,
}

/// The action of each unit of one resolution, with what dependents need to know of it.
struct Units<'c> {
    crates: &'c Crates,
    ids: Vec<identity::Identity>,
    actions: Vec<ActionId>,
    /// For a run build script: the action that reads its directives.
    directives: Vec<Option<ActionId>>,
    /// Libraries that a unit's compilation must find, itself left out, each once, in unit order.
    closure: Vec<Vec<usize>>,
    /// Where a sandbox has what a unit is compiled to, as one text for all who use it.
    staged: Vec<Arc<str>>,
}

/// Sandbox path of the Rust toolchain.
const RUST: &str = "toolchain";
/// Sandbox path of the folder with the C compiler driver.
const CC: &str = "host/cc";
/// Sandbox folder of the libraries that a crate is compiled against.
const DEPS: &str = "deps";
/// Sandbox folder of what a compilation makes.
const OUT: &str = "out";

impl<'a> Lowering<'a> {
    /// Starts a graph with the toolchain nodes.
    pub fn new(host: &'a Host) -> Self {
        let mut graph = Graph::default();
        let rust = graph.add(given(&host.rust));
        let cc = graph.add(given(&host.cc));
        let c = graph.add(given(&host.c));
        Self { host, graph, rust, cc, c, made: HashMap::new(), words: rustc::Words::new() }
    }

    /// Adds the programs of an ordinary package with all that they need, and returns the action of each, which has one
    /// output, with its name.
    pub fn programs(&mut self, crates: &Crates) -> Vec<(String, ActionId)> {
        let units = self.units(crates, "");
        crates.root.iter().map(|root| (root.name.clone(), units.actions[root.unit])).collect()
    }

    /// The finished graph.
    pub fn finish(self) -> Graph {
        self.graph
    }

    /// Lowers every unit; `keys` is the projection that the application's `keys!` sees.
    fn units<'c>(&mut self, crates: &'c Crates, keys: &str) -> Units<'c> {
        let count = crates.units.len();
        let ids = identity::identities(crates, keys);
        let keys =
            self.intern(identity::generated("keys.kdl", keys), || generate("keys.kdl", keys.to_owned()));
        let mut units = Units {
            crates,
            ids,
            actions: Vec::with_capacity(count),
            directives: Vec::with_capacity(count),
            closure: Vec::with_capacity(count),
            staged: Vec::with_capacity(count),
        };
        for (index, unit) in crates.units.iter().enumerate() {
            let closure = closure(crates, &units.closure, index);
            units.closure.push(closure);
            units.staged.push(format!("{DEPS}/{}", units.file(index)).into());
            let interned = units.ids[index].interned;
            let known = self.made.get(&interned).copied();
            let action = match known {
                Some(id) => id,
                None => {
                    let action = match unit.mode {
                        Mode::RunBuildScript => script::run(self, &units, index),
                        _ => {
                            let link = self.own_link(&units, index);
                            rustc::compile(self, &units, index, keys, link)
                        }
                    };
                    let id = self.graph.add(action);
                    self.made.insert(interned, id);
                    id
                }
            };
            units.actions.push(action);
            let directives = (unit.mode == Mode::RunBuildScript).then(|| {
                let key = identity::directives(&interned, None);
                self.intern(key, || script::read(&units, index, action, None))
            });
            units.directives.push(directives);
        }
        units
    }

    /// For what is linked in a package with a build script: the action that reads what the script says of that link.
    fn own_link(&mut self, units: &Units<'_>, index: usize) -> Option<ActionId> {
        let unit = &units.crates.units[index];
        let link = script::link_of(unit)?;
        let run = script::own(units, unit)?;
        let key = identity::directives(&units.ids[run].interned, Some(&link));
        Some(self.intern(key, || script::read(units, run, units.actions[run], Some(&link))))
    }

    fn intern(&mut self, key: Digest, make: impl FnOnce() -> Action) -> ActionId {
        if let Some(id) = self.made.get(&key) {
            return *id;
        }
        let id = self.graph.add(make());
        self.made.insert(key, id);
        id
    }
}

/// Libraries and macros that the compilation of `index` must find: its dependencies and theirs. What a macro was made
/// from isn't among them, since a macro is loaded whole.
fn closure(crates: &Crates, done: &[Vec<usize>], index: usize) -> Vec<usize> {
    let mut all = Vec::new();
    for dependency in &crates.units[index].dependencies {
        match crates.units[dependency.unit].mode {
            Mode::Library => {
                all.extend(&done[dependency.unit]);
                all.push(dependency.unit);
            }
            Mode::ProcMacro => all.push(dependency.unit),
            Mode::BuildScript | Mode::RunBuildScript | Mode::Program => {}
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

fn given(tool: &Tool) -> Action {
    Action {
        kind: Kind::Toolchain,
        label: tool.label.clone(),
        span: None,
        command: Command::Given {
            path: tool.path.clone(),
            identity: tool.identity,
            shown: tool.shown.clone(),
        },
        inputs: Vec::new(),
        outputs: vec![Output { path: "tool".to_owned(), kind: OutputKind::File }],
    }
}

fn generate(label: &str, text: String) -> Action {
    Action {
        kind: Kind::Generate,
        label: label.to_owned(),
        span: None,
        command: Command::Write(text.into_bytes().into()),
        inputs: Vec::new(),
        outputs: vec![Output { path: label.to_owned(), kind: OutputKind::File }],
    }
}

fn input(path: impl Into<Arc<str>>, action: ActionId, index: u32) -> Input {
    Input { path: path.into(), source: Source::Output { action, index } }
}

impl Units<'_> {
    /// `NAME-VERSION`: where a sandbox has the sources of a unit's package.
    fn place(&self, index: usize) -> String {
        let facts = &self.crates.packages[self.crates.units[index].package].facts;
        format!("{}-{}", facts.name, facts.version)
    }

    /// The package's folder in a sandbox.
    fn package(&self, index: usize) -> String {
        match self.crates.packages[self.crates.units[index].package].inside.as_str() {
            "" => self.place(index),
            inside => format!("{}/{inside}", self.place(index)),
        }
    }

    fn label(&self, index: usize) -> String {
        let unit = &self.crates.units[index];
        let facts = &self.crates.packages[unit.package].facts;
        match unit.mode {
            Mode::Library if unit.host => format!("{} {} (host)", facts.name, facts.version),
            Mode::Program => format!("{} {} (program {})", facts.name, facts.version, unit.target),
            _ => format!("{} {}", facts.name, facts.version),
        }
    }

    /// The file name of what a unit is compiled to.
    fn file(&self, index: usize) -> String {
        let unit = &self.crates.units[index];
        let id = &self.ids[index].metadata;
        let name = &unit.crate_name;
        match unit.mode {
            Mode::Library => format!("lib{name}-{id}.rlib"),
            Mode::ProcMacro => format!("lib{name}-{id}.so"),
            Mode::BuildScript | Mode::RunBuildScript | Mode::Program => format!("{name}-{id}"),
        }
    }

    /// The package's sources, staged at its own name.
    fn sources(&self, index: usize) -> Input {
        let source = match &self.crates.packages[self.crates.units[index].package].origin {
            Origin::Fixed { path, identity, seal, .. } => {
                Source::fixed(path.clone(), *identity, seal.clone())
            }
            Origin::Local { tree, .. } => Source::Local(tree.clone()),
        };
        Input { path: self.place(index).into(), source }
    }

    /// The libraries of a closure as inputs.
    fn libraries(&self, closure: &[usize]) -> Vec<Input> {
        closure.iter().map(|&dep| input(self.staged[dep].clone(), self.actions[dep], 0)).collect()
    }
}
