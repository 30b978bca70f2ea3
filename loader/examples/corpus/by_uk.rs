//! A package built by the engine: unit graph, actions, executor, store.

use std::collections::BTreeMap;
use std::path::Path;

use uk_action::{ActionId, Class, Graph, Kind};
use uk_loader::{Locking, Project, SourceSets};
use uk_planner::lower::{DIRECTIVES, Lowering, directive_files};
use uk_planner::units::{Crates, Mode};
use uk_store::{
    Builtins, Cancel, Event, Failure as Faults, NotUnpacked, Observer, Options, Report, Sandboxing, Store,
    realise,
};

use crate::Failure;

/// What was built, in words that cargo's own messages have, too.
pub struct Built {
    /// `PACKAGE VERSION KIND NAME FEATURES` of everything that was compiled, sorted.
    pub units: Vec<String>,
    /// What each build script asked for, by `PACKAGE VERSION`; sorted.
    pub scripts: BTreeMap<String, Vec<Script>>,
    /// How many actions ran.
    pub executed: usize,
    /// How many were known.
    pub cached: usize,
    /// How strictly they were kept to their inputs.
    pub class: &'static str,
}

/// What a build script asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Script {
    /// `--cfg` values.
    pub cfgs: Vec<String>,
    /// `-l` values.
    pub libs: Vec<String>,
    /// `NAME=VALUE`.
    pub env: Vec<String>,
}

/// Builds the programs of the package in `source` into `out`.
pub fn build(source: &Path, options: &[&str], store: &Path, out: &Path) -> Result<Built, Failure> {
    let say = |diagnostic: Box<uk_diagnostic::Diagnostic>| {
        format!("{} {}\n{}", diagnostic.code, diagnostic.message, diagnostic.notes.join("\n"))
    };
    let store = Store::open(store).map_err(|error| say(Box::new(error.diagnostic())))?;
    // The walls that `uk` itself puts up, and the same way to ask for others.
    let wish = std::env::var("UK_SANDBOX").unwrap_or_default();
    let launcher = Some("/proc/self/exe".into());
    let store = store.with_sandboxing(Sandboxing { launcher, class: Class::named(&wish) });
    let project = Project { folder: source.to_owned(), name: String::new(), text: String::new() };
    let host = uk_loader::host(&project, &store).map_err(say)?;
    let mut stamps = SourceSets::new(&project.state().join("stamps"));
    let locking = Locking { locked: true, offline: false };
    let crates = uk_loader::programs(source, options, &host, locking, &mut stamps).map_err(say)?;
    stamps.save();
    let mut lowering = Lowering::new(&host);
    let programs = lowering.programs(&crates);
    let graph = lowering.finish();
    let mut roots: Vec<ActionId> = programs.iter().map(|(_, action)| *action).collect();
    // What no compilation asks for is compared all the same.
    roots.extend(readers(&graph));
    let report =
        realise(&graph, &roots, &store, &Options::default(), &BuildScripts, &Silent, &Cancel::default())
            .map_err(|failure| faults(&failure, &graph))?;
    let _ = std::fs::remove_dir_all(out);
    for (name, action) in &programs {
        let produced = &report.outputs(*action)[0];
        store
            .materialise_file(produced.digest, &out.join(name), true)
            .map_err(|error| say(Box::new(error.diagnostic())))?;
    }
    Ok(Built {
        units: units(&crates),
        scripts: scripts(&graph, &report, &store)?,
        executed: report.executed,
        cached: report.cached,
        class: store.class().name(),
    })
}

fn units(crates: &Crates) -> Vec<String> {
    let mut all: Vec<String> = crates
        .units
        .iter()
        .filter_map(|unit| {
            let kind = match unit.mode {
                Mode::Library => "lib",
                Mode::ProcMacro => "proc-macro",
                Mode::BuildScript => "custom-build",
                Mode::Program => "bin",
                Mode::RunBuildScript => return None,
            };
            let facts = &crates.packages[unit.package].facts;
            let features = unit.features.join(",");
            Some(format!("{} {} {kind} {} {features}", facts.name, facts.version, unit.crate_name))
        })
        .collect();
    all.sort();
    all
}

/// The actions that read what a build script said for everybody.
fn readers(graph: &Graph) -> impl Iterator<Item = ActionId> {
    graph.iter().filter(|(_, a)| a.kind == Kind::ReadScript && a.outputs.len() > 1).map(|(id, _)| id)
}

fn scripts(graph: &Graph, report: &Report, store: &Store) -> Result<BTreeMap<String, Vec<Script>>, Failure> {
    let mut all: BTreeMap<String, Vec<Script>> = BTreeMap::new();
    for id in readers(graph) {
        let action = graph.get(id);
        let file = |name: &str| -> Result<Vec<String>, Failure> {
            let at = action.outputs.iter().position(|o| o.path == name).ok_or("no such file")?;
            let bytes = store.read(report.outputs(id)[at].digest).map_err(|error| error.to_string())?;
            let mut lines: Vec<String> = String::from_utf8_lossy(&bytes).lines().map(plain).collect();
            lines.sort();
            Ok(lines)
        };
        let values = |mut lines: Vec<String>| {
            lines.retain(|line| !["-l", "--cfg", "--check-cfg"].contains(&line.as_str()));
            lines
        };
        let mut cfgs = values(file("cfg")?);
        // Cargo's messages don't tell of these.
        cfgs.retain(|cfg| !cfg.starts_with("cfg("));
        let script = Script { cfgs, libs: values(file("libs")?), env: file("env")? };
        all.entry(action.label.clone()).or_default().push(script);
    }
    all.values_mut().for_each(|scripts| scripts.sort());
    Ok(all)
}

/// A line with `OUT` and `PACKAGE` for the folders of a script.
fn plain(line: &str) -> String {
    let sandbox = uk_action::Action::SANDBOX;
    let mut text = line.to_owned();
    while let Some(at) = text.find(sandbox) {
        let behind = &text[at + sandbox.len()..];
        let (place, parts) = match behind.strip_prefix("/build/") {
            Some(rest) => ("OUT", rest.splitn(3, '/').nth(2)),
            None => ("PACKAGE", behind.get(1..).and_then(|rest| rest.split_once('/')).map(|(_, rest)| rest)),
        };
        let rest = parts.map(|rest| format!("/{rest}")).unwrap_or_default();
        text = format!("{}{place}{rest}", &text[..at]);
    }
    text
}

fn faults(failure: &Faults, graph: &Graph) -> Failure {
    let mut text = String::new();
    for fault in &failure.faults {
        let diagnostic = fault.diagnostic(graph);
        let log = String::from_utf8_lossy(&fault.log);
        let lines: Vec<&str> = log.lines().collect();
        let end = lines[lines.len().saturating_sub(40)..].join("\n");
        text.push_str(&format!("{} {}\n{end}\n", diagnostic.code, diagnostic.message));
    }
    text
}

struct Silent;

impl Observer for Silent {
    fn event(&self, _: Event) {}
}

struct BuildScripts;

impl Builtins for BuildScripts {
    fn run(&self, name: &str, args: &[String], sandbox: &Path) -> Result<(), String> {
        assert_eq!(name, DIRECTIVES);
        let text = std::fs::read(sandbox.join("stdout")).map_err(|error| error.to_string())?;
        directive_files(&text, args)?
            .into_iter()
            .try_for_each(|(name, text)| std::fs::write(sandbox.join(name), text))
            .map_err(|error| error.to_string())
    }

    fn unpack(&self, archive: &Path, sum: &str, to: &Path) -> Result<(), NotUnpacked> {
        uk_loader::unpack(archive, sum, to)
    }
}
