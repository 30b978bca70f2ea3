//! Outputs that come out otherwise when they are made again under the same key.

use std::fs;
use std::path::PathBuf;

use uk_action::{ActionId, Digest, Graph, OutputKind};
use uk_store::{Cancel, Options};

use crate::common::*;

const FILE: &[(&str, OutputKind)] = &[("o", OutputKind::File)];

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

#[test]
fn what_was_made_of_an_output_that_came_out_otherwise_is_made_anew_by_the_next_build() {
    let place = place();
    let count = place.folder.path().join("count");
    let mut graph = Graph::default();
    let a = graph.add(shell("a", &format!("cat {} > o", count.display()), vec![], FILE));
    let roots = ["b", "c"].map(|name| {
        graph.add(shell(name, &format!("cat i > o; echo {name} >> o"), vec![from(a, "i")], FILE))
    });
    let run = |number: &str| {
        fs::write(&count, number).unwrap();
        let (options, events) = (Options::default(), Events::default());
        let report = build_with(&place.store, &graph, &roots, &options, &events, &Cancel::default()).unwrap();
        (report.executed, roots.map(|root| text(&place.store, &report, root)).concat())
    };
    assert_eq!(run("1\n"), (3, "1\nb\n1\nc\n".to_owned()));
    for text in ["1\n", "1\nc\n"] {
        fs::remove_file(place.store.blob_path(Digest::of(text.as_bytes()))).unwrap();
    }
    // Only `c` needs the bytes of `a`.
    assert_eq!(run("2\n"), (2, "1\nb\n2\nc\n".to_owned()));
    assert_eq!(run("2\n"), (1, "2\nb\n2\nc\n".to_owned()));
    assert_eq!(run("2\n").0, 0);
}

/// Steps `a` and `b`, which adds to what `a` makes unless a file is missing; both are asked for.
fn counted(place: &Place) -> (Graph, [ActionId; 2], [PathBuf; 2]) {
    let files = ["count", "allowed"].map(|name| place.folder.path().join(name));
    let [count, allowed] = files.each_ref().map(|path| path.display());
    let mut graph = Graph::default();
    let a = graph.add(shell("a", &format!("cat {count} > o"), vec![], FILE));
    let b = format!("test -e {allowed}; cat i > o; echo b >> o");
    let b = graph.add(shell("b", &b, vec![from(a, "i")], FILE));
    (graph, [a, b], files)
}

#[test]
fn an_output_that_came_out_otherwise_is_used_by_the_next_build() {
    let place = place();
    let (graph, roots, [count, allowed]) = counted(&place);
    fs::write(&allowed, "").unwrap();
    let run = |number: &str| {
        fs::write(&count, number).unwrap();
        let (options, events) = (Options::default(), Events::default());
        let report = build_with(&place.store, &graph, &roots, &options, &events, &Cancel::default()).unwrap();
        (report.executed, text(&place.store, &report, roots[1]))
    };
    assert_eq!(run("1\n"), (2, "1\nb\n".to_owned()));
    fs::remove_file(place.store.blob_path(Digest::of(b"1\n"))).unwrap();
    assert_eq!(run("2\n").0, 1);
    assert_eq!(run("2\n"), (1, "2\nb\n".to_owned()));
    assert_eq!(run("2\n").0, 0);
}

#[test]
fn what_should_have_run_and_failed_is_not_known() {
    let place = place();
    let (graph, roots, [count, allowed]) = counted(&place);
    let run = |number: &str| {
        fs::write(&count, number).unwrap();
        let (options, events) = (Options::default(), Events::default());
        build_with(&place.store, &graph, &roots, &options, &events, &Cancel::default())
    };
    fs::write(&allowed, "").unwrap();
    run("1\n").unwrap();
    for lost in ["1\n", "1\nb\n"] {
        fs::remove_file(place.store.blob_path(Digest::of(lost.as_bytes()))).unwrap();
    }
    fs::remove_file(&allowed).unwrap();
    let failure = run("2\n").unwrap_err();
    assert!(failure.report.outputs[roots[0].index()].is_some());
    assert!(failure.report.outputs[roots[1].index()].is_none());
    // Somebody else makes the bytes that it made before.
    place.store.put_bytes(b"1\nb\n").unwrap();
    fs::write(&allowed, "").unwrap();
    let report = run("2\n").unwrap();
    assert_eq!((report.executed, text(&place.store, &report, roots[1])), (1, "2\nb\n".to_owned()));
}
