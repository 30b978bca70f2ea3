//! `uk plan`: every node as cached, to build or waiting, in every form.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::support::{Folder, schema, token, uk};

const BOTH: [&str; 4] = ["--target", "unix", "--target", "virtio"];

fn plan(folder: &Folder, store: &Path, args: &[&str]) -> String {
    uk(folder.path(), ["plan"].iter().chain(args)).store(store).run().ok().stdout
}

fn json(folder: &Folder, store: &Path, args: &[&str]) -> Value {
    let text = plan(folder, store, &[&["--format", "json"], args].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("`{name}` in {value}"))
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("`{name}` in {value}"))
}

/// The states of a plan's nodes, without the host's tools.
fn states(plan: &Value) -> BTreeSet<&str> {
    list(plan, "nodes").iter().map(|node| word(node, "state")).filter(|state| *state != "given").collect()
}

fn state<'a>(plan: &'a Value, kind: &str, label: &str) -> &'a str {
    let found =
        list(plan, "nodes").iter().find(|n| word(n, "kind") == kind && word(n, "label").starts_with(label));
    word(found.unwrap_or_else(|| panic!("no {kind} {label} in {plan}")), "state")
}

#[test]
fn json_is_what_its_schema_says() {
    let schema = schema::published("plan");
    let (folder, store) = (Folder::example("hello-key"), Folder::empty());
    let before = json(&folder, store.path(), &BOTH);
    uk(folder.path(), ["build"].iter().chain(&BOTH)).store(store.path()).run().ok();
    let after = json(&folder, store.path(), &BOTH);
    for plan in [&before, &after] {
        assert_eq!(schema::faults(&schema, plan), [""; 0]);
        let nodes = list(plan, "nodes");
        for (place, node) in nodes.iter().enumerate() {
            assert_eq!(node["id"], place);
            let needs: Vec<u64> = list(node, "needs").iter().filter_map(Value::as_u64).collect();
            assert!(
                needs.iter().all(|need| *need < place as u64),
                "a node stands behind what it needs: {node}"
            );
            assert!(needs.windows(2).all(|pair| pair[0] < pair[1]), "{node}");
            let known = matches!(word(node, "state"), "cached" | "to build");
            assert_eq!(node.get("key").is_some(), known, "{node}");
            assert_eq!(node.get("waits_for").is_some(), word(node, "state") == "waiting", "{node}");
        }
        for unikernel in list(plan, "unikernels") {
            let node = |role: &str| &nodes[unikernel[role].as_u64().expect("an id") as usize];
            assert_eq!(word(node("link"), "kind"), "link");
            assert_eq!(word(node("pack"), "kind"), "pack");
        }
    }
    let unikernel = &list(&after, "unikernels")[1];
    assert_eq!((word(unikernel, "name"), word(unikernel, "target")), ("hello-key", "virtio"));
    assert_eq!(word(unikernel, "artifact"), "hello-key.virtio");
    let key = &list(unikernel, "keys")[0];
    assert_eq!((word(key, "value"), word(key, "from")), ("Hello World!", "manifest"));
}

#[test]
fn the_json_of_every_example_is_what_its_schema_says() {
    let schema = schema::published("plan");
    let folder = Folder::workspace();
    let words = ["plan", "--format", "json", "--target", "unix", "--target", "virtio"];
    let plan = uk(folder.path(), words).run().ok();
    let plan: Value = serde_json::from_str(&plan.stdout).expect("it is JSON");
    assert_eq!(schema::faults(&schema, &plan), [""; 0]);
    let on = |target: &str| list(&plan, "unikernels").iter().filter(|u| word(u, "target") == target).count();
    assert!(on("unix") >= 14, "every example is planned");
    assert_eq!(on("unix"), on("virtio"));
    // Every kind of thing that a plan can hold is in one of them.
    for name in ["keys", "devices", "attachments", "hooks", "jobs"] {
        assert!(list(&plan, "unikernels").iter().any(|u| !list(u, name).is_empty()), "{name}");
    }
}

