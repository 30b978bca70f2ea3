//! A store in a temporary folder, and actions made of shell scripts.

use std::path::Path;
use std::sync::Mutex;

use uk_action::{Action, ActionId, Arg, Command, Graph, Input, Kind, Output, OutputKind, Source};
use uk_store::{Builtins, Cancel, Event, Failure, How, Observer, Options, Report, Store, realise};

/// A store that goes away with the test.
pub struct Place {
    pub folder: tempfile::TempDir,
    pub store: Store,
}

pub fn place() -> Place {
    place_in(tempfile::tempdir().expect("a temporary folder"))
}

/// One that needn't wait for a disk, where there is a file system in memory. Programs may not run there.
pub fn place_in_memory() -> Place {
    tempfile::tempdir_in("/dev/shm").map_or_else(|_| place(), place_in)
}

fn place_in(folder: tempfile::TempDir) -> Place {
    let store = Store::open(&folder.path().join("store")).expect("a new store");
    Place { folder, store }
}

/// Upper-cases `in` to `out`.
pub struct Upper;

impl Builtins for Upper {
    fn run(&self, name: &str, args: &[String], sandbox: &Path) -> Result<(), String> {
        match name {
            "upper" => {
                let text = std::fs::read_to_string(sandbox.join(&args[0])).map_err(|e| e.to_string())?;
                std::fs::write(sandbox.join(&args[1]), text.to_uppercase()).map_err(|e| e.to_string())
            }
            other => Err(format!("no builtin `{other}`")),
        }
    }
}

/// Keeps all events.
#[derive(Default)]
pub struct Events(pub Mutex<Vec<Event>>);

impl Observer for Events {
    fn event(&self, event: Event) {
        self.0.lock().expect("no test panics with the lock").push(event);
    }
}

impl Events {
    /// The labels of the actions that ran to a good end, in order.
    pub fn executed(&self, graph: &Graph) -> Vec<String> {
        let events = self.0.lock().expect("no test panics with the lock");
        let executed = events.iter().filter_map(|event| match event {
            Event::Finished(id, How::Executed(_)) => Some(graph.get(*id).label.clone()),
            _ => None,
        });
        executed.collect()
    }
}

/// An action that runs `script` with `/bin/sh`.
pub fn shell(label: &str, script: &str, inputs: Vec<Input>, outputs: &[(&str, OutputKind)]) -> Action {
    run(label, vec!["/bin/sh".into(), "-euc".into(), script.into()], inputs, outputs)
}

pub fn run(label: &str, argv: Vec<Arg>, inputs: Vec<Input>, outputs: &[(&str, OutputKind)]) -> Action {
    let command = Command::Run {
        argv,
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        cwd: String::new(),
        stdout: None,
        arg_files: vec![],
        env_files: vec![],
    };
    action(label, command, inputs, outputs)
}

pub fn action(label: &str, command: Command, inputs: Vec<Input>, outputs: &[(&str, OutputKind)]) -> Action {
    let outputs = outputs.iter().map(|(path, kind)| Output { path: (*path).into(), kind: *kind }).collect();
    Action { kind: Kind::Compile, label: label.into(), span: None, command, inputs, outputs }
}

/// An action that writes `text` to `out`.
pub fn write(label: &str, text: &str) -> Action {
    action(label, Command::Write(text.as_bytes().into()), vec![], &[("out", OutputKind::File)])
}

/// The first output of `action`, at `path`.
pub fn from(action: ActionId, path: &str) -> Input {
    Input { path: path.into(), source: Source::Output { action, index: 0 } }
}

pub fn build_with(
    store: &Store,
    graph: &Graph,
    roots: &[ActionId],
    options: &Options,
    events: &Events,
    cancel: &Cancel,
) -> Result<Report, Box<Failure>> {
    realise(graph, roots, store, options, &Upper, events, cancel).map_err(Box::new)
}

pub fn build(store: &Store, graph: &Graph, root: ActionId) -> Result<Report, Box<Failure>> {
    build_with(store, graph, &[root], &Options::default(), &Events::default(), &Cancel::default())
}

/// What the first output of `action` holds.
pub fn text(store: &Store, report: &Report, action: ActionId) -> String {
    let bytes = store.read(report.outputs(action)[0].digest).expect("a root's output is in the store");
    String::from_utf8(bytes).expect("text")
}
