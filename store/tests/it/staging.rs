//! What an action finds in its sandbox.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use uk_action::{Command, Digest, Graph, HostPath, Input, Kind, LocalTree, OutputKind, Seal, Shown, Source};
use uk_store::{Reason, Stamp, StatCache, seal_of};

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
    let fixed = Source::fixed(host.clone(), Digest::of(b"host 1"), Seal::Trusted);
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
    // Of both streams, without the host's path.
    assert_eq!(fs::read_to_string(log).unwrap(), "/.uk-sandbox/fixed\ngiven\ngiven\n");

    fs::rename(&host, host.with_extension("away")).unwrap();
    let gone = Source::fixed(host.clone(), Digest::of(b"host 1"), Seal::Trusted);
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
fn what_is_made_while_a_tool_is_replaced_is_not_kept() {
    let place = place();
    let (tool, update) = (place.folder.path().join("tool"), place.folder.path().join("update"));
    let planned = || {
        let files = vec![Stamp::of_file(&tool).unwrap().of_host(tool.as_path())];
        let shown = Arc::new(Shown { files, ..Shown::default() });
        let identity = Digest::of(&fs::read(&tool).unwrap());
        let given = Command::Given { path: tool.clone(), identity, shown };
        let mut graph = Graph::default();
        let given = graph.add(action("tool", given, vec![], &[("tool", OutputKind::File)]));
        // Somebody else's update, just then.
        let script = format!("cat tool > o; mv {} {} || true", update.display(), tool.display());
        let root = graph.add(shell("crate", &script, vec![from(given, "tool")], FILE));
        (graph, root)
    };
    fs::write(&tool, "one\n").unwrap();
    fs::write(&update, "two\n").unwrap();
    let (graph, root) = planned();
    let failure = build(&place.store, &graph, root).unwrap_err();
    assert!(matches!(&failure.faults[0].reason, Reason::ToolChanged { path } if *path == tool));
    let diagnostic = failure.diagnostics(&graph).remove(0);
    assert_eq!(diagnostic.code.to_string(), "UK0610");
    assert!(diagnostic.help.is_some_and(|help| help.contains("run the command again")));
    for content in ["two\n", "one\n"] {
        fs::write(&tool, content).unwrap();
        let (graph, root) = planned();
        let report = build(&place.store, &graph, root).unwrap();
        assert_eq!((report.executed, text(&place.store, &report, root).as_str()), (1, content));
    }
}

/// A folder that is shown counts with what is in it, one that was looked through in vain doesn't.
#[test]
fn a_header_that_is_replaced_meanwhile_is_seen_at_its_folder() {
    let place = place();
    let [shown, passed] = ["include", "bin"].map(|name| place.folder.path().join(name));
    for folder in [&shown, &passed] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("old.h"), "old\n").unwrap();
    }
    let build_with = |touched: &Path| {
        let stamps =
            [&shown, &passed].map(|folder| Stamp::of_file(folder).unwrap().of_host(folder.as_path()));
        let host = vec![HostPath::same(shown.as_path())];
        let shown = Arc::new(Shown { files: stamps.into(), host, ..Shown::default() });
        let mut graph = Graph::default();
        let given = Command::Given { path: "/bin/sh".into(), identity: Digest::of(b"cc"), shown };
        let given = graph.add(action("cc", given, vec![], &[("cc", OutputKind::File)]));
        let script = format!("echo > o; echo new > {0}/new; mv {0}/new {0}/old.h", touched.display());
        let root = graph.add(shell("crate", &script, vec![from(given, "cc")], FILE));
        build(&place.store, &graph, root)
    };
    let failure = build_with(&shown).unwrap_err();
    assert!(matches!(&failure.faults[0].reason, Reason::ToolChanged { path } if *path == shown));
    assert_eq!(build_with(&passed).unwrap().executed, 1);
}

/// An archive is used only if it has its sum, a folder only if it holds its tree; who may execute a file is kept.
#[test]
fn sealed_sources_are_copied_and_checked() {
    let place = place();
    let folder = place.folder.path().join("checkout");
    for (path, text) in
        [("a/f", "f\n"), (".git/HEAD", "1"), (".cargo-ok", ""), ("run", "#!/bin/sh\necho ran\n")]
    {
        fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
        fs::write(folder.join(path), text).unwrap();
    }
    fs::set_permissions(folder.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    let seal = seal_of(&folder).unwrap();
    fs::write(folder.join(".git/HEAD"), "2").unwrap();
    assert_eq!(seal_of(&folder).unwrap(), seal, "what git keeps is no part of it");
    let reads = |name: &str| {
        let identity = Digest::of(name.as_bytes());
        let source = Source::fixed(folder.clone(), identity, Seal::Tree(seal));
        let mut graph = Graph::default();
        let input = Input { path: "i".into(), source };
        let root = graph.add(shell(name, "cat i/a/f > o; i/run >> o; ls -A i >> o", vec![input], FILE));
        (graph, root)
    };
    let (graph, root) = reads("honest");
    let report = build(&place.store, &graph, root).unwrap();
    assert_eq!(text(&place.store, &report, root), "f\nran\na\nrun\n");
    fs::write(folder.join("a/f"), "g\n").unwrap();
    assert_eq!(build(&place.store, &graph, root).unwrap().executed, 0, "what is known needs no source");
    let (graph, root) = reads("edited");
    let failure = build(&place.store, &graph, root).unwrap_err();
    assert!(matches!(&failure.faults[0].reason, Reason::Unlike { path, .. } if *path == folder));
    let told = &failure.diagnostics(&graph)[0];
    assert_eq!(told.code.to_string(), "UK0409");
    assert!(told.help.as_deref().is_some_and(|help| help.contains("`cargo vendor`")), "{told:?}");
}

/// Without walls a step can write wherever there is a copy of what another gets.
#[test]
fn sealed_sources_of_a_build_script_come_from_where_they_were_checked() {
    let place = place();
    let folder = place.folder.path().join("checkout");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("f"), "f\n").unwrap();
    let seal = Seal::Tree(seal_of(&folder).unwrap());
    let script = |label: &str, script: &str, mut inputs: Vec<Input>| {
        let source = Source::fixed(folder.clone(), Digest::of(b"f"), seal.clone());
        inputs.push(Input { path: "i".into(), source });
        let mut act = shell(label, script, inputs, FILE);
        let Command::Run { cwd, .. } = &mut act.command else { unreachable!() };
        (act.kind, *cwd) = (Kind::RunScript, "i".into());
        act
    };
    let mut graph = Graph::default();
    let others = format!(
        "find {} -name f ! -path \"$(pwd -P)/*\" -exec sh -c 'chmod +w \"$1\"; echo g > \"$1\"' - {{}} ';'; echo > ../o",
        place.store.root().display()
    );
    let first = graph.add(script("first", &others, vec![]));
    let root = graph.add(script("second", "cat f > ../o", vec![from(first, "after")]));
    let report = build(&place.store, &graph, root).unwrap();
    assert_eq!(text(&place.store, &report, root), "f\n");
}