#[test]
fn json_has_the_data_of_devices() {
    let schema = schema::published("plan");
    let (folder, store) = (Folder::example("kv-ro"), Folder::empty());
    let plan = json(&folder, store.path(), &["--set", "kv_ro=crunch,fat"]);
    assert_eq!(schema::faults(&schema, &plan), [""; 0]);
    let [table, fat] = list(&plan, "unikernels") else { panic!("two variants: {plan}") };
    for (unikernel, name, file) in [(table, "table", None), (fat, "fat", Some("kv-ro+kv_ro=fat-assets.fat"))]
    {
        let [data] = list(unikernel, "data") else { panic!("one: {unikernel}") };
        assert_eq!((word(data, "device"), word(data, "name"), word(data, "folder")), ("assets", name, "t"));
        assert_eq!(data["file"].as_str(), file);
        let node = &list(&plan, "nodes")[data["node"].as_u64().expect("an id") as usize];
        assert_eq!(
            (word(node, "kind"), word(node, "label")),
            ("data", &*format!("{} t", word(data, "tool")))
        );
    }
}

#[test]
fn the_schema_check_itself_finds_faults() {
    let schema = schema::published("plan");
    let wrong = serde_json::json!({
        "version": 2,
        "unikernels": [],
        "nodes": [{ "id": -1, "kind": 1, "label": "x", "state": "done", "needs": [], "outputs": [], "key": "ABC", "more": 0 }],
    });
    let mut faults = schema::faults(&schema, &wrong);
    faults.sort();
    let expected = [
        "$.nodes[0].id: -1 is less than 0",
        "$.nodes[0].key: \"ABC\" doesn't match \"^[0-9a-f]{64}$\"",
        "$.nodes[0].kind: 1 isn't of type \"string\"",
        "$.nodes[0].state: \"done\" isn't one of [\"given\",\"cached\",\"to build\",\"waiting\"]",
        "$.nodes[0]: `more` isn't in the schema",
        "$.version: 2 isn't 1",
    ];
    assert_eq!(faults, expected);
    let faults = schema::faults(&schema, &serde_json::json!({ "version": 1, "nodes": [] }));
    assert_eq!(faults, ["$: `unikernels` is missing"]);
}

#[test]
fn a_plan_knows_what_is_to_build_and_what_waits_and_builds_nothing() {
    let (folder, store) = (Folder::example("hello-key"), Folder::empty());
    let before = json(&folder, store.path(), &[]);
    assert_eq!(states(&before), ["to build", "waiting"].into());
    assert_eq!(state(&before, "compile", "log "), "to build");
    assert_eq!(state(&before, "compile", "hello-key "), "waiting");
    assert_eq!(state(&before, "pack", "hello-key"), "waiting");
    assert!(!folder.join("dist").exists(), "a plan makes no artifact");
    assert_eq!(json(&folder, store.path(), &[]), before, "a plan changes nothing");

    let built = uk(folder.path(), ["build"]).store(store.path()).run().ok();
    let after = json(&folder, store.path(), &[]);
    assert_eq!(states(&after), ["cached"].into());
    let nodes = list(&after, "nodes").iter().filter(|n| word(n, "state") == "cached").count();
    assert_eq!(built.counts().0, nodes, "the plan has as many nodes as the build executed");

    folder.edit("src/lib.rs", "\"{}\", keys.hello", "\"{}!\", keys.hello");
    let edited = json(&folder, store.path(), &[]);
    assert_eq!(state(&edited, "compile", "hello-key "), "to build");
    assert_eq!(state(&edited, "link", "hello-key"), "waiting");
    assert_eq!(state(&edited, "pack", "hello-key"), "waiting");
    assert_eq!(state(&edited, "compile", "uk-device "), "cached");
}

