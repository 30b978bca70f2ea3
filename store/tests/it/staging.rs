//! What an action finds in its sandbox.

use std::fs;
use std::sync::Arc;

use uk_action::{Digest, Graph, Input, LocalTree, OutputKind, Source};
use uk_store::{Reason, StatCache};

use crate::common::*;

const FILE: &[(&str, OutputKind)] = &[("o", OutputKind::File)];

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
    let given = uk_action::Command::Given {
        path: host.clone(),
        identity: Digest::of(b"host 1"),
        shown: Default::default(),
    };
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
