//! Garbage collection: what roots need stays, whoever builds meanwhile; nothing else is touched.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::{Duration, SystemTime};

use uk_action::{ActionId, Digest, Graph, OutputKind};
use uk_store::{Collected, Keep, Report, Root, Store};

use crate::common::*;
use crate::faults::files;

const FILE: &[(&str, OutputKind)] = &[("o", OutputKind::File)];
const NOTHING: [PathBuf; 0] = [];
const TREE: &[(&str, OutputKind)] = &[("o", OutputKind::Tree)];

fn all() -> Keep {
    Keep { days: None, size: None, trees: vec![], dry_run: false, now: SystemTime::now() }
}

/// A tree, a file made of it that is printed about, and a file made of that.
fn chain(name: &str) -> (Graph, ActionId) {
    let mut graph = Graph::default();
    let tree = graph.add(shell("tree", &format!("echo {name} > o/f; echo common > o/g"), vec![], TREE));
    let file = graph.add(shell("file", "cat i/f i/g > o; echo said", vec![from(tree, "i")], FILE));
    let root = graph.add(shell("root", "cat i > o; echo >> o", vec![from(file, "i")], FILE));
    (graph, root)
}

/// Builds as a process of its own does: what it relied on is free again afterwards.
fn built(place: &Place, name: &str) -> (Graph, ActionId, Report) {
    let (graph, root) = chain(name);
    let store = Store::open(place.store.root()).unwrap();
    let report = build(&store, &graph, root).unwrap();
    (graph, root, report)
}

fn add_root(place: &Place, witness: &Path, graph: &Graph, root: ActionId, report: &Report) {
    let entry = Root::of(witness.to_owned(), "artifact", &place.store, graph, &[root], report);
    Store::open(place.store.root()).unwrap().add_root(&entry).unwrap();
}

fn collect(place: &Place, keep: &Keep) -> Collected {
    Store::open(place.store.root()).unwrap().collect(keep).unwrap()
}

fn content(store: &Store) -> Vec<PathBuf> {
    let mut all: Vec<_> =
        ["cas", "ac", "log"].iter().flat_map(|folder| files(&store.root().join(folder))).collect();
    all.sort();
    all
}

#[test]
fn what_a_root_needs_stays_until_its_witness_is_gone() {
    let place = place();
    let witness = place.folder.path().join("made.json");
    fs::write(&witness, "").unwrap();
    let (graph, root, report) = built(&place, "kept");
    let kept = content(&place.store);
    add_root(&place, &witness, &graph, root, &report);
    built(&place, "lost");
    // An object of no record, and the log of an action that failed.
    Store::open(place.store.root()).unwrap().put_bytes(b"loose").unwrap();
    let mut failing = Graph::default();
    let bad = failing.add(shell("bad", "echo x; exit 1", vec![], FILE));
    build(&Store::open(place.store.root()).unwrap(), &failing, bad).unwrap_err();

    let dry = collect(&place, &Keep { dry_run: true, ..all() });
    assert!(content(&place.store).len() > kept.len() + 8, "nothing is gone yet");
    let collected = collect(&place, &all());
    assert_eq!(collected, dry);
    // `common` is shared; a tree, two files, the file in the tree, and the loose one go.
    assert_eq!((collected.records, collected.objects, collected.roots), (3, 5, 1));
    assert_eq!((collected.kept_records, collected.kept_objects), (3, 5));
    assert_eq!(content(&place.store), kept);
    assert_eq!(files(&place.store.root().join("tmp")), NOTHING, "nothing is left of it");
    assert_eq!(build(&Store::open(place.store.root()).unwrap(), &graph, root).unwrap().executed, 0);
    let (graph, root, report) = built(&place, "lost");
    assert_eq!(report.executed, 3, "as if it had never been");
    add_root(&place, &witness, &graph, root, &report);

    fs::remove_file(&witness).unwrap();
    let collected = collect(&place, &all());
    assert_eq!((collected.roots, collected.dropped.as_slice()), (0, &[witness][..]));
    assert_eq!(content(&place.store), NOTHING);
    assert_eq!(files(&place.store.root().join("roots")), NOTHING);
}

