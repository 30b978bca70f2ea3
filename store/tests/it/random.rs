//! Random graphs, built, edited and robbed in turn: whatever happened before, a build gives what the sources say.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use uk_action::{Action, ActionId, Command, Graph, OutputKind};
use uk_store::{Builtins, Cancel, Event, Observer, Options, Store, realise};

use crate::common::{action, place_in_memory, write};

/// Joins its inputs and halves what comes out, so that some edits don't show.
struct Join {
    runs: AtomicUsize,
    fails: bool,
}

fn half(number: u64) -> u64 {
    number / 2
}

impl Builtins for Join {
    fn run(&self, _: &str, args: &[String], sandbox: &std::path::Path) -> Result<(), String> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        if self.fails && args[0] == "1" {
            return Err("no".into());
        }
        let mut sum = args[0].parse::<u64>().unwrap();
        for input in fs::read_dir(sandbox.join("in")).into_iter().flatten() {
            sum += fs::read_to_string(input.unwrap().path()).unwrap().parse::<u64>().unwrap();
        }
        fs::write(sandbox.join("out"), half(sum).to_string()).unwrap();
        Ok(())
    }
}

struct Silent;

impl Observer for Silent {
    fn event(&self, _: Event) {}
}

/// For each action the number that it adds and its inputs; one without inputs is a written file.
type Plan = Vec<(u64, Vec<usize>)>;

fn plan() -> impl Strategy<Value = Plan> {
    let node = (0..6_u64, prop::collection::vec(any::<prop::sample::Index>(), 0..4));
    prop::collection::vec(node, 1..14).prop_map(|nodes| {
        let mut plan: Plan = vec![];
        for (place, (number, inputs)) in nodes.into_iter().enumerate() {
            let mut inputs =
                if place == 0 { vec![] } else { inputs.iter().map(|at| at.index(place)).collect::<Vec<_>>() };
            inputs.sort_unstable();
            inputs.dedup();
            plan.push((number, inputs));
        }
        plan
    })
}

fn node(number: u64, inputs: &[usize], ids: &[ActionId]) -> Action {
    if inputs.is_empty() {
        return write("write", &number.to_string());
    }
    let inputs = inputs.iter().map(|at| crate::common::from(ids[*at], &format!("in/{at}"))).collect();
    let join = Command::Builtin { name: "join", version: 1, args: vec![number.to_string()] };
    action(&format!("join {}", ids.len()), join, inputs, &[("out", OutputKind::File)])
}

fn graph(plan: &Plan) -> (Graph, Vec<ActionId>, Vec<u64>) {
    let (mut graph, mut ids, mut values) = (Graph::default(), vec![], vec![]);
    for (number, inputs) in plan {
        let id = graph.add(node(*number, inputs, &ids));
        ids.push(id);
        let sum = number + inputs.iter().map(|at| values[*at]).sum::<u64>();
        values.push(if inputs.is_empty() { *number } else { half(sum) });
    }
    (graph, ids, values)
}

