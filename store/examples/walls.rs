//! What walls cost: `cargo run --release -p uk-store --example walls -- [ACTIONS]`
//!
//! Runs so many trivial actions (`/bin/true`, one at a time) in every class of sandbox that the machine has, three rounds in
//! turn, and prints the median of each class: wall clock an action, all of it (keys, folder, walls, process, record).
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uk_action::{
    Action, ActionId, Class, Command, Digest, Graph, HostPath, Input, Kind, Output, OutputKind, Shown, Source,
};
use uk_store::{Builtins, Cancel, Event, Observer, Options, Sandboxing, Store, realise};

struct Host;

impl Builtins for Host {
    fn run(&self, name: &str, _: &[String], _: &Path) -> Result<(), String> {
        Err(format!("there is no builtin `{name}`"))
    }
}

impl Observer for Host {
    fn event(&self, _: Event) {}
}

/// Actions that need the host's programs and nothing of each other.
fn graph(actions: usize) -> (Graph, Vec<ActionId>) {
    let mut graph = Graph::default();
    let host = ["/bin", "/lib", "/lib64", "/usr"].map(HostPath::same).to_vec();
    let host = graph.add(Action {
        kind: Kind::Toolchain,
        label: "host".into(),
        span: None,
        command: Command::Given {
            path: "/usr/bin".into(),
            identity: Digest::of(b"host"),
            shown: Arc::new(Shown { parts: Vec::new(), host, files: Vec::new() }),
        },
        inputs: Vec::new(),
        outputs: vec![Output { path: "tool".into(), kind: OutputKind::File }],
    });
    let action = |number: usize| Action {
        kind: Kind::Compile,
        label: format!("true {number}"),
        span: None,
        command: Command::Run {
            argv: vec!["/bin/true".into(), number.to_string().into()],
            env: Vec::new(),
            cwd: String::new(),
            stdout: Some("out/text".into()),
            arg_files: Vec::new(),
            env_files: Vec::new(),
        },
        inputs: vec![Input { path: "host".into(), source: Source::Output { action: host, index: 0 } }],
        outputs: vec![Output { path: "out/text".into(), kind: OutputKind::File }],
    };
    let ids = (0..actions).map(|number| graph.add(action(number))).collect();
    (graph, ids)
}

fn round(class: Class, graph: &Graph, roots: &[ActionId]) -> Option<Duration> {
    let folder = tempfile::tempdir().unwrap();
    let wanted = Sandboxing { launcher: Some("/proc/self/exe".into()), class: Some(class) };
    let store = Store::open(folder.path()).unwrap().with_sandboxing(wanted);
    let options = Options { jobs: 1, ..Options::default() };
    let begun = Instant::now();
    let report = realise(graph, roots, &store, &options, &Host, &Host, &Cancel::default());
    let took = begun.elapsed();
    report.ok().filter(|report| report.executed == roots.len()).map(|_| took / roots.len() as u32)
}

fn main() -> ExitCode {
    if let Some(code) = uk_store::serve_launcher(|_, _, _| unreachable!("no step has an archive")) {
        return code;
    }
    let actions = std::env::args().nth(1).map_or(200, |count| count.parse().unwrap());
    let (graph, roots) = graph(actions);
    let mut times = Class::ALL.map(|class| (class, Vec::new()));
    for _ in 0..3 {
        for (class, times) in &mut times {
            times.extend(round(*class, &graph, &roots));
        }
    }
    for (class, mut times) in times {
        times.sort_unstable();
        match times.get(times.len() / 2) {
            Some(time) => println!("{:<10}  {:>7.2} ms an action", class.name(), time.as_secs_f64() * 1e3),
            None => println!("{:<10}  not here", class.name()),
        }
    }
    ExitCode::SUCCESS
}