#[test]
fn text_shows_every_node_with_its_state() {
    let (folder, store) = (Folder::example("hello-key"), Folder::empty());
    let set = format!("hello={}", token());
    let text = plan(&folder, store.path(), &["--set", &set]);
    assert!(text.starts_with("hello-key for unix\n"), "{text}");
    assert!(text.contains("  device default-time = default-time (uk-time)\n"), "{text}");
    assert!(text.contains("  job main = hello_key::start\n"), "{text}");
    assert!(text.contains(&format!("  key {} (from --set)\n", set.replace('=', " = "))), "{text}");
    let state = |kind: &str, label: &str| {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let ours = |line: &str| words(line).ends_with(&words(&format!("{kind} {label}")));
        let row =
            text.lines().find(|line| ours(line)).unwrap_or_else(|| panic!("`{kind} {label}` in {text}"));
        words(row)[..2].join(" ")
    };
    assert_eq!(state("generate", "keys.rs"), "to build");
    assert_eq!(state("pack", "hello-key"), "waits for");
    let last = text.trim_end().lines().last().unwrap_or_default();
    assert!(last.contains(" to build, ") && last.ends_with(" waiting"), "{text}");

    uk(folder.path(), ["build", "--set", &set]).store(store.path()).run().ok();
    let text = plan(&folder, store.path(), &["--set", &set]);
    let last = text.trim_end().lines().last().unwrap_or_default();
    assert!(last.ends_with(" cached") && !last.contains(','), "{text}");
}

#[test]
fn dot_draws_the_same_graph() {
    let folder = Folder::example("hello-key");
    let store = crate::support::shared_store();
    let (text, plan) = (plan(&folder, &store, &["--format", "dot"]), json(&folder, &store, &[]));
    assert!(text.starts_with("digraph plan {\n") && text.ends_with("\n}\n"), "{text}");
    let (mut nodes, mut edges) = (BTreeSet::new(), BTreeSet::new());
    let number = |name: &str| name.strip_prefix('n').and_then(|n| n.parse::<u64>().ok());
    for line in text.lines().skip(2).take_while(|line| *line != "}") {
        let line = line.trim().strip_suffix(';').unwrap_or_else(|| panic!("no end: {line}"));
        if let Some((from, to)) = line.split_once(" -> ") {
            edges.insert((number(from).expect("a node"), number(to).expect("a node")));
        } else {
            let (name, rest) =
                line.split_once(" [label=\"").unwrap_or_else(|| panic!("neither node nor edge: {line}"));
            assert!(rest.ends_with(']') && rest.contains("\", style="), "{line}");
            nodes.insert(number(name).expect("a node"));
        }
    }
    let of = |node: &Value, name: &str| node[name].as_u64().expect("an id");
    let all = list(&plan, "nodes");
    assert_eq!(nodes, all.iter().map(|n| of(n, "id")).collect());
    let needs = |n| list(n, "needs").iter().map(move |need| (need.as_u64().expect("an id"), of(n, "id")));
    assert_eq!(edges, all.iter().flat_map(needs).collect());
}

#[test]
fn keys_shows_each_key_with_where_its_value_comes_from() {
    let folder = Folder::example("hello-key");
    let said = uk(folder.path(), ["keys"]).run().ok().stdout;
    let row = |said: &str| {
        said.lines().nth(1).unwrap_or_default().split("  ").map(str::trim).collect::<Vec<_>>().join("|")
    };
    assert_eq!(row(&said), "hello|string|both|Hello World!|manifest|How to say hello.");
    let said = uk(folder.path(), ["keys"]).env("UK_KEY_HELLO", "from outside").run().ok().stdout;
    assert_eq!(row(&said), "hello|string|both|from outside|environment|How to say hello.");
    let said = uk(folder.path(), ["keys", "--set", "hello=x"]).env("UK_KEY_HELLO", "y").run().ok().stdout;
    assert_eq!(
        row(&said).replace("||", "|").replace("||", "|"),
        "hello|string|both|x|--set|How to say hello."
    );
}

#[test]
fn every_code_can_be_explained() {
    let folder = Folder::empty();
    let index = uk(folder.path(), ["explain"]).run().ok().stdout;
    let codes: Vec<&str> = index.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(codes.len() > 50, "{index}");
    for code in codes {
        let page = uk(folder.path(), ["explain", code]).run().ok().stdout;
        assert!(page.contains(code), "{page}");
    }
}

#[test]
fn completions_are_made_for_every_shell() {
    let folder = Folder::empty();
    for shell in ["bash", "zsh", "fish"] {
        let script = uk(folder.path(), ["completions", shell]).run().ok().stdout;
        assert!(script.contains("uk") && script.contains("explain"), "{shell}: {script}");
    }
}