#[test]
fn days_and_sizes_keep_what_no_root_needs() {
    let place = place();
    built(&place, "one");
    let days = |days, later: u64| Keep {
        days: Some(days),
        now: SystemTime::now() + Duration::from_secs(later * 86_400),
        ..all()
    };
    assert_eq!(collect(&place, &days(7, 6)).records, 0);
    // A clock that was put back makes nothing old.
    let past = Keep { days: Some(1), now: SystemTime::UNIX_EPOCH, ..all() };
    assert_eq!(collect(&place, &past).records, 0);
    let before = content(&place.store).len();
    assert_eq!(collect(&place, &Keep { size: Some(1 << 30), ..all() }).records, 0);
    assert_eq!(content(&place.store).len(), before);

    // The oldest goes first: the times of files tell seconds.
    std::thread::sleep(Duration::from_millis(1100));
    let (graph, root, _) = built(&place, "two");
    let total = collect(&place, &Keep { size: Some(1 << 30), ..all() }).kept;
    let collected = collect(&place, &Keep { size: Some(total - 1), ..all() });
    assert!(collected.records >= 1 && collected.kept < total && collected.kept_records >= 3, "{collected:?}");
    assert_eq!(build(&Store::open(place.store.root()).unwrap(), &graph, root).unwrap().executed, 0);
    // What roots need stays, however large.
    let witness = place.folder.path().join("made.json");
    fs::write(&witness, "").unwrap();
    let (graph, root, report) = built(&place, "two");
    add_root(&place, &witness, &graph, root, &report);
    let collected = collect(&place, &Keep { size: Some(0), ..all() });
    assert_eq!((collected.kept_records, collected.kept_objects), (3, 5));

    assert_eq!(collect(&place, &days(7, 8)).kept_records, 3);
    fs::remove_file(&witness).unwrap();
    assert_eq!(collect(&place, &days(7, 6)).records, 0);
    assert_eq!(collect(&place, &days(7, 8)).records, 3);
    assert_eq!(content(&place.store), NOTHING);
}

#[test]
fn what_a_living_process_relies_on_stays() {
    let place = place();
    let loose = place.store.put_bytes(b"of this process").unwrap();
    let (graph, root) = chain("mine");
    let report = build(&place.store, &graph, root).unwrap();
    let before = content(&place.store);
    assert_eq!(collect(&place, &all()).objects, 0);
    assert_eq!(content(&place.store), before);
    assert_eq!(place.store.read(loose).unwrap(), b"of this process");
    assert_eq!(text(&place.store, &report, root), "mine\ncommon\n\n");

    // Another process that finds it there relies on it, too.
    let folder = place.folder;
    let root_of_store = place.store.root().to_owned();
    let other = Store::open(&root_of_store).unwrap();
    other.put_bytes(b"of this process").unwrap();
    drop(place.store);
    let collected = Store::open(&root_of_store).unwrap().collect(&all()).unwrap();
    assert_eq!((collected.kept_objects, collected.kept_records), (1, 0));
    assert_eq!(other.read(loose).unwrap(), b"of this process");
    drop(folder);
}

/// A collection whenever an action runs: every input is there when it is wanted.
#[test]
fn builds_go_on_while_garbage_is_collected() {
    let place = place();
    let root_of_store = place.store.root().to_owned();
    drop(place.store);
    let (stop, collections) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let collecting = scope.spawn(|| {
            while !stop.load(Relaxed) {
                Store::open(&root_of_store).unwrap().collect(&all()).unwrap();
                collections.fetch_add(1, Relaxed);
            }
        });
        let builds = (0..3).map(|worker| {
            let (root_of_store, collections) = (&root_of_store, &collections);
            scope.spawn(move || {
                // As long as it takes to be in the way of some collections, however the two are given their turns.
                let on = |round: &i32| *round < 6 || *round < 1000 && collections.load(Relaxed) < 4;
                for round in (0..).take_while(on) {
                    // Half of it was built before, by this or another: it may be there, or go while one looks.
                    let (graph, root) = chain(&format!("{}", (worker + round) % 2));
                    let store = Store::open(root_of_store).unwrap();
                    let report = build(&store, &graph, root).unwrap();
                    if report.executed > 0 {
                        assert_eq!(
                            text(&store, &report, root),
                            format!("{}\ncommon\n\n", (worker + round) % 2)
                        );
                    }
                }
            })
        });
        let ended = builds.collect::<Vec<_>>().into_iter().map(|build| build.join()).collect::<Vec<_>>();
        stop.store(true, Relaxed);
        ended.into_iter().for_each(|build| build.unwrap());
        collecting.join().unwrap();
    });
    assert!(collections.into_inner() > 3);
}

#[test]
fn nothing_outside_of_the_store_is_touched() {
    let place = place();
    let outside = tempfile::tempdir().unwrap();
    let named = Digest::of(b"x").to_string();
    let theirs = outside.path().join(&named[..2]).join(&named);
    fs::create_dir_all(theirs.parent().unwrap()).unwrap();
    fs::write(&theirs, "theirs").unwrap();
    let root = place.store.root();
    fs::create_dir_all(root.join("cas")).unwrap();
    // A shard, a whole folder, an object, and fixed trees that lead out; and files of no store.
    symlink(theirs.parent().unwrap(), root.join("cas").join(&named[..2])).unwrap();
    symlink(outside.path(), root.join("ac")).unwrap();
    symlink(outside.path(), root.join("sdk")).unwrap();
    symlink(outside.path(), root.join("bad")).unwrap();
    symlink(outside.path(), root.join("recent")).unwrap();
    fs::create_dir_all(root.join("cas/00")).unwrap();
    fs::write(root.join("cas/00/notes"), "mine").unwrap();
    fs::write(root.join("notes"), "mine").unwrap();
    symlink(&theirs, root.join("cas/00").join(format!("00{}", &named[2..]))).unwrap();
    let collected = collect(&place, &all());
    assert_eq!((collected.records, collected.objects, collected.others), (0, 0, 0));
    assert_eq!(fs::read(&theirs).unwrap(), b"theirs");
    assert_eq!(fs::read(root.join("notes")).unwrap(), b"mine");
    assert_eq!(fs::read(root.join("cas/00/notes")).unwrap(), b"mine");
    let findings = place.store.verify().unwrap().findings;
    let strays = findings.iter().filter(|finding| finding.what == "isn't a part of a store");
    assert_eq!(strays.count(), 8, "{findings:?}");
    assert_eq!(fs::read(&theirs).unwrap(), b"theirs");
}

