//! What large graphs cost: `cargo run --release -p uk-store --example graphs -- [ACTIONS]...`
//!
//! Layered graphs with five inputs an action and command lines like those of a compiler, made from a fixed seed. Times are
//! medians of several runs, of this process's wall clock.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::path::Path;
use std::time::{Duration, Instant};

use uk_action::{
    Action, ActionId, Arg, Command, Digest, Graph, Input, Kind, Output, OutputKind, Seal, Source,
};
use uk_store::{Builtins, Cancel, Event, Observer, Options, Store, realise, status};

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
fn graph(actions: usize, run: bool) -> (Graph, Vec<ActionId>) {
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
    for number in 0..actions {
        let mut inputs = vec![Input {
            path: format!("src/crate-{number}"),
            source: Source::Fixed {
                path: "/dev/null".into(),
                identity: Digest::of(&number.to_le_bytes()),
                seal: Seal::Trusted,
            },
        }];
        // From the layer before, so that the graph is about 50 deep.
        let first = (number / layer).saturating_sub(1) * layer;
        let last = (number / layer) * layer;
        if last > 0 {
            inputs.extend((0..5).map(|place| Input {
                path: format!("deps/libcrate_{place}-{number:016x}.rlib"),
                source: Source::Output { action: ids[first + random(last - first)], index: 0 },
            }));
        }
        let mut argv =
            vec![Arg::path("toolchain/bin/rustc"), format!("src/crate-{number}/src/lib.rs").into()];
        for text in
            ["--edition=2024", "--crate-type=lib", "-Cpanic=abort", "-Copt-level=s", "-Ccodegen-units=1"]
        {
            argv.push(text.into());
        }
        argv.push(Arg::Path {
            before: "--remap-path-prefix=".into(),
            path: "src".into(),
            after: "=/src".into(),
        });
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
    ids.retain(|id| unused[id.index()]);
    (graph, ids)
}

fn median(runs: usize, mut run: impl FnMut()) -> Duration {
    let mut times = (0..runs).map(|_| {
        let begun = Instant::now();
        run();
        begun.elapsed()
    });
    let mut times = times.by_ref().collect::<Vec<_>>();
    times.sort_unstable();
    times[times.len() / 2]
}

fn main() {
    let sizes = std::env::args().skip(1).map(|size| size.parse().unwrap()).collect::<Vec<usize>>();
    let sizes = if sizes.is_empty() { vec![50, 10_000, 100_000] } else { sizes };
    for size in sizes {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let show = |what: &str, time: Duration| {
            println!("{size:>7} actions  {:>10.3} ms  {what}", time.as_secs_f64() * 1e3);
        };
        let (processes, _) = graph(size, true);
        show("status, nothing cached", median(9, || drop(status(&processes, &store))));
        let inputs = [Digest::of(b"input"); 6];
        show(
            "keys alone, of processes",
            median(9, || {
                for (_, action) in processes.iter() {
                    std::hint::black_box(
                        action.key(&inputs[..action.inputs.len()], uk_action::Class::Folder),
                    );
                }
            }),
        );

        let (builtins, roots) = graph(size, false);
        let build = || {
            let options = Options::default();
            realise(&builtins, &roots, &store, &options, &Host, &Host, &Cancel::default()).unwrap()
        };
        show("build, everything executed", median(1, || assert_eq!(build().executed, size)));
        show("build, everything cached", median(9, || assert_eq!(build().cached, size)));
        show("status, everything cached", median(9, || drop(status(&builtins, &store))));
        let recent = folder.path().join("recent");
        show(
            "status, everything cached, without the recent file",
            median(3, || {
                std::fs::remove_dir_all(&recent).ok();
                drop(status(&builtins, &store));
            }),
        );
    }
}
