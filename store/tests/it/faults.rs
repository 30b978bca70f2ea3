//! What must not do harm: being called off or killed, others at the same store, lost and damaged files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::time::{Duration, Instant};

use uk_action::{Digest, Entry, EntryKind, Graph, OutputKind, Tree};
use uk_store::{Cancel, Options, Reason, State, Store, status};

use crate::common::*;

const FILE: &[(&str, OutputKind)] = &[("o", OutputKind::File)];

fn wait_for(path: &Path) -> String {
    let begun = Instant::now();
    loop {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text,
            _ => assert!(begun.elapsed() < Duration::from_secs(30), "`{}` doesn't come", path.display()),
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn is_alive(pid: &str) -> bool {
    // A zombie that nobody has reaped yet is dead.
    fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Files of a folder of the store, but for the temporary one.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    let mut files = vec![];
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn calling_off_ends_grandchildren_and_publishes_nothing() {
    let place = place();
    let pids = place.folder.path().join("pids");
    let script =
        format!("sleep 100 & echo x > o; echo $$ $! > {0}.new; mv {0}.new {0}; wait", pids.display());
    let mut graph = Graph::default();
    let slow = graph.add(shell("slow", &script, vec![], FILE));
    let root = graph.add(shell("root", "cat i > o", vec![from(slow, "i")], FILE));
    let cancel = Cancel::default();
    let failure = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_for(&pids);
            cancel.cancel();
        });
        let options = Options::default();
        build_with(&place.store, &graph, &[root], &options, &Events::default(), &cancel).unwrap_err()
    });
    assert!(failure.cancelled && failure.faults.is_empty());
    assert_eq!(failure.diagnostics(&graph)[0].code.to_string(), "UK0606");
    let pids = fs::read_to_string(pids).unwrap();
    let begun = Instant::now();
    while pids.split_whitespace().any(is_alive) {
        assert!(begun.elapsed() < Duration::from_secs(10), "{pids} still run");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(files(&place.store.root().join("cas")).len() + files(&place.store.root().join("ac")).len(), 0);

    // Called off before it begins.
    let failure = build_with(&place.store, &graph, &[root], &Options::default(), &Events::default(), &cancel)
        .unwrap_err();
    assert!(failure.cancelled);
}

#[test]
fn what_takes_too_long_is_ended() {
    let place = place();
    let mut graph = Graph::default();
    let root = graph.add(shell("slow", "echo begun; sleep 600", vec![], FILE));
    let begun = Instant::now();
    // Ever later, so that it has begun by then however slow the machine is.
    for tenths in [3, 10, 30, 100, 300] {
        let timeout = Some(Duration::from_millis(100 * tenths));
        let options = Options { timeout, ..Options::default() };
        let failure =
            build_with(&place.store, &graph, &[root], &options, &Events::default(), &Cancel::default())
                .unwrap_err();
        assert!(matches!(failure.faults[0].reason, Reason::TimedOut(_)));
        if failure.faults[0].log == b"begun\n" {
            assert!(begun.elapsed() < Duration::from_secs(300), "it was ended, and didn't end");
            return;
        }
    }
    panic!("what it said until then isn't in the log");
}

