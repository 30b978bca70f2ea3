//! What must not do harm: being called off or killed, others at the same store, lost and damaged files, full and
//! read-only file systems.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uk_action::{Digest, Entry, EntryKind, Graph, Input, LocalTree, OutputKind, Source, Tree};
use uk_store::{Cancel, Options, Reason, StatCache, State, Store, status};

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
fn files(folder: &Path) -> Vec<PathBuf> {
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
    let root = graph.add(shell("slow", "echo begun; sleep 100", vec![], FILE));
    let options = Options { timeout: Some(Duration::from_millis(300)), ..Options::default() };
    let failure = build_with(&place.store, &graph, &[root], &options, &Events::default(), &Cancel::default())
        .unwrap_err();
    assert!(matches!(failure.faults[0].reason, Reason::TimedOut(_)));
    assert_eq!(failure.faults[0].log, b"begun\n");
    assert!(failure.report.elapsed < Duration::from_secs(20));
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
fn an_output_that_comes_out_otherwise_the_second_time() {
    let place = place();
    let count = place.folder.path().join("count");
    let mut graph = Graph::default();
    let script = format!("cat {} > o", count.display());
    let a = graph.add(shell("a", &script, vec![], FILE));
    let b = graph.add(shell("b", "cat i > o; echo b >> o", vec![from(a, "i")], FILE));
    let c = graph.add(shell("c", "cat i > o; echo c >> o", vec![from(b, "i")], FILE));
    let run = |number: &str| {
        fs::write(&count, number).unwrap();
        build(&place.store, &graph, c).unwrap()
    };
    let lose = |texts: [&str; 3]| {
        for text in texts {
            fs::remove_file(place.store.blob_path(Digest::of(text.as_bytes()))).unwrap();
        }
    };
    run("1\n");
    lose(["1\n", "1\nb\n", "1\nb\nc\n"]);
    let report = run("2\n");
    assert_eq!((report.executed, text(&place.store, &report, c)), (3, "2\nb\nc\n".to_owned()));
    assert_eq!(run("3\n").executed, 0);

    // `a` comes out as the first time, which makes `b` another action than the one that was wanted: a known one.
    lose(["2\n", "2\nb\n", "2\nb\nc\n"]);
    place.store.put_bytes(b"1\nb\n").unwrap();
    let report = run("1\n");
    assert_eq!((report.executed, text(&place.store, &report, c)), (2, "1\nb\nc\n".to_owned()));
    let key = graph.get(b).key(&[Digest::of(b"2\n")], uk_action::Class::Folder);
    assert_eq!(place.store.record(key).unwrap().outputs[0].digest, Digest::of(b"2\nb\n"));
}

/// `src/f` beside the store, with this text, executable or not.
fn local(place: &Place, text: &str) -> Arc<LocalTree> {
    let root = place.folder.path().join("src");
    fs::create_dir_all(root.join("deep")).unwrap();
    fs::write(root.join("deep/f"), text).unwrap();
    let mut cache = StatCache::load(&place.folder.path().join("stat"));
    Arc::new(cache.fingerprint(&root, &["deep/f"]).unwrap())
}

fn reads_local(tree: &Arc<LocalTree>) -> (Graph, uk_action::ActionId) {
    let mut graph = Graph::default();
    let source = Input { path: "src".into(), source: Source::Local(Arc::clone(tree)) };
    let root = graph.add(shell("crate", "cat src/deep/f > o; echo . >> src/deep/f", vec![source], FILE));
    (graph, root)
}

#[test]
fn sources_are_copied_and_checked() {
    let place = place();
    let tree = local(&place, "one\n");
    let (graph, root) = reads_local(&tree);
    let report = build(&place.store, &graph, root).unwrap();
    assert_eq!(text(&place.store, &report, root), "one\n");
    let file = tree.root.join("deep/f");
    assert_eq!(fs::read_to_string(&file).unwrap(), "one\n", "an action can't write the user's files");

    // It changes between the fingerprint and the build.
    let tree = local(&place, "two\n");
    let (graph, root) = reads_local(&tree);
    fs::write(&file, "six\n").unwrap();
    let failure = build(&place.store, &graph, root).unwrap_err();
    assert!(matches!(&failure.faults[0].reason, Reason::SourceChanged { path } if *path == file));
    assert_eq!(failure.diagnostics(&graph)[0].code.to_string(), "UK0607");
    fs::remove_file(&file).unwrap();
    let failure = build(&place.store, &graph, root).unwrap_err();
    assert!(matches!(failure.faults[0].reason, Reason::SourceChanged { .. }));
    fs::write(&file, "two\n").unwrap();
    assert_eq!(build(&place.store, &graph, root).unwrap().executed, 1);
}

#[test]
fn programs_and_given_folders_are_staged() {
    let place = place();
    let host = place.folder.path().join("host");
    fs::create_dir(&host).unwrap();
    fs::write(host.join("data"), "given\n").unwrap();
    let mut graph = Graph::default();
    let given = uk_action::Command::Given { path: host.clone(), identity: Digest::of(b"host 1") };
    let given = graph.add(action("host", given, vec![], &[("", OutputKind::Tree)]));
    let script =
        "printf '#!/bin/sh\\ncat tools/data fixed/data; cd fixed; /bin/pwd -P >&2\\n' > o; chmod +x o";
    let program = graph.add(shell("program", script, vec![], FILE));
    let fixed = Source::Fixed { path: host.clone(), identity: Digest::of(b"host 1") };
    let mut act = run(
        "run",
        vec!["bin/it".into()],
        vec![from(program, "bin/it"), from(given, "tools"), Input { path: "fixed".into(), source: fixed }],
        &[("out/o", OutputKind::File)],
    );
    let uk_action::Command::Run { stdout, .. } = &mut act.command else { unreachable!() };
    *stdout = Some("out/o".into());
    let root = graph.add(act);
    let report = build(&place.store, &graph, root).unwrap();
    assert_eq!(text(&place.store, &report, root), "given\ngiven\n");
    assert_eq!((report.executed, report.cached), (2, 0), "what is given is neither");
    assert!(report.outputs(program)[0].executable);
    let digests = [report.outputs(program)[0].identity(), Digest::of(b"host 1"), Digest::of(b"host 1")];
    let log = place.store.log_path(graph.get(root).key(&digests, uk_action::Class::Folder));
    assert_eq!(fs::read_to_string(log).unwrap(), "/.uk-sandbox/fixed\n", "the host's path isn't seen");

    fs::rename(&host, host.with_extension("away")).unwrap();
    let gone = Source::Fixed { path: host.clone(), identity: Digest::of(b"host 1") };
    let gone = graph.add(shell("gone", "true", vec![Input { path: "i".into(), source: gone }], FILE));
    let diagnostic = build(&place.store, &graph, gone).unwrap_err().diagnostics(&graph).remove(0);
    assert_eq!(diagnostic.code.to_string(), "UK0406");
    fs::rename(host.with_extension("away"), &host).unwrap();

    // Nothing may be put behind a link: it would end up in the host's folder.
    let below = shell("below", "true", vec![from(given, "tools")], &[("tools/o", OutputKind::File)]);
    let below = graph.add(below);
    let failure = build(&place.store, &graph, below).unwrap_err();
    assert!(matches!(&failure.faults[0].reason, Reason::Layout { path } if path == "tools/o"));
    for outside in ["../o", "/o", ""] {
        let act = graph.add(shell("outside", "true", vec![], &[(outside, OutputKind::File)]));
        let failure = build(&place.store, &graph, act).unwrap_err();
        assert!(matches!(&failure.faults[0].reason, Reason::Layout { path } if path == outside));
    }
    assert_eq!(fs::read_dir(&host).unwrap().count(), 1);
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
fn wide() -> (Graph, uk_action::ActionId) {
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
        finished = child.try_wait().unwrap().is_some_and(|status| status.success());
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

/// A tmpfs of 1 MiB for the length of a test; `None` where mounting isn't allowed.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=1m", "uk-test"];
        let output = Process::new("mount").args(mount).arg(folder.path()).output().ok()?;
        output.status.success().then_some(Self(folder))
    }

    fn remount(&self, options: &str) {
        let status = Process::new("mount").args(["-o", options]).arg(self.0.path()).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Process::new("umount").args(["-l"]).arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_loses_nothing() {
    // Where mounting isn't allowed, the test of the error itself has to do.
    let Some(disk) = SmallDisk::mount() else { return };
    let root = disk.0.path().join("store");
    let store = Store::open(&root).unwrap();
    let kept = store.put_bytes(b"kept").unwrap();
    let error = store.put_bytes(&vec![1; 2 << 20]).unwrap_err();
    assert_eq!(error.diagnostic().code.to_string(), "UK0502");

    // The output fits once, but not twice: the process ends well, keeping it fails.
    let mut graph = Graph::default();
    let big = graph.add(shell("big", "head -c 600000 /dev/zero > o", vec![], FILE));
    let small = graph.add(shell("small", "echo x > o", vec![], FILE));
    let failure = build(&store, &graph, big).unwrap_err();
    assert_eq!(failure.diagnostics(&graph)[0].code.to_string(), "UK0502");
    // The process itself finds no room.
    let mut graph2 = Graph::default();
    let bigger = graph2.add(shell("bigger", "head -c 3000000 /dev/zero > o", vec![], FILE));
    let failure = build(&store, &graph2, bigger).unwrap_err();
    assert_eq!(failure.diagnostics(&graph2)[0].code.to_string(), "UK0502");

    let report = build(&store, &graph, small).unwrap();
    assert_eq!(text(&store, &report, small), "x\n");
    assert_eq!(store.read(kept).unwrap(), b"kept");
    let used = files(&root.join("tmp")).iter().map(|path| fs::metadata(path).unwrap().len()).sum::<u64>();
    assert_eq!(used, 0, "what could not be finished takes no room");
}

#[test]
fn a_store_that_can_only_be_read() {
    let Some(disk) = SmallDisk::mount() else {
        return read_only(&place().folder.path().join("store"), |root, only| {
            let mode = fs::Permissions::from_mode(if only { 0o555 } else { 0o755 });
            folders(root).iter().for_each(|folder| fs::set_permissions(folder, mode.clone()).unwrap());
        });
    };
    read_only(&disk.0.path().join("store"), |_, only| {
        disk.remount(if only { "remount,ro" } else { "remount,rw" })
    });
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let inner = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut all = inner.flat_map(|path| folders(&path)).collect::<Vec<_>>();
    all.push(root.to_owned());
    all
}

fn read_only(root: &Path, set: impl Fn(&Path, bool)) {
    let (graph, id) = wide();
    build(&Store::open(root).unwrap(), &graph, id).unwrap();
    let mut other = Graph::default();
    let new = other.add(shell("new", "echo x > o", vec![], FILE));
    set(root, true);
    let store = Store::open(root).unwrap();
    let cached = build(&store, &graph, id).map(|report| report.executed);
    let failed = build(&store, &other, new).unwrap_err().diagnostics(&other).remove(0);
    let put = store.put_bytes(b"new").unwrap_err();
    let unmade = Store::open(&root.join("inner")).unwrap_err();
    set(root, false);
    assert_eq!(cached.unwrap(), 0, "what is known can be had");
    assert_eq!(failed.code.to_string(), "UK0501");
    assert_eq!(put.code().to_string(), "UK0501");
    assert!(failed.help.unwrap().contains("UK_STORE"));
    assert_eq!(unmade.code().to_string(), "UK0501");
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
fn a_damaged_input_is_not_served_and_the_next_build_repairs_it() {
    let place = place();
    let mut graph = Graph::default();
    let tree = graph.add(shell("tree", "echo good > o/f", vec![], &[("o", OutputKind::Tree)]));
    let before = build(&place.store, &graph, tree).unwrap();
    let blob = place.store.blob_path(Digest::of(b"good\n"));
    fs::remove_file(&blob).unwrap();
    fs::write(&blob, "g0od\n").unwrap();
    let user = graph.add(shell("user", "cat i/f > o", vec![from(tree, "i")], FILE));
    let failure = build(&place.store, &graph, user).unwrap_err();
    assert_eq!(failure.diagnostics(&graph)[0].code.to_string(), "UK0503");
    let report = build(&place.store, &graph, user).unwrap();
    assert_eq!((report.executed, text(&place.store, &report, user)), (2, "good\n".to_owned()));
    assert_eq!(report.outputs(tree), before.outputs(tree));
}
