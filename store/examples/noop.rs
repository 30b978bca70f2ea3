//! A build of a graph that `ninja` can build too: `cargo run --release -p uk-store --example noop -- FOLDER STORE`.
//!
//! Reads FOLDER's `build.ninja` (steps that join the first 16 bytes of each input), looks at its sources through the stat
//! cache, and realises everything in STORE. A second run is a build without changes: `cargo xtask bench graph` times it
//! as a whole process. Steps are builtins, so that thousands of them can be made at first; without changes none runs.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use uk_action::{Action, Command, Graph, Input, Kind, Output, OutputKind, Seal, Source};
use uk_store::{Builtins, Cancel, Event, Observer, Options, StatCache, Store, realise};

struct Host;

impl Builtins for Host {
    fn run(&self, _: &str, args: &[String], sandbox: &Path) -> Result<(), String> {
        let mut out = Vec::new();
        for input in args[0].split(' ') {
            let bytes = std::fs::read(sandbox.join(input)).map_err(|e| e.to_string())?;
            out.extend_from_slice(&bytes[..bytes.len().min(16)]);
        }
        std::fs::write(sandbox.join("made"), out).map_err(|e| e.to_string())
    }
}

impl Observer for Host {
    fn event(&self, _: Event) {}
}

fn main() {
    let [folder, store] = std::env::args().skip(1).map(PathBuf::from).collect::<Vec<_>>().try_into().unwrap();
    let store = Store::open(&store).unwrap();
    let text = std::fs::read_to_string(folder.join("build.ninja")).unwrap();
    let mut stamps = StatCache::load(&store.root().join("memo/stamps"));
    // As the planner has it, a path is there once for all who use it.
    let mut known: HashMap<&str, Input> = HashMap::new();
    let (mut graph, mut needed) = (Graph::default(), Vec::new());
    let steps = text.lines().filter_map(|line| line.strip_prefix("build ")?.split_once(": step "));
    for (output, names) in steps {
        let inputs = names.split(' ').map(|name| {
            let input = known.entry(name).or_insert_with(|| {
                let path = folder.join(name);
                let identity = stamps.digest(&path).unwrap();
                Input { path: name.into(), source: Source::fixed(path, identity, Seal::Trusted) }
            });
            if let Source::Output { action, .. } = input.source {
                needed[action.index()] = true;
            }
            input.clone()
        });
        let inputs = inputs.collect();
        let id = graph.add(Action {
            kind: Kind::Generate,
            label: output.to_owned(),
            span: None,
            command: Command::Builtin { name: "join", version: 1, args: vec![names.to_owned()] },
            inputs,
            outputs: vec![Output { path: "made".into(), kind: OutputKind::File }],
        });
        let source = Source::Output { action: id, index: 0 };
        known.insert(output, Input { path: output.into(), source });
        needed.push(false);
    }
    stamps.save().unwrap();
    let roots = graph.iter().map(|(id, _)| id).filter(|id| !needed[id.index()]).collect::<Vec<_>>();
    let report =
        realise(&graph, &roots, &store, &Options::default(), &Host, &Host, &Cancel::default()).unwrap();
    println!("{} executed, {} cached", report.executed, report.cached);
}
