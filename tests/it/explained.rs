//! `uk why`, `uk build --explain`, `uk log`, `uk plan --diff=last`: always explained, and at no cost to a build that has
//! nothing to do.

use serde_json::Value;

use crate::support::{Folder, Ran, schema, token, uk};

fn run(folder: &Folder, args: &[&str]) -> Ran {
    uk(folder.path(), args).run().ok()
}

/// The root causes and the cascade that `uk why` gives for a node.
fn why(folder: &Folder, node: &str, args: &[&str]) -> (Vec<String>, Vec<String>) {
    let ran = run(folder, &[&["why", node, "--format", "json"], args].concat());
    let all: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"));
    let schema = schema::published("why");
    assert_eq!(schema::faults(&schema, &all), [""; 0], "{ran}");
    let [one] = all["nodes"].as_array().expect("a list").as_slice() else {
        panic!("one node is called {node}: {ran}")
    };
    let list = |name: &str| one[name].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let roots = list("roots").iter().map(|root| text(&root["cause"])).collect();
    let name = |node: &Value| format!("{} {}", text(&node["kind"]), text(&node["label"]));
    (roots, list("cascade").iter().map(name).collect())
}

const EDITED: &str = "`src/lib.rs` of `hello-key` changed";

#[test]
fn a_build_with_a_hook_is_explained_too() {
    let folder = Folder::example("hello-key");
    let manifest = folder.read("unikernel.kdl");
    folder.write(
        "unikernel.kdl",
        &format!("{manifest}\nhook words {{\n    run touch made {{ output made; }}\n}}\n"),
    );
    run(&folder, &["build"]);
    assert!(!run(&folder, &["plan", "--diff=last"]).stdout.contains("no build"));
    folder.edit("src/lib.rs", "\"{}\", keys.hello", &format!("\"{{}} {}\", keys.hello", token()));
    assert_eq!(why(&folder, "link hello-key", &[]).0, [EDITED]);
}

/// What a target's plan knows of the host and needs nowhere is no part of the build's name.
#[test]
fn a_build_for_a_machine_is_explained_too() {
    let (folder, virtio) = (Folder::example("hello-key"), ["--target", "virtio"]);
    run(&folder, &[&["build"], &virtio[..]].concat());
    assert!(!run(&folder, &[&["plan", "--diff=last"], &virtio[..]].concat()).stdout.contains("no build"));
    folder.edit("src/lib.rs", "\"{}\", keys.hello", &format!("\"{{}} {}\", keys.hello", token()));
    assert_eq!(why(&folder, "link hello-key.virtio", &virtio).0, [EDITED]);
}

#[test]
fn root_causes_are_told_apart_from_the_cascade_before_and_after_a_build() {
    let folder = Folder::example("hello-key");
    let (roots, _) = why(&folder, "pack hello-key", &[]);
    assert!(roots.len() == 1 && roots[0].starts_with("`pack hello-key` was never built"), "{roots:?}");
    run(&folder, &["build"]);

    // A file.
    folder.edit("src/lib.rs", "\"{}\", keys.hello", &format!("\"{{}} {}\", keys.hello", token()));
    let expected = (vec![EDITED.to_owned()], vec!["compile hello-key 0.1.0".to_owned()]);
    assert_eq!(why(&folder, "link hello-key", &[]), expected);
    let text = run(&folder, &["why", "link hello-key"]).stdout;
    assert!(text.starts_with("link hello-key: will be built\n"), "{text}");
    assert!(text.contains("    needs `compile hello-key 0.1.0`, which will be built\n"), "{text}");
    let built = run(&folder, &["build", "--explain"]);
    assert!(built.stderr.contains(&format!("{EDITED}: ran `compile hello-key 0.1.0`")), "{built}");
    assert!(built.stderr.contains("cascade        `link hello-key`, `pack hello-key`"), "{built}");
    assert_eq!(why(&folder, "link hello-key", &[]), expected, "it is known afterwards, too");

    // A key, by `--set`: another root, and the file is none any more.
    let token = token();
    let set = format!("hello={token}");
    let (roots, cascade) = why(&folder, "pack hello-key", &["--set", &set]);
    assert_eq!(roots, [format!("key `hello` is now `{token}` (--set)")]);
    assert_eq!(cascade, ["generate keys.rs", "link hello-key"]);
    let built = run(&folder, &["build", "--explain", "--set", &set]);
    assert!(built.stderr.contains(&format!("`{token}` (--set): ran `generate keys.rs`")), "{built}");
    run(&folder, &["build"]);

    // A line of the manifest.
    folder.edit("unikernel.kdl", "time default-time", "time clock");
    folder.write("unikernel.kdl", &format!("{}\ndevice clock default-time\n", folder.read("unikernel.kdl")));
    let (roots, cascade) = why(&folder, "link hello-key", &[]);
    assert!(
        roots.iter().any(|root| root.contains("of unikernel.kdl is now `device clock default-time`")),
        "{roots:?}"
    );
    assert_eq!(cascade, ["generate main.rs"]);
    let diff = run(&folder, &["plan", "--diff=last"]).stdout;
    assert!(diff.contains("changed: 3") && diff.contains("needs `generate main.rs`"), "{diff}");
}