#[derive(Debug, Clone)]
enum Deed {
    /// Builds a root with so many jobs.
    Build(prop::sample::Index, usize),
    /// Builds one with a builtin that fails on some actions.
    Fail(prop::sample::Index, bool),
    /// Gives an action another number.
    Edit(prop::sample::Index, u64),
    /// Removes a file of a folder of the store.
    Lose(&'static str, prop::sample::Index),
    /// Cuts one short.
    Cut(&'static str, prop::sample::Index),
    /// Removes all that is only a hint.
    Forget,
}

fn deed() -> impl Strategy<Value = Deed> {
    let index = any::<prop::sample::Index>;
    let folder = prop_oneof![Just("cas"), Just("ac")];
    prop_oneof![
        4 => (index(), 1..4_usize).prop_map(|(root, jobs)| Deed::Build(root, jobs)),
        1 => (index(), any::<bool>()).prop_map(|(root, going)| Deed::Fail(root, going)),
        3 => (index(), 0..6_u64).prop_map(|(at, number)| Deed::Edit(at, number)),
        3 => (folder.clone(), index()).prop_map(|(folder, at)| Deed::Lose(folder, at)),
        1 => (folder, index()).prop_map(|(folder, at)| Deed::Cut(folder, at)),
        1 => Just(Deed::Forget),
    ]
}

fn pick(store: &Store, folder: &str, at: &prop::sample::Index) -> Option<std::path::PathBuf> {
    let shards = fs::read_dir(store.root().join(folder)).ok()?;
    let mut files = shards
        .flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect::<Vec<_>>();
    files.sort_unstable();
    (!files.is_empty()).then(|| files.swap_remove(at.index(files.len())))
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_build_gives_what_the_sources_say(mut plan in plan(), deeds in prop::collection::vec(deed(), 1..16)) {
        let place = place_in_memory();
        let store = &place.store;
        for deed in deeds {
            let (graph, ids, values) = graph(&plan);
            match deed {
                Deed::Build(root, jobs) => {
                    let root = *root.get(&ids);
                    let options = Options { jobs, ..Options::default() };
                    let join = Join { runs: AtomicUsize::new(0), fails: false };
                    let build =
                        || realise(&graph, &[root], store, &options, &join, &Silent, &Cancel::default()).unwrap();
                    let report = build();
                    let bytes = store.read(report.outputs(root)[0].digest).unwrap();
                    prop_assert_eq!(String::from_utf8(bytes).unwrap(), values[root.index()].to_string());
                    prop_assert!(join.runs.load(Ordering::Relaxed) <= report.executed);
                    let runs = join.runs.swap(0, Ordering::Relaxed);
                    let again = build();
                    prop_assert_eq!((again.executed, join.runs.load(Ordering::Relaxed)), (0, 0), "after {}", runs);
                    prop_assert_eq!(again.cached, report.cached + report.executed);
                }
                Deed::Fail(root, keep_going) => {
                    let options = Options { keep_going, jobs: 2, ..Options::default() };
                    let join = Join { runs: AtomicUsize::new(0), fails: true };
                    let root = *root.get(&ids);
                    if let Err(failure) =
                        realise(&graph, &[root], store, &options, &join, &Silent, &Cancel::default())
                    {
                        prop_assert!(!failure.faults.is_empty());
                        prop_assert!(!failure.cancelled);
                    }
                }
                Deed::Edit(at, number) => {
                    let at = at.index(plan.len());
                    plan[at].0 = number;
                }
                Deed::Lose(folder, at) => {
                    if let Some(path) = pick(store, folder, &at) {
                        fs::remove_file(path).unwrap();
                    }
                }
                Deed::Cut(folder, at) => {
                    if let Some(path) = pick(store, folder, &at) {
                        fs::remove_file(&path).unwrap();
                        fs::write(path, "").unwrap();
                    }
                }
                Deed::Forget => {
                    fs::remove_dir_all(store.root().join("recent")).ok();
                    fs::remove_file(store.root().join("durations")).ok();
                }
            }
        }
    }
}

/// Large enough for keys to be computed on all cores, and deeper than any stack of calls should be.
#[test]
fn a_large_and_deep_graph() {
    let place = place_in_memory();
    let node = |at: usize| (2 * at as u64, at.checked_sub(1).into_iter().collect());
    let mut plan = (0..2000).map(node).collect::<Plan>();
    let build = |plan: &Plan| {
        let (graph, ids, values) = graph(plan);
        let root = *ids.last().unwrap();
        let join = Join { runs: AtomicUsize::new(0), fails: false };
        let options = Options { jobs: 2, ..Options::default() };
        let report =
            realise(&graph, &[root], &place.store, &options, &join, &Silent, &Cancel::default()).unwrap();
        let bytes = place.store.read(report.outputs(root)[0].digest).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), values.last().unwrap().to_string());
        (report.executed, report.cached)
    };
    assert_eq!(build(&plan), (2000, 0));
    assert_eq!(build(&plan), (0, 2000));
    // Halving soon hides an edit, so that what is behind stays; and what was known is known when it is undone.
    plan[1000].0 += 16;
    let (executed, cached) = build(&plan);
    assert_eq!(executed + cached, 2000);
    assert!((1..10).contains(&executed), "{executed} executed");
    assert_eq!(build(&plan), (0, 2000));
    plan[1000].0 -= 16;
    assert_eq!(build(&plan), (0, 2000));
    // Another action in the middle: all after it stand elsewhere, and need it.
    plan.insert(500, (3, vec![499]));
    for (at, node) in plan.iter_mut().enumerate().skip(501) {
        node.1 = vec![at - 1];
    }
    let (executed, cached) = build(&plan);
    assert_eq!((executed + cached, executed), (2001, 1501), "inputs have another path");
    // Nothing is left of the bytes: all of them are wanted again, from the last to the first.
    fs::remove_dir_all(place.store.root().join("cas")).unwrap();
    let (executed, cached) = build(&plan);
    assert_eq!(executed + cached, 2001);
    assert!(
        executed > 1900,
        "{executed} executed; only what came out as something else did is there already"
    );
}
