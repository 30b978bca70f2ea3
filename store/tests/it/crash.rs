//! Ended, or left without a disk, at any step of writing: nothing that was published is lost, nothing damaged is served, and
//! the next build goes on. The store's fault hook (`store/src/fault.rs`) exists in builds with debug assertions.
//!
//! `UK_FAULT_ROUNDS` is the number of rounds, 50 unless it is set.
#![cfg(debug_assertions)]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::SystemTime;

use uk_action::{Action, ActionId, Command, Digest, Graph, OutputKind, Source};
use uk_store::{Builtins, Cancel, Event, Failure, Keep, Observer, Options, Report, Root, Store, realise};

use crate::common::{action, from, place_in_memory, write};
use crate::faults::files;

/// `fill NAME`: a tree of twelve files, a file too large to be copied through memory, and some text, all of them by name.
/// `sum`: what is in the tree and in the text.
struct Fill;

impl Builtins for Fill {
    fn run(&self, name: &str, args: &[String], sandbox: &Path) -> Result<(), String> {
        let io = |error: std::io::Error| error.to_string();
        if name == "sum" {
            let mut text = fs::read_to_string(sandbox.join("text")).map_err(io)?;
            for number in 0..12 {
                text += &fs::read_to_string(sandbox.join(format!("tree/{number}"))).map_err(io)?;
            }
            return fs::write(sandbox.join("out"), text).map_err(io);
        }
        for number in 0..12 {
            fs::write(sandbox.join(format!("tree/{number}")), format!("{} {number}\n", args[0]))
                .map_err(io)?;
        }
        let large = args[0].repeat((5 << 20) / args[0].len());
        fs::write(sandbox.join("large"), large).map_err(io)?;
        fs::write(sandbox.join("text"), format!("{}\n", args[0])).map_err(io)
    }
}

struct Silent;

impl Observer for Silent {
    fn event(&self, _: Event) {}
}

fn graph(name: &str) -> (Graph, ActionId) {
    let mut graph = Graph::default();
    let builtin = |name, args: &[&str]| Command::Builtin {
        name,
        version: 1,
        args: args.iter().map(|a| (*a).into()).collect(),
    };
    let source = graph.add(write("source", name));
    let outputs = [("tree", OutputKind::Tree), ("large", OutputKind::File), ("text", OutputKind::Text)];
    let filled = graph.add(action("fill", builtin("fill", &[name]), vec![from(source, "in")], &outputs));
    let mut sum: Action =
        action("sum", builtin("sum", &[]), vec![from(filled, "tree")], &[("out", OutputKind::File)]);
    let text = uk_action::Input { path: "text".into(), source: Source::Output { action: filled, index: 2 } };
    sum.inputs.push(text);
    let sum = graph.add(sum);
    (graph, sum)
}

fn expected(name: &str) -> String {
    let mut text = format!("{name}\n");
    (0..12).for_each(|number| _ = writeln!(text, "{name} {number}"));
    text
}

fn build(store: &Store, graph: &Graph, root: ActionId) -> Result<Report, Box<Failure>> {
    // One at a time, so that steps have numbers.
    let options = Options { jobs: 1, ..Options::default() };
    realise(graph, &[root], store, &options, &Fill, &Silent, &Cancel::default()).map_err(Box::new)
}

/// Run as a process of its own by the test below; does nothing when run as a test. Builds an artifact that has a root, one
/// that has none, and collects garbage; says what is done.
#[test]
fn child() {
    let Some(place) = std::env::var_os("UK_TEST_CRASH") else { return };
    let place = Path::new(&place);
    let name = std::env::var("UK_TEST_NAME").unwrap();
    let say = |what: &str| {
        let mut out = std::io::stdout();
        writeln!(out, "\n{what}").and_then(|()| out.flush()).unwrap();
    };
    let deed = || -> Result<(), Box<dyn std::error::Error>> {
        let root_of_store = place.join("store");
        {
            let store = Store::open(&root_of_store)?;
            let (graph, root) = graph(&name);
            let report = build(&store, &graph, root).map_err(|failure| format!("{:?}", failure.faults))?;
            say("built");
            let witness = place.join(&name);
            store.add_root(&Root::of(witness, &name, &store, &graph, &[root], &report))?;
            say("rooted");
            let (graph, root) = self::graph("garbage");
            build(&store, &graph, root).map_err(|failure| format!("{:?}", failure.faults))?;
        }
        let keep = Keep { days: None, size: None, trees: vec![], dry_run: false, now: SystemTime::now() };
        Store::open(&root_of_store)?.collect(&keep)?;
        say("collected");
        Ok(())
    };
    if let Err(error) = deed() {
        say(&error.to_string());
        std::process::exit(7);
    }
}

