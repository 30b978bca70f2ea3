//! Graphs of real processes.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use crate::common::*;
use uk_action::{Arg, Command, Graph, OutputKind};
use uk_store::{Builtins, Cancel, Event, Options, Reason, State, Store, realise, status};

/// source -> upper -> shout: a builtin and a process behind a written file.
fn chain(source: &str) -> (Graph, uk_action::ActionId) {
    let mut graph = Graph::default();
    let source = graph.add(write("source", source));
    let builtin = Command::Builtin { name: "upper", version: 1, args: vec!["in".into(), "out".into()] };
    let upper = graph.add(action("upper", builtin, vec![from(source, "in")], &[("out", OutputKind::File)]));
    let shout = graph.add(shell(
        "shout",
        "(cat in; echo !) > out",
        vec![from(upper, "in")],
        &[("out", OutputKind::File)],
    ));
    (graph, shout)
}

#[test]
fn builds_once_and_stops_at_an_unchanged_output() {
    let place = place();
    let (graph, root) = chain("hello");
    assert!(matches!(
        status(&graph, &place.store)[..],
        [State::Build { .. }, State::Build { .. }, State::Waits { count: 1 }]
    ));
    let report = build(&place.store, &graph, root).unwrap();
    assert_eq!((report.executed, report.cached), (3, 0));
    assert_eq!(text(&place.store, &report, root), "HELLO!\n");

    let report = build(&place.store, &graph, root).unwrap();
    assert_eq!((report.executed, report.cached), (0, 3));
    assert!(status(&graph, &place.store).iter().all(|state| matches!(state, State::Cached { .. })));

    // Another source with the same upper-case text: `shout` isn't run.
    let (graph, root) = chain("Hello");
    let events = Events::default();
    let report =
        build_with(&place.store, &graph, &[root], &Options::default(), &events, &Cancel::default()).unwrap();
    assert_eq!(events.executed(&graph), ["source", "upper"]);
    assert_eq!((report.executed, report.cached), (2, 1));
    assert_eq!(text(&place.store, &report, root), "HELLO!\n");
}

#[test]
fn a_failure_says_which_and_keeps_the_log() {
    let place = place();
    let mut graph = Graph::default();
    let bad =
        graph.add(shell("bad", "echo out; echo in $PWD >&2; exit 7", vec![], &[("o", OutputKind::File)]));
    let root = graph.add(shell("root", "cat i > o", vec![from(bad, "i")], &[("o", OutputKind::File)]));
    let failure = build(&place.store, &graph, root).unwrap_err();
    assert_eq!(failure.skipped, 1);
    let fault = &failure.faults[0];
    assert_eq!(fault.action, bad);
    assert!(matches!(fault.reason, Reason::Exit(status) if status.code() == Some(7)));
    assert_eq!(fault.log, b"out\nin /.uk-sandbox\n");
    assert_eq!(std::fs::read(fault.log_path.as_ref().unwrap()).unwrap(), fault.log);
    let diagnostic = &failure.diagnostics(&graph)[0];
    assert_eq!(diagnostic.message, "`bad` failed: exit status: 7");
    assert_eq!(diagnostic.code.to_string(), "UK0601");
}

#[test]
fn keep_going_builds_what_does_not_need_the_failed() {
    let place = place();
    let mut graph = Graph::default();
    let bad = graph.add(shell("bad", "exit 1", vec![], &[("o", OutputKind::File)]));
    let behind = graph.add(shell("behind", "cat i > o", vec![from(bad, "i")], &[("o", OutputKind::File)]));
    let one = graph.add(shell("one", "echo 1 > o", vec![], &[("o", OutputKind::File)]));
    let two = graph.add(shell("two", "cat i i > o", vec![from(one, "i")], &[("o", OutputKind::File)]));
    let options = Options { keep_going: true, jobs: 1, ..Options::default() };
    let events = Events::default();
    let failure =
        build_with(&place.store, &graph, &[behind, two], &options, &events, &Cancel::default()).unwrap_err();
    assert_eq!(events.executed(&graph), ["one", "two"]);
    assert_eq!((failure.faults.len(), failure.skipped, failure.report.executed), (1, 1, 2));
}

