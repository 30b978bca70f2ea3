//! What large graphs cost: `cargo run --release -p uk-store --example graphs -- [ACTIONS]...`
//!
//! Layered graphs with up to five inputs an action and command lines like those of a compiler, made from a fixed seed, and an
//! action that needs them all. Times are medians of several runs, of this process's wall clock; memory is the most that it
//! had, so one size at a time says what that size takes.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uk_action::{
    Action, ActionId, Arg, Class, Command, Digest, Graph, Input, Kind, Output, OutputKind, Produced, Seal,
    Source,
};
use uk_store::{
    Builtins, Cancel, Event, Observer, Options, Report, State, Store, realise, save_recent, status,
};

/// Graphs up to this size are also executed.
const EXECUTED: usize = 10_000;

struct Host;

impl Builtins for Host {
    fn run(&self, _: &str, _: &[String], sandbox: &Path) -> Result<(), String> {
        std::fs::write(sandbox.join("out"), "the same for all").map_err(|e| e.to_string())
    }
}

impl Observer for Host {
    fn event(&self, _: Event) {}
}

/// `run`: processes, whose keys are what matters; else builtins, which can be executed by the thousand.
fn graph(actions: usize, run: bool) -> (Graph, ActionId) {
    let mut graph = Graph::default();
    let mut ids: Vec<ActionId> = Vec::with_capacity(actions);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let layer = (actions / 50).max(1);
    // As the planner has it, these are there once for all who use them, and so is the path of each library.
    let rustc = Arg::path("toolchain/bin/rustc");
    let mut flags =
        ["--edition=2024", "--crate-type=lib", "-Cpanic=abort", "-Copt-level=s", "-Ccodegen-units=1"]
            .map(Arg::from)
            .to_vec();
    flags.push(Arg::path_in("--remap-path-prefix=", "src", "=/src"));
    let mut staged: Vec<Arc<str>> = Vec::with_capacity(actions);
    for number in 0..actions {
        let mut inputs = Vec::with_capacity(6);
        inputs.push(Input {
            path: format!("src/crate-{number}").into(),
            source: Source::fixed("/dev/null", Digest::of(&number.to_le_bytes()), Seal::Trusted),
        });
        // From the layer before, so that the graph is about 50 deep.
        let first = (number / layer).saturating_sub(1) * layer;
        let last = (number / layer) * layer;
        if last > 0 {
            let mut chosen = [(); 5].map(|()| first + random(last - first));
            chosen.sort_unstable();
            // Two inputs can't be at one place.
            for from in chosen.chunk_by(PartialEq::eq).map(|same| same[0]) {
                let source = Source::Output { action: ids[from], index: 0 };
                inputs.push(Input { path: staged[from].clone(), source });
            }
        }
        let mut argv = vec![rustc.clone(), format!("src/crate-{number}/src/lib.rs").into()];
        argv.extend(flags.iter().cloned());
        let command = if run {
            Command::Run {
                argv,
                env: vec![("CARGO_PKG_NAME".into(), format!("crate-{number}").into())],
                cwd: String::new(),
                stdout: None,
                arg_files: vec![],
                env_files: vec![],
            }
        } else {
            Command::Builtin { name: "same", version: 1, args: vec![format!("crate-{number}")] }
        };
        staged.push(format!("deps/libcrate-{number:016x}.rlib").into());
        ids.push(graph.add(Action {
            kind: Kind::Compile,
            label: format!("crate-{number} 0.1.0"),
            span: None,
            command,
            inputs,
            outputs: vec![Output { path: "out".into(), kind: OutputKind::File }],
        }));
    }
    let mut unused = vec![true; actions];
    for (_, action) in graph.iter() {
        for input in &action.inputs {
            if let Source::Output { action, .. } = input.source {
                unused[action.index()] = false;
            }
        }
    }
    let inputs = ids.iter().filter(|id| unused[id.index()]).map(|id| Input {
        path: format!("all/{}", id.index()).into(),
        source: Source::Output { action: *id, index: 0 },
    });
    let root = graph.add(all(inputs.collect()));
    (graph, root)
}

/// The action that needs them all.
fn all(inputs: Vec<Input>) -> Action {
    Action {
        kind: Kind::Link,
        label: "all".into(),
        span: None,
        command: Command::Builtin { name: "same", version: 1, args: vec![] },
        inputs,
        outputs: vec![Output { path: "out".into(), kind: OutputKind::File }],
    }
}