struct Ended {
    well: bool,
    said: String,
}

fn run(place: &Path, name: &str, fault: &str) -> Ended {
    let mut process = Process::new(std::env::current_exe().unwrap());
    process.args(["--exact", "crash::child", "--nocapture"]).stderr(Stdio::null());
    process.env("UK_TEST_CRASH", place).env("UK_TEST_NAME", name).env("UK_STORE_FAULT", fault);
    let output = process.output().unwrap();
    Ended { well: output.status.success(), said: String::from_utf8_lossy(&output.stdout).into_owned() }
}

/// What must hold at any time: an object is what its name says.
fn objects_are_sound(store: &Path, round: &str) {
    for path in files(&store.join("cas")) {
        let digest = path.file_name().unwrap().to_str().unwrap().parse::<Digest>().unwrap();
        assert_eq!(
            Digest::of(&fs::read(&path).unwrap()),
            digest,
            "{round}: an object is whole from the first"
        );
    }
}

/// A number that looks random.
fn mixed(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ (x >> 31)
}

#[test]
fn ended_at_any_step_it_goes_on() {
    let rounds = std::env::var("UK_FAULT_ROUNDS").map_or(50, |rounds| rounds.parse::<u64>().unwrap());
    // How many steps there are: the first that is never reached.
    let (mut reached, mut steps) = (0, 1024);
    assert!(
        run(place_in_memory().folder.path(), "count", &format!("kill:{steps}")).well,
        "more steps than that"
    );
    while steps - reached > 1 {
        let middle = (reached + steps) / 2;
        let well = run(place_in_memory().folder.path(), "count", &format!("kill:{middle}")).well;
        if well { steps = middle } else { reached = middle }
    }
    assert!(steps > 60, "only {steps} steps: writes, syncs and renames are counted");

    let place = place_in_memory();
    let (folder, root_of_store) = (place.folder.path().to_owned(), place.store.root().to_owned());
    drop(place.store);
    let mut kept = vec![];
    for seed in 0..rounds {
        let deed = ["kill", "power", "io", "full"][(seed % 4) as usize];
        let fault = format!("{deed}:{}", 1 + mixed(seed) % steps);
        let round = format!("round {seed}, {fault}");
        let name = format!("artifact {}", seed % 6);
        fs::write(folder.join(&name), "").unwrap();
        let ended = run(&folder, &name, &fault);
        objects_are_sound(&root_of_store, &round);
        let said = |word: &str| ended.said.lines().any(|line| line == word);

        let store = Store::open(&root_of_store).unwrap();
        let (graph, root) = self::graph(&name);
        let report =
            build(&store, &graph, root).unwrap_or_else(|error| panic!("{round}: {:?}", error.faults));
        let text = store.read(report.outputs(root)[0].digest).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), expected(&name), "{round}");
        // What a process said to be done is done, but for names that a disk without power had not written yet.
        if said("built") && deed != "power" {
            assert_eq!(report.executed, 0, "{round}: {}", ended.said);
        }
        store.add_root(&Root::of(folder.join(&name), &name, &store, &graph, &[root], &report)).unwrap();
        // What earlier rounds had published is there still, whatever was collected.
        if !kept.contains(&name) {
            kept.push(name);
        }
        for name in &kept {
            let (graph, root) = self::graph(name);
            let report = build(&store, &graph, root).unwrap();
            assert_eq!(report.executed, 0, "{round}: `{name}` is lost");
        }
        let findings = store.verify().unwrap().findings;
        let torn = |path: &Path| !path.starts_with("cas") && !path.starts_with("roots") && deed == "power";
        assert!(findings.iter().all(|finding| torn(&finding.path)), "{round}: {findings:?}");
        drop(store);
        assert_eq!(files(&root_of_store.join("tmp")).len(), 0, "{round}: what was left is cleared");
    }
    assert_eq!(kept.len(), 6.min(rounds as usize));
}