#[test]
fn the_environment_is_only_what_was_given() {
    let place = place();
    let mut graph = Graph::default();
    let mut act = run("env", vec!["/usr/bin/env".into()], vec![], &[("out", OutputKind::Text)]);
    if let Command::Run { env, stdout, .. } = &mut act.command {
        *env = vec![("A".into(), "1".into()), ("HERE".into(), Arg::path("x/y"))];
        *stdout = Some("out".into());
    }
    let root = graph.add(act);
    let report = build(&place.store, &graph, root).unwrap();
    let text = text(&place.store, &report, root);
    let mut lines = text.lines().collect::<Vec<_>>();
    lines.sort_unstable();
    assert_eq!(lines, ["A=1", "HERE=/.uk-sandbox/x/y", "TMPDIR=/.uk-sandbox/.tmp"]);
}

#[test]
fn texts_carry_paths_from_sandbox_to_sandbox() {
    let place = place();
    let mut graph = Graph::default();
    let first = graph.add(shell(
        "first",
        "echo data > d/f; printf '%s\\n' \"$PWD/d\" -n > args; printf 'WHERE=%s\\n' \"$PWD/d\" > env",
        vec![],
        &[("d", OutputKind::Tree), ("args", OutputKind::Text), ("env", OutputKind::Text)],
    ));
    let output = |index, path: &str| uk_action::Input {
        path: path.into(),
        source: uk_action::Source::Output { action: first, index },
    };
    let mut act = shell(
        "second",
        // $0 and $1 come from the argument file.
        "test \"$0\" = \"$PWD/d\"; test \"$1\" = -n; test \"$WHERE\" = \"$PWD/d\"; cat \"$0/f\" args > out",
        vec![output(0, "d"), output(1, "args"), output(2, "env")],
        &[("out", OutputKind::Text)],
    );
    if let Command::Run { arg_files, env_files, .. } = &mut act.command {
        arg_files.push("args".into());
        env_files.push("env".into());
    }
    let root = graph.add(act);
    let report = build(&place.store, &graph, root).unwrap();
    assert_eq!(text(&place.store, &report, root), "data\n/.uk-sandbox/d\n-n\n");
}

#[test]
fn a_declared_output_must_be_made() {
    let place = place();
    let mut graph = Graph::default();
    let root = graph.add(shell("none", "mkdir out", vec![], &[("out", OutputKind::File)]));
    let failure = build(&place.store, &graph, root).unwrap_err();
    assert_eq!(failure.diagnostics(&graph)[0].code.to_string(), "UK0605");
    assert_eq!(failure.diagnostics(&graph)[0].message, "`none` ended well, but `out` isn't a file");
}

#[test]
fn what_took_longest_is_begun_first() {
    let place = place();
    let graph = |version: &str| {
        let mut graph = Graph::default();
        let mut add = |label: &str, script: &str| {
            graph.add(shell(
                label,
                &format!("{script}; echo {version} > o"),
                vec![],
                &[("o", OutputKind::File)],
            ))
        };
        let quick = add("quick", "true");
        let slow = add("slow", "sleep 0.03");
        // A long way from `first` on: its parts count together.
        let first = add("first", "sleep 0.02");
        let script = format!("sleep 0.02; echo {version} > o");
        let last = graph.add(shell("last", &script, vec![from(first, "i")], &[("o", OutputKind::File)]));
        (graph, [quick, slow, last])
    };
    let order = |version| {
        let (graph, roots) = graph(version);
        let (events, options) = (Events::default(), Options { jobs: 1, ..Options::default() });
        build_with(&place.store, &graph, &roots, &options, &events, &Cancel::default()).unwrap();
        events.executed(&graph)
    };
    order("1");
    // Each took as long as it slept, and what the machine added, which isn't counted here.
    let durations = place.store.root().join("durations");
    let known = std::fs::read_to_string(&durations).unwrap();
    let slept = [("first", 20), ("last", 20), ("quick", 0), ("slow", 30)];
    assert_eq!(known.lines().count(), slept.len(), "{known}");
    let mut exact = String::new();
    for (label, milliseconds) in slept {
        let took = known.lines().find_map(|line| line.strip_suffix(&format!(" compile {label}")));
        let took = took.and_then(|took| took.parse::<u64>().ok());
        assert!(took.is_some_and(|took| took >= milliseconds), "{label}: {known}");
        exact += &format!("{milliseconds} compile {label}\n");
    }
    std::fs::write(durations, exact).unwrap();
    assert_eq!(order("2"), ["first", "slow", "last", "quick"]);
}