#[test]
fn a_damaged_root_stops_it() {
    let place = place();
    let witness = place.folder.path().join("made.json");
    fs::write(&witness, "").unwrap();
    let (graph, root, report) = built(&place, "kept");
    add_root(&place, &witness, &graph, root, &report);
    let path = files(&place.store.root().join("roots")).remove(0);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("key ", "kex ")).unwrap();
    let before = content(&place.store);
    let error = place.store.collect(&all()).unwrap_err();
    assert_eq!(error.code().to_string(), "UK0503");
    assert_eq!(content(&place.store), before);
    let verified = place.store.verify().unwrap();
    assert_eq!(verified.findings.len(), 1);
    assert!(!place.store.has_root(&witness, "artifact"), "the next build makes it again");
}

/// What a root needs isn't known without its records: nothing goes before they are made again, as `verify` has said.
#[test]
fn records_that_are_missing_stop_it_until_they_are_made_again() {
    let place = place();
    let witness = place.folder.path().join("project/.uk/made.json");
    fs::create_dir_all(witness.parent().unwrap()).unwrap();
    fs::write(&witness, "").unwrap();
    let (graph, root, report) = built(&place, "kept");
    add_root(&place, &witness, &graph, root, &report);
    let of_store = |folder: &str| files(&place.store.root().join(folder));
    let whole = content(&place.store);
    // A record flipped, one gone, one whose object is gone.
    let records = [0, 1, 2].map(|at| {
        let key = report.keys[at].unwrap().to_string();
        place.store.root().join("ac").join(&key[..2]).join(key)
    });
    let flip = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        fs::write(path, text.replace("class", "klass")).unwrap();
    };
    let damages: [(&dyn Fn(), &[&str]); 4] = [
        (&|| flip(&records[0]), &["ac", "recent"]),
        (&|| fs::remove_file(&records[1]).unwrap(), &["recent"]),
        (
            &|| fs::remove_file(place.store.blob_path(report.outputs(root)[0].digest)).unwrap(),
            &["ac", "recent"],
        ),
        (&|| records.iter().for_each(|path| flip(path)), &["ac", "ac", "ac", "recent"]),
    ];
    for (damage, found) in damages {
        damage();
        let findings = Store::open(place.store.root()).unwrap().verify().unwrap().findings;
        let folders = findings.iter().map(|finding| finding.path.iter().next().unwrap()).collect::<Vec<_>>();
        assert_eq!(folders, found, "{findings:?}");
        assert!(of_store("ac").len() < 3 && of_store("recent").is_empty());

        let before = content(&place.store);
        for dry_run in [true, false] {
            let store = Store::open(place.store.root()).unwrap();
            let error = store.collect(&Keep { dry_run, ..all() }).unwrap_err();
            assert_eq!(error.code().to_string(), "UK0515");
            let folder = place.folder.path().join("project");
            assert!(error.to_string().contains(&format!("`artifact` of `{}`", folder.display())), "{error}");
        }
        assert_eq!(content(&place.store), before);

        let (graph, root, report) = built(&place, "kept");
        assert!(report.executed > 0 && report.changed, "{report:?}");
        add_root(&place, &witness, &graph, root, &report);
        assert_eq!(content(&place.store), whole);
        assert_eq!(collect(&place, &all()).objects, 0);
        assert!(!built(&place, "kept").2.changed);
    }
}

#[test]
fn folders_that_are_no_store_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let code = |path: &Path| Store::open_existing(path).unwrap_err().code().to_string();
    assert_eq!(code(&folder.path().join("none")), "UK0501");
    assert_eq!(code(folder.path()), "UK0501");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "none is made");
    for left in [".format-1", ".gitignore"] {
        fs::write(folder.path().join(left), "").unwrap();
        assert_eq!(code(folder.path()), "UK0501", "one that was never finished");
    }
    fs::create_dir_all(folder.path().join("cas/00")).unwrap();
    assert_eq!(code(folder.path()), "UK0504");
    fs::write(folder.path().join("FORMAT"), "uk-store 2\n").unwrap();
    assert_eq!(code(folder.path()), "UK0505");
}