#[test]
fn a_key_that_chooses_a_device_is_the_only_cause_of_what_it_chose() {
    let folder = Folder::example("kv-ro");
    run(&folder, &["build"]);
    let chosen = "key `kv_ro` is now `direct` (--set)";
    let set = ["--set", "kv_ro=direct"];
    let roots = |node: &str| why(&folder, node, &set).0;
    for node in ["generate main.rs", "generate keys.rs", "link kv-ro", "pack kv-ro"] {
        assert_eq!(roots(node), [chosen]);
    }
    // A line that changed is one beside it.
    folder.edit("unikernel.kdl", "job main", "job other");
    let line = "line 5 of unikernel.kdl is now `job other entry=\"kv_ro::start\" {`";
    assert_eq!(roots("generate main.rs"), [line, chosen]);
    assert_eq!(roots("link kv-ro").iter().collect::<std::collections::BTreeSet<_>>().len(), 2);
    run(&folder, &[&["build"], &set[..]].concat());
    assert_eq!(roots("generate main.rs"), [line, chosen], "it is known afterwards, too");
    let mut linked = roots("link kv-ro");
    linked.sort();
    assert_eq!(linked, [chosen, line]);
    // Back again.
    let (roots, _) = why(&folder, "pack kv-ro", &[]);
    assert_eq!(roots, ["key `kv_ro` is now `crunch` (catalogue)"]);
}

/// A crate's files are told with its name, all others from where the user is.
#[test]
fn files_of_hooks_and_data_are_named_from_where_the_user_is() {
    let folder = Folder::workspace();
    let manifest = folder.read("examples/kv-ro/unikernel.kdl");
    let hook = format!(
        "hook words {{ run cp \"--suffix={}\" words copied {{ input words; output copied; }}; }}",
        token()
    );
    folder.write("examples/kv-ro/unikernel.kdl", &format!("{manifest}\n{hook}\n"));
    folder.write("examples/kv-ro/words", "a");
    run(&folder, &["build", "-p", "kv-ro"]);
    folder.write("examples/kv-ro/words", "b");
    folder.write("examples/kv-ro/t/other", &token());
    let roots = |node: &str| why(&folder, node, &["-p", "kv-ro"]).0;
    assert_eq!(roots("hook words"), ["`examples/kv-ro/words` changed"]);
    assert_eq!(roots("data crunch t"), ["`examples/kv-ro/t/other` changed"]);
}