fn build(graph: &Graph, root: ActionId, store: &Store) -> Report {
    realise(graph, &[root], store, &Options::default(), &Host, &Host, &Cancel::default()).unwrap()
}

/// Leaves in `store` what a look at `graph` needs of a build in which every action made the same: the root's bytes and the
/// file of the last build. Running a million actions would take hours.
fn presume(graph: &Graph, root: ActionId, store: &Store) {
    let mut alone = Graph::default();
    let only = alone.add(all(vec![]));
    let outputs: Arc<[Produced]> = build(&alone, only, store).outputs(only).into();
    let made = outputs[0].identity();
    let keys = graph.iter().map(|(_, action)| {
        let inputs = action.inputs.iter().map(|input| match &input.source {
            Source::Fixed(fixed) => fixed.identity,
            _ => made,
        });
        action.key(&inputs.collect::<Vec<_>>(), store.class())
    });
    let keys = keys.map(Some).collect();
    let outputs = vec![Some(outputs); graph.len()];
    save_recent(store, graph, &[root], &Report { keys, outputs, ..Report::default() }).unwrap();
}

/// Processor time of this process.
fn processor() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The most memory that this process had at once, in MiB: `VmHWM` of `/proc/self/status` (proc(5)).
fn peak() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// Wall time, and processor time of all threads.
type Cost = [Duration; 2];

fn cost(run: impl FnOnce()) -> Cost {
    let (begun, before) = (Instant::now(), processor());
    run();
    [begun.elapsed(), processor() - before]
}

fn median(runs: usize, mut run: impl FnMut()) -> Cost {
    let costs = (0..runs).map(|_| cost(&mut run)).collect::<Vec<_>>();
    [0, 1].map(|which| {
        let mut times = costs.iter().map(|cost| cost[which]).collect::<Vec<_>>();
        times.sort_unstable();
        times[runs / 2]
    })
}

fn main() {
    let sizes = std::env::args().skip(1).map(|size| size.parse().unwrap()).collect::<Vec<usize>>();
    let sizes = if sizes.is_empty() { vec![50, 10_000, 100_000] } else { sizes };
    for size in sizes {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let show = |what: &str, cost: Cost| {
            let [wall, cpu] = cost.map(|time| time.as_secs_f64() * 1e3);
            println!("{size:>9} actions  {wall:>10.3} ms  {cpu:>10.3} ms CPU  {what}");
        };
        let mut made = None;
        show("graph made", cost(|| made = Some(graph(size, true))));
        let (processes, root) = made.unwrap();
        show("status, nothing cached", median(5, || drop(status(&processes, &store))));
        let inputs = [Digest::of(b"input"); 6];
        show(
            "keys alone, on one core",
            median(5, || {
                for (_, action) in processes.iter().filter(|(id, _)| *id != root) {
                    std::hint::black_box(action.key(&inputs[..action.inputs.len()], Class::Folder));
                }
            }),
        );
        presume(&processes, root, &store);
        let cached = |state: &State| matches!(state, State::Cached { .. });
        assert!(
            status(&processes, &store).iter().all(cached),
            "the file of the last build is as it was written"
        );
        show("status, everything cached", median(5, || drop(status(&processes, &store))));
        show(
            "build, everything cached",
            median(5, || assert_eq!(build(&processes, root, &store).cached, size + 1)),
        );
        let goal = if size == 1_000_000 { "   (goals: < 1536 MiB, a status < 2500 ms)" } else { "" };
        println!("{size:>9} actions  {:>10} MiB of memory at most{goal}", peak());
        drop(processes);
        if size <= EXECUTED {
            executed(size, show);
        }
    }
}

/// A build in which everything runs, and what it leaves.
fn executed(size: usize, show: impl Fn(&str, Cost)) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (builtins, root) = graph(size, false);
    let build = || build(&builtins, root, &store);
    show("build, everything executed", median(1, || assert_eq!(build().executed, size + 1)));
    show("build, everything cached", median(5, || assert_eq!(build().cached, size + 1)));
    let recent = folder.path().join("recent");
    show(
        "status, everything cached, without the file of the last build",
        median(3, || {
            std::fs::remove_dir_all(&recent).ok();
            drop(status(&builtins, &store));
        }),
    );
}
