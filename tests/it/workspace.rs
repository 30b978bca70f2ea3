//! A root manifest that names many unikernels.

use crate::support::{Folder, uk};

/// The examples' folders, in the order of the root manifest's members; each unikernel is named as its folder.
const EXAMPLES: [&str; 10] = [
    "args",
    "clock",
    "console",
    "hello",
    "hello-key",
    "jobs",
    "noop",
    "noop-type",
    "random",
    "third-party/roll",
];

fn name(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or(folder)
}

#[test]
fn a_build_at_the_root_makes_every_example() {
    let folder = Folder::workspace();
    uk(folder.path(), ["build", "--target", "unix", "--target", "virtio"]).run().ok();
    for example in EXAMPLES {
        for artifact in [name(example).to_owned(), format!("{}.virtio", name(example))] {
            let path = format!("examples/{example}/dist/{artifact}");
            assert!(folder.join(&path).is_file(), "{path}");
        }
    }
    assert!(!folder.join("dist").exists(), "artifacts are beside the manifest of their unikernel");
    let again = uk(folder.path(), ["build"]).run().ok();
    assert_eq!(again.counts().0, 0, "{again}");
}

#[test]
fn the_examples_are_all_of_them() {
    let folder = Folder::workspace();
    let example =
        |path: &String| Some(path.strip_prefix("examples/")?.strip_suffix("/unikernel.kdl")?.to_owned());
    let mut found: Vec<String> = folder.listing().iter().filter_map(example).collect();
    found.sort();
    assert_eq!(found, EXAMPLES);
    let plan = uk(folder.path(), ["plan", "--format", "json"]).run().ok();
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).expect("it is JSON");
    let planned: Vec<&str> =
        plan["unikernels"].as_array().into_iter().flatten().filter_map(|u| u["name"].as_str()).collect();
    assert_eq!(planned, EXAMPLES.map(name));
}

#[test]
fn one_is_picked_by_its_name() {
    let folder = Folder::workspace();
    uk(folder.path(), ["build", "-p", "hello"]).run().ok();
    let made: Vec<String> = folder.listing().into_iter().filter(|path| path.ends_with("/dist/")).collect();
    assert_eq!(made, ["examples/hello/dist/"]);
    let ran = uk(folder.path(), ["run", "-p", "noop"]).run().ok();
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_folder_below_its_manifest_belongs_to_it() {
    let folder = Folder::workspace();
    uk(&folder.join("examples/noop/src"), ["build"]).run().ok();
    assert!(folder.join("examples/noop/dist/noop").is_file());
    let elsewhere = Folder::empty();
    let named = folder.join("examples/noop-type");
    uk(elsewhere.path(), ["build".as_ref(), "-C".as_ref(), named.as_os_str()]).run().ok();
    assert!(named.join("dist/noop-type").is_file());
}

#[test]
fn an_unknown_name_is_answered_with_the_nearest() {
    let folder = Folder::workspace();
    let before = folder.listing();
    let said = uk(folder.path(), ["build", "-p", "helo"]).run().fails(1, &["UK0704"]);
    assert!(
        said.contains("there is no unikernel `helo`") && said.contains("did you mean `-p hello`?"),
        "{said}"
    );
    assert_eq!(folder.listing(), before);
}

#[test]
fn running_several_asks_for_one() {
    let folder = Folder::workspace();
    let said = uk(folder.path(), ["run"]).run().fails(125, &["UK0703"]);
    for name in EXAMPLES.map(name) {
        assert!(said.contains(&format!("`{name}`")), "{said}");
    }
    assert!(said.contains("-p NAME"), "{said}");
    assert!(!folder.listing().iter().any(|path| path.contains("/dist/")), "nothing was built");
}

#[test]
fn a_key_that_one_member_has_is_set_for_it() {
    let folder = Folder::workspace();
    let keys = uk(folder.path(), ["keys", "--set", "hello=Hola!"]).run().ok();
    assert!(keys.stdout.contains("Hola!"), "{keys}");
    let said = uk(folder.path(), ["keys", "--set", "helo=Hola!"]).run().fails(1, &["UK0306"]);
    assert!(said.contains("did you mean `--set hello=Hola!`?"), "{said}");
}

#[test]
fn clean_at_the_root_cleans_every_member() {
    let folder = Folder::workspace();
    let locks = |folder: &Folder| -> Vec<String> {
        folder.listing().into_iter().filter(|path| !path.ends_with("unikernel.lock")).collect()
    };
    let before = locks(&folder);
    uk(folder.path(), ["build"]).run().ok();
    uk(folder.path(), ["clean"]).run().ok();
    assert_eq!(locks(&folder), before);
}