#[test]
fn a_build_that_has_nothing_to_do_writes_no_explanation() {
    let (folder, store) = (Folder::example("hello"), Folder::empty());
    uk(folder.path(), ["build"]).store(store.path()).run().ok();
    let before = store.listing();
    assert!(before.iter().any(|path| path.starts_with("why/") && !path.ends_with('/')), "{before:?}");
    let records = |folder: &str| before.iter().filter(|p| p.starts_with(folder) && !p.ends_with('/')).count();
    assert_eq!(records("ac/"), records("why/"), "one beside each record");
    uk(folder.path(), ["build", "--explain"]).store(store.path()).run().ok();
    assert_eq!(store.listing(), before);

    // What was taken out of the store is why it is built again.
    let artifact = folder.bytes("dist/hello");
    let objects = before.iter().filter(|path| path.starts_with("cas/") && !path.ends_with('/'));
    let object =
        objects.map(|path| store.join(path)).find(|path| std::fs::read(path).is_ok_and(|b| b == artifact));
    std::fs::remove_file(object.expect("the artifact is in the store")).expect("it can be removed");
    let built = uk(folder.path(), ["build", "--explain"]).store(store.path()).run().ok();
    assert!(built.stderr.contains("what `pack hello` made isn't in the store any more"), "{built}");
}

#[test]
fn logs_are_found_by_node() {
    let folder = Folder::example("hello");
    let text = folder.read("src/lib.rs");
    folder.write("src/lib.rs", &format!("{text}\nfn unused_{}() {{}}\n", token().replace('-', "_")));
    let failed = uk(folder.path(), ["log", "compile hello 0.1.0"]).run();
    assert_eq!(failed.status.code(), Some(1), "{failed}");
    run(&folder, &["build"]);
    let said = run(&folder, &["log", "compile hello 0.1.0"]);
    assert!(said.stdout.contains("is never used"), "{said}");
    let quiet = run(&folder, &["log", "pack hello"]);
    assert!(quiet.stdout.is_empty() && quiet.stderr.contains("`pack hello` printed nothing"), "{quiet}");

    // A failed try has a log, too.
    folder.write("src/lib.rs", "no rust at all");
    assert_eq!(uk(folder.path(), ["build"]).run().status.code(), Some(1));
    let said = run(&folder, &["log", "compile hello 0.1.0"]);
    assert!(said.stdout.contains("error") && said.stderr.contains("failed and printed"), "{said}");
}

#[test]
fn a_name_means_every_node_that_it_fits() {
    // The unikernel is called as the crate is.
    let folder = Folder::example("hello");
    folder.write("src/lib.rs", &format!("no rust at all // {}", token()));
    assert_eq!(uk(folder.path(), ["build"]).run().status.code(), Some(1));
    let log = run(&folder, &["log", "hello"]);
    assert!(log.stdout.contains("error") && log.stderr.contains("`compile hello 0.1.0` failed"), "{log}");
    assert!(!log.stderr.contains("`link hello`"), "it hasn't run: {log}");
    let why = run(&folder, &["why", "hello"]).stdout;
    for node in ["compile hello 0.1.0", "link hello", "pack hello"] {
        assert!(why.lines().any(|line| line.starts_with(&format!("{node}: "))), "{node} in {why}");
    }
    let kind = run(&folder, &["why", "link hello"]).stdout;
    assert!(kind.starts_with("link hello: ") && !kind.contains("\ncompile "), "{kind}");
}

#[test]
fn nodes_go_by_label_prefix_or_digest_and_the_wrong_ones_are_near_misses() {
    let folder = Folder::example("hello");
    run(&folder, &["build"]);
    let plan: Value =
        serde_json::from_str(&run(&folder, &["plan", "--format", "json"]).stdout).expect("JSON");
    let nodes = plan["nodes"].as_array().expect("a list");
    let node = nodes.iter().find(|node| node["label"] == "uk-device 0.1.0").expect("it needs the interface");
    let key = node["key"].as_str().expect("it is cached");
    for name in ["uk-device 0.1.0", "compile uk-device 0.1.0", "uk-device", &key[..16]] {
        let said = run(&folder, &["why", name]).stdout;
        assert!(said.starts_with("compile uk-device 0.1.0: "), "{name}: {said}");
    }
    let several = uk(folder.path(), ["why", "uk-"]).run();
    assert!(several.status.code() == Some(1) && several.stderr.contains("UK0408"), "{several}");
    assert!(several.stderr.contains("`compile uk-device 0.1.0`"), "{several}");
    let near = uk(folder.path(), ["why", "uk-devise"]).run();
    assert!(near.status.code() == Some(1) && near.stderr.contains("did you mean `uk-device`"), "{near}");
}