#[test]
fn a_long_log_is_kept_whole_and_told_by_its_end() {
    let place = place();
    let mut graph = Graph::default();
    let script = "head -c 20000000 /dev/zero; echo the end; exit 3";
    let root = graph.add(shell("loud", script, vec![], &[("o", OutputKind::File)]));
    let failure = build(&place.store, &graph, root).unwrap_err();
    let fault = &failure.faults[0];
    assert_eq!(std::fs::metadata(fault.log_path.as_ref().unwrap()).unwrap().len(), 20_000_008);
    assert_eq!(fault.log.len(), 1 << 20);
    assert!(fault.log.ends_with(b"\0the end\n"));

    // The log of a later try without one doesn't keep the old.
    let key = graph.get(root).key(&[], uk_action::Class::Folder);
    assert_eq!(fault.log_path.as_ref().unwrap(), &place.store.log_path(key));
}

#[test]
fn a_builtin_says_why_it_fails_and_a_program_why_it_does_not_start() {
    let place = place();
    let mut graph = Graph::default();
    let unknown = Command::Builtin { name: "unknown", version: 1, args: vec![] };
    let unknown = graph.add(action("builtin", unknown, vec![], &[("o", OutputKind::File)]));
    let absent = graph.add(run("absent", vec!["bin/none".into()], vec![], &[("o", OutputKind::File)]));
    let options = Options { keep_going: true, ..Options::default() };
    let events = Events::default();
    let cancel = Cancel::default();
    let failure =
        build_with(&place.store, &graph, &[unknown, absent], &options, &events, &cancel).unwrap_err();
    let mut messages = failure.diagnostics(&graph).into_iter().map(|d| d.message).collect::<Vec<_>>();
    messages.sort_unstable();
    let absent = "`absent` could not be started: `bin/none`: No such file or directory (os error 2)";
    assert_eq!(messages, [absent, "`builtin` failed: no builtin `unknown`"]);
}

