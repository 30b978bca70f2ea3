//! Why a node would be built, or was.

use std::sync::Arc;

use crate::common::*;
use uk_action::{
    Action, ActionId, Arg, Command, Digest, Entry, EntryKind, Graph, Input, Kind, LocalTree, OutputKind,
    Seal, Source, Tree,
};
use uk_store::{Cause, Change, Difference, History, Name, Store, When, Why, status};

/// What can change of the node `node`, which needs `source` and the tool.
#[derive(Clone)]
struct Shape {
    source: &'static str,
    tool: (&'static str, u8),
    label: &'static str,
    script: &'static str,
    variable: Option<&'static str>,
    files: Vec<(&'static str, u8)>,
    fixed: (&'static str, u8),
    output: &'static str,
}

const SHAPE: Shape = Shape {
    source: "text",
    tool: ("tool 1.0", 0),
    label: "node 1.0",
    script: "cat in > out",
    variable: None,
    files: Vec::new(),
    fixed: ("crate-1.0", 0),
    output: "out",
};

/// The graph of a shape; ids are in order: tool, source, node, end.
fn graph(place: &Place, shape: &Shape) -> (Graph, Vec<ActionId>) {
    let mut graph = Graph::default();
    let identity = Digest::of(&[shape.tool.1]);
    let given = Command::Given { path: place.folder.path().to_owned(), identity, shown: Default::default() };
    let tool = Action {
        kind: Kind::Toolchain,
        ..action(shape.tool.0, given, vec![], &[("tool", OutputKind::File)])
    };
    let tool = graph.add(tool);
    let source = graph.add(write("source", shape.source));
    let root = place.folder.path().join("sources");
    std::fs::create_dir_all(&root).unwrap();
    let entries = shape.files.iter().map(|(path, content)| {
        std::fs::write(root.join(path), [*content]).unwrap();
        Entry {
            path: (*path).to_owned(),
            kind: EntryKind::File { digest: Digest::of(&[*content]), executable: false },
        }
    });
    let tree = Tree::new(entries.collect()).unwrap();
    let local = LocalTree { digest: tree.digest(), tree, root: root.clone() };
    let fixed = Source::fixed(root, Digest::of(&[shape.fixed.1]), Seal::Trusted);
    let inputs = vec![
        from(tool, "tool"),
        from(source, "in"),
        Input { path: "sources".into(), source: Source::Local(Arc::new(local)) },
        Input { path: shape.fixed.0.into(), source: fixed },
    ];
    let script = shape.script.replace("out", shape.output);
    let mut node = shell(shape.label, &script, inputs, &[(shape.output, OutputKind::File)]);
    if let (Command::Run { env, .. }, Some(value)) = (&mut node.command, shape.variable) {
        env.push(("VARIABLE".into(), Arg::from(value)));
    }
    let node = graph.add(node);
    let end = graph.add(shell(
        "end",
        "cat node node > end",
        vec![from(node, "node")],
        &[("end", OutputKind::File)],
    ));
    (graph, vec![tool, source, node, end])
}

fn why(store: &Store, graph: &Graph, id: ActionId) -> Why {
    let states = status(graph, store);
    History::load(graph, store, &states).why(id)
}

/// What differs of each node between a build of the one shape and a plan of the other; the same after the build of it.
fn between(before: &Shape, now: &Shape) -> Vec<Option<Vec<Difference>>> {
    let place = place();
    let (first, ids) = graph(&place, before);
    build(&place.store, &first, ids[3]).unwrap();
    let (second, ids) = graph(&place, now);
    let node = why(&place.store, &second, ids[2]);
    let told = |why: Why| match why.cause {
        Cause::Differs(differences) => Some(differences),
        _ => None,
    };
    let planned: Vec<_> = ids.iter().map(|id| told(why(&place.store, &second, *id))).collect();
    assert_eq!(node.when, When::Will, "another key: {node:?}");
    build(&place.store, &second, ids[3]).unwrap();
    let built = why(&place.store, &second, ids[2]);
    assert_eq!((built.when, built.ran, built.build), (When::Did, true, 2));
    assert_eq!(told(built).map(known), planned[2].clone().map(known), "a plan says what is said afterwards");
    planned
}

/// Differences as they are once everything is known.
fn known(mut differences: Vec<Difference>) -> Vec<Difference> {
    for difference in &mut differences {
        if let Difference::Output { known, .. } = difference {
            *known = true;
        }
    }
    differences
}

fn node(before: &Shape, now: &Shape) -> Vec<Difference> {
    between(before, now)[2].clone().unwrap()
}

#[test]
fn every_part_of_an_action_is_named_when_it_changes() {
    let file = |file: &str, change| Difference::File { of: "sources".into(), file: file.into(), change };
    let before = Shape { files: vec![("a", 1), ("b", 1)], ..SHAPE };
    let now = Shape { files: vec![("b", 2), ("c", 1)], ..SHAPE };
    let files = [file("a", Change::Removed), file("b", Change::Changed), file("c", Change::Added)];
    assert_eq!(node(&before, &now), files);

    let now = Shape { variable: Some("value"), ..SHAPE };
    let variable = Difference::Variable { name: "VARIABLE".into(), before: None, now: Some("value".into()) };
    assert_eq!(node(&SHAPE, &now), [variable]);

    let now = Shape { script: "cat in in > out", ..SHAPE };
    let argument = |text: &str, change| Difference::Argument { text: text.into(), change };
    let script = [argument(SHAPE.script, Change::Removed), argument(now.script, Change::Added)];
    assert_eq!(node(&SHAPE, &now), script);

    let now = Shape { fixed: ("crate-1.0", 1), ..SHAPE };
    let fixed = Difference::Input { path: "crate-1.0".into(), from: None, change: Change::Changed };
    assert_eq!(node(&SHAPE, &now), [fixed]);

    // Of what only is called otherwise, one thing is said.
    let now = Shape { output: "another", ..SHAPE };
    let before = Shape { output: "something", ..SHAPE };
    assert_eq!(node(&before, &now).len(), 1);
    let now = Shape { label: "node 2.0", fixed: ("crate-2.0", 1), ..SHAPE };
    let version = Difference::Version { before: "node 1.0".into(), now: "node 2.0".into() };
    assert_eq!(node(&SHAPE, &now), [version]);
}

#[test]
fn causes_of_others_are_a_cascade() {
    let now = Shape { tool: ("tool 2.0", 1), source: "other", ..SHAPE };
    let [tool, source, node, end] = &between(&SHAPE, &now)[..] else { panic!("four nodes") };
    let version = Difference::Version { before: "tool 1.0".into(), now: "tool 2.0".into() };
    assert_eq!(tool.as_deref(), Some(&[version][..]));
    let content = Difference::Content { before: Digest::of(b"text"), now: Digest::of(b"other") };
    assert_eq!(source.as_deref(), Some(&[content][..]));
    let output = |path: &str, kind: &str, label: &str, known| {
        let from = Some(Name { kind: kind.into(), label: label.into() });
        Difference::Output { path: path.into(), from, known }
    };
    let both = [output("tool", "toolchain", "tool 2.0", true), output("in", "compile", "source", true)];
    assert_eq!(node.as_deref(), Some(&both[..]));
    assert_eq!(end.as_deref(), Some(&[output("node", "compile", "node 1.0", false)][..]));
}

#[test]
fn what_is_new_unchanged_gone_or_known_is_said() {
    let place = place();
    let (graph, ids) = graph(&place, &SHAPE);
    let end = ids[3];
    assert_eq!(
        why(&place.store, &graph, end),
        Why { when: When::Will, ran: false, build: 0, cause: Cause::New }
    );
    let report = build(&place.store, &graph, end).unwrap();
    assert_eq!(
        why(&place.store, &graph, end),
        Why { when: When::Did, ran: true, build: 1, cause: Cause::New }
    );

    let object = place.store.blob_path(report.outputs(end)[0].digest);
    std::fs::remove_file(object).unwrap();
    assert_eq!(
        why(&place.store, &graph, end),
        Why { when: When::Will, ran: true, build: 1, cause: Cause::Gone }
    );
    build(&place.store, &graph, end).unwrap();
    assert_eq!(
        why(&place.store, &graph, end),
        Why { when: When::Did, ran: true, build: 2, cause: Cause::Gone }
    );

    // What was damaged isn't merely gone: found by a build, or by a look at everything.
    for by_verify in [false, true] {
        let object = place.store.blob_path(report.outputs(end)[0].digest);
        std::fs::remove_file(&object).unwrap();
        std::fs::write(&object, "damaged").unwrap();
        let store = Store::open(place.store.root()).unwrap();
        if by_verify {
            store.verify().unwrap();
            let put_away = Why { when: When::Will, ran: true, build: 3, cause: Cause::PutAway };
            assert_eq!(why(&store, &graph, end), put_away);
        }
        build(&store, &graph, end).unwrap();
        assert_eq!(store.damaged(), usize::from(!by_verify));
        let build = if by_verify { 4 } else { 3 };
        let put_away = Why { when: When::Did, ran: true, build, cause: Cause::PutAway };
        assert_eq!(why(&store, &graph, end), put_away);
        std::fs::remove_dir_all(store.root().join("bad")).unwrap();
        assert_eq!(why(&store, &graph, end).cause, Cause::Gone);
    }

    // Without the explanations it is still known that something changed.
    std::fs::remove_dir_all(place.store.root().join("why")).unwrap();
    let (changed, ids) = self::graph(&place, &Shape { variable: Some("value"), ..SHAPE });
    assert_eq!(why(&place.store, &changed, ids[2]).cause, Cause::Lost);
}