#[test]
fn what_an_action_leaves_running_is_ended_with_it() {
    let place = place();
    let mut graph = Graph::default();
    let root = graph.add(shell("root", "sleep 100 >&- 2>&- & echo $! > o", vec![], FILE));
    let report = build(&place.store, &graph, root).unwrap();
    let pid = text(&place.store, &report, root);
    let begun = Instant::now();
    while is_alive(&pid) {
        assert!(begun.elapsed() < Duration::from_secs(10), "{pid} still runs");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_is_lost_is_built_again_where_it_is_needed() {
    let place = place();
    let (a, b, c);
    let mut graph = Graph::default();
    a = graph.add(shell("a", "echo a > o", vec![], FILE));
    b = graph.add(shell("b", "cat i > o; echo b >> o", vec![from(a, "i")], FILE));
    c = graph.add(shell("c", "cat i > o; echo c >> o", vec![from(b, "i")], FILE));
    let report = build(&place.store, &graph, c).unwrap();
    let blob = |id| place.store.blob_path(report.outputs(id)[0].digest);

    // Nobody needs the bytes between.
    fs::remove_file(blob(a)).unwrap();
    fs::remove_file(blob(b)).unwrap();
    let again = build(&place.store, &graph, c).unwrap();
    assert_eq!((again.executed, again.cached), (0, 3));

    // The root's are needed, and those behind them only now.
    fs::remove_file(blob(c)).unwrap();
    assert!(status(&graph, &place.store).iter().all(|state| matches!(state, State::Build { .. })));
    let again = build(&place.store, &graph, c).unwrap();
    assert_eq!((again.executed, again.cached), (3, 0));
    assert_eq!(text(&place.store, &again, c), "a\nb\nc\n");

    // A damaged root of another length is one that isn't there; it is replaced.
    fs::remove_file(blob(c)).unwrap();
    fs::write(blob(c), "").unwrap();
    let again = build(&place.store, &graph, c).unwrap();
    assert_eq!((again.executed, again.cached), (1, 2));
    assert_eq!(text(&place.store, &again, c), "a\nb\nc\n");

    // Without any hint, records alone.
    fs::remove_dir_all(place.store.root().join("recent")).unwrap();
    assert_eq!(build(&place.store, &graph, c).unwrap().executed, 0);
    fs::remove_dir_all(place.store.root().join("ac")).unwrap();
    assert_eq!(build(&place.store, &graph, c).unwrap().executed, 0, "the hint holds the records, too");
}

#[test]
fn two_at_one_key_build_it_once() {
    let place = place();
    let count = place.folder.path().join("count");
    let mut graph = Graph::default();
    let script = format!("echo x >> {}; sleep 0.3; echo x > o", count.display());
    // The same action twice in a graph, and the graph in several stores at once.
    let roots = [graph.add(shell("x", &script, vec![], FILE)), graph.add(shell("x", &script, vec![], FILE))];
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let store = Store::open(place.store.root()).unwrap();
                let options = Options { jobs: 2, ..Options::default() };
                build_with(&store, &graph, &roots, &options, &Events::default(), &Cancel::default()).unwrap();
            });
        }
    });
    assert_eq!(fs::read_to_string(&count).unwrap(), "x\n");
}

/// Run as a process of its own by the tests below; does nothing when run as a test.
#[test]
fn child() {
    let Some(root) = std::env::var_os("UK_TEST_CHILD") else { return };
    let store = Store::open(Path::new(&root)).unwrap();
    let (graph, root) = wide();
    let report = build(&store, &graph, root).unwrap();
    assert_eq!(text(&store, &report, root), "12\n");
}

/// Twelve small actions with files and trees, and one that counts them.
pub fn wide() -> (Graph, uk_action::ActionId) {
    let mut graph = Graph::default();
    let mut inputs = vec![];
    for number in 0..12 {
        let script = format!("mkdir -p o/d; echo {number} > o/d/f; echo {number} > o/g; sleep 0.02");
        let id = graph.add(shell(&format!("part {number}"), &script, vec![], &[("o", OutputKind::Tree)]));
        inputs.push(from(id, &format!("in/{number}")));
    }
    let root = graph.add(shell("count", "cat in/*/d/f | sort -u | wc -l > o", inputs, FILE));
    (graph, root)
}

fn spawn_child(root: &Path) -> std::process::Child {
    let mut process = Process::new(std::env::current_exe().unwrap());
    process.args(["--exact", "faults::child", "--nocapture"]).env("UK_TEST_CHILD", root);
    process.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap()
}

#[test]
fn killed_at_any_time_it_goes_on() {
    let place = place();
    let root = place.folder.path().join("killed");
    let mut finished = false;
    for round in 0..200 {
        let mut child = spawn_child(&root);
        // Ever later, so that it gets to an end however slow the machine is.
        std::thread::sleep(Duration::from_millis(8 + round * 7 % 40 + round));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "round {round}: it fails by itself: {status}");
            finished = true;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for path in files(&root.join("cas")) {
            let digest = path.file_name().unwrap().to_str().unwrap().parse::<Digest>().unwrap();
            assert_eq!(Digest::of(&fs::read(&path).unwrap()), digest, "an object is whole from the first");
        }
        if finished {
            break;
        }
    }
    assert!(finished, "each round keeps what it finished");
    let store = Store::open(&root).unwrap();
    store.put_bytes(b"the next writer clears what was left").unwrap();
    assert_eq!(fs::read_dir(root.join("tmp")).unwrap().count(), 2);
}