/// Writes `out` once it is let go on.
struct Gate {
    begun: SyncSender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Builtins for Gate {
    fn run(&self, _: &str, _: &[String], sandbox: &Path) -> Result<(), String> {
        self.begun.send(()).map_err(|e| e.to_string())?;
        self.go_on.lock().unwrap().recv().map_err(|e| e.to_string())?;
        std::fs::write(sandbox.join("out"), "made").map_err(|e| e.to_string())
    }
}

#[test]
fn who_waits_for_another_at_the_same_action_says_so() {
    let place = place();
    let mut graph = Graph::default();
    let gate = Command::Builtin { name: "gate", version: 1, args: vec![] };
    let root = graph.add(action("gate", gate, vec![], &[("out", OutputKind::File)]));
    let ((begun, has_begun), (let_go, go_on)) = (sync_channel(1), sync_channel(1));
    let gate = Gate { begun, go_on: Mutex::new(go_on) };
    let (events, options) = (Events::default(), Options::default());
    let other = Store::open(place.store.root()).unwrap();
    let build = |store: &Store, events: &Events| {
        realise(&graph, &[root], store, &options, &gate, events, &Cancel::default()).unwrap().executed
    };
    std::thread::scope(|scope| {
        let first = scope.spawn(|| build(&place.store, &Events::default()));
        has_begun.recv().unwrap();
        let second = scope.spawn(|| build(&other, &events));
        let waits = || events.0.lock().unwrap().iter().any(|event| matches!(event, Event::Waits(_)));
        while !waits() {
            assert!(!second.is_finished(), "it waits for nobody");
            std::thread::sleep(Duration::from_millis(1));
        }
        let_go.send(()).unwrap();
        assert_eq!((first.join().unwrap(), second.join().unwrap()), (1, 0));
    });
}

/// The most actions that ran at once.
fn most_at_once(events: &Events) -> usize {
    let (mut now, mut most) = (0, 0);
    for event in events.0.lock().unwrap().iter() {
        match event {
            Event::Started(_) => now += 1,
            Event::Finished(..) => now -= 1,
            _ => {}
        }
        most = most.max(now);
    }
    most
}

#[test]
fn without_memory_actions_run_one_after_the_other() {
    let place = place();
    let mut graph = Graph::default();
    let step = |number: usize| {
        shell(
            &format!("{number}"),
            &format!("sleep 0.05; echo {number} > o"),
            vec![],
            &[("o", OutputKind::File)],
        )
    };
    let roots = (0..6).map(|number| graph.add(step(number))).collect::<Vec<_>>();
    let events = Events::default();
    let options = Options { jobs: 3, free_memory: || Some(0), ..Options::default() };
    let report = build_with(&place.store, &graph, &roots, &options, &events, &Cancel::default()).unwrap();
    assert_eq!((report.executed, most_at_once(&events)), (6, 1));
}

#[test]
fn an_action_begins_as_soon_as_there_is_memory_for_it() {
    static LOOKS: AtomicUsize = AtomicUsize::new(0);
    /// Little at first; later as much as anybody wants.
    fn free() -> Option<u64> {
        Some(if LOOKS.fetch_add(1, Ordering::SeqCst) < 2 { 1 << 20 } else { u64::MAX })
    }
    let place = place();
    let (graph, roots) = meeting(&place);
    let options = Options { jobs: 2, free_memory: free, ..Options::default() };
    let report = build_with(&place.store, &graph, &roots, &options, &Events::default(), &Cancel::default());
    assert_eq!(report.unwrap().executed, 2);
    assert!(LOOKS.load(Ordering::SeqCst) > 2);
}

/// Two actions, each of which ends only when the other has begun.
fn meeting(place: &Place) -> (Graph, [uk_action::ActionId; 2]) {
    let mut graph = Graph::default();
    let here = place.folder.path().display().to_string();
    let step = |own: &str, other: &str| {
        let script = format!(
            "cd {here}; touch {own}; until test -e {other}; do sleep 0.01; done; cd - >&2; echo {own} > o"
        );
        shell(own, &script, vec![], &[("o", OutputKind::File)])
    };
    let roots = [graph.add(step("one", "two")), graph.add(step("two", "one"))];
    (graph, roots)
}

#[test]
fn what_was_known_and_is_gone_is_made_again_side_by_side() {
    let place = place();
    let (graph, roots) = meeting(&place);
    // Only for one that can't end.
    let timeout = Some(Duration::from_secs(20));
    let options = Options { jobs: 2, free_memory: || None, timeout, ..Options::default() };
    for _ in 0..2 {
        let report =
            build_with(&place.store, &graph, &roots, &options, &Events::default(), &Cancel::default());
        let report = report.unwrap();
        assert_eq!(report.executed, 2);
        for (root, name) in roots.into_iter().zip(["one", "two"]) {
            std::fs::remove_file(place.store.blob_path(report.outputs(root)[0].digest)).unwrap();
            std::fs::remove_file(place.folder.path().join(name)).unwrap();
        }
    }
}