#[test]
fn sixteen_processes_at_one_store() {
    let place = place();
    let children = (0..16).map(|_| spawn_child(place.store.root())).collect::<Vec<_>>();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let (graph, root) = wide();
    assert_eq!(build(&place.store, &graph, root).unwrap().executed, 0);
}

#[test]
fn a_tree_whose_file_is_gone_is_built_again() {
    let place = place();
    let mut graph = Graph::default();
    let tree = graph.add(shell("tree", "echo x > o/f; ln -s f o/l", vec![], &[("o", OutputKind::Tree)]));
    let report = build(&place.store, &graph, tree).unwrap();
    let expected = Tree::new(vec![
        Entry { path: "f".into(), kind: EntryKind::File { digest: Digest::of(b"x\n"), executable: false } },
        Entry { path: "l".into(), kind: EntryKind::Link { target: "f".into() } },
    ]);
    assert_eq!(place.store.read_tree(report.outputs(tree)[0].digest).unwrap(), expected.unwrap());
    fs::remove_file(place.store.blob_path(Digest::of(b"x\n"))).unwrap();
    assert_eq!(build(&place.store, &graph, tree).unwrap().executed, 1);
    assert_eq!(place.store.read(Digest::of(b"x\n")).unwrap(), b"x\n");
}

#[test]
fn a_damaged_input_is_not_served_but_made_again() {
    let place = place();
    let mut graph = Graph::default();
    let tree = graph.add(shell("tree", "echo good > o/f", vec![], &[("o", OutputKind::Tree)]));
    let before = build(&place.store, &graph, tree).unwrap();
    let blob = place.store.blob_path(Digest::of(b"good\n"));
    fs::remove_file(&blob).unwrap();
    fs::write(&blob, "g0od\n").unwrap();
    let user = graph.add(shell("user", "cat i/f > o", vec![from(tree, "i")], FILE));
    // A store that was opened since: one that has made the object itself trusts it.
    let store = Store::open(place.store.root()).unwrap();
    let report = build(&store, &graph, user).unwrap();
    assert_eq!((report.executed, text(&place.store, &report, user)), (2, "good\n".to_owned()));
    assert_eq!(report.outputs(tree), before.outputs(tree));
}

/// Without anybody looking for it first: a bit in the middle of any file of the store.
#[test]
fn a_flipped_bit_is_never_served() {
    let place = place();
    let (graph, root) = wide();
    build(&place.store, &graph, root).unwrap();
    let root_of_store = place.store.root().to_owned();
    drop(place.store);
    let folders = ["cas", "ac", "why", "log", "recent", "last", "memo"];
    let all = folders.iter().flat_map(|folder| files(&root_of_store.join(folder))).collect::<Vec<_>>();
    assert!(all.len() > 40, "{all:?}");
    for path in all {
        // What an earlier round had to make again is there again.
        let Ok(mut bytes) = fs::read(&path) else { continue };
        if bytes.is_empty() {
            continue;
        }
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        // Everything is wanted: the root's bytes are gone.
        let store = Store::open(&root_of_store).unwrap();
        let report = build(&store, &graph, root).unwrap();
        fs::remove_file(store.blob_path(report.outputs(root)[0].digest)).ok();
        drop(store);
        let store = Store::open(&root_of_store).unwrap();
        let report = build(&store, &graph, root).unwrap();
        assert_eq!(text(&store, &report, root), "12\n", "{}", path.display());
    }
    let store = Store::open(&root_of_store).unwrap();
    let objects = store.verify().unwrap().findings;
    assert!(objects.iter().all(|finding| !finding.path.starts_with("cas")), "{objects:?}");
}
