//! A root manifest that names many unikernels.

use crate::support::{Folder, repository, uk};

/// The examples' folders, in the order of the root manifest's members; each unikernel but one is named as its folder.
const EXAMPLES: [&str; 14] = [
    "args",
    "block",
    "clock",
    "console",
    "disk-lottery",
    "hello",
    "hello-key",
    "jobs",
    "kv-ro",
    "noop",
    "noop-type",
    "notes",
    "random",
    "third-party/roll",
];

fn name(folder: &str) -> &str {
    // As the tutorial has it.
    if folder == "block" { "block-test" } else { folder.rsplit('/').next().unwrap_or(folder) }
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
fn files_of_hooks_are_named_from_where_the_user_is() {
    let folder = Folder::workspace();
    let manifest = folder.read("examples/hello/unikernel.kdl");
    let hook = "hook files {\n    image \"a disk.img\" sectors=8\n}\n";
    folder.write("examples/hello/unikernel.kdl", &format!("{manifest}\n{hook}"));
    let image = folder.join("examples/hello/a disk.img");
    std::fs::create_dir(&image).expect("folders can be made");
    let said = uk(folder.path(), ["build", "-p", "hello"]).run().fails(1, &["UK0608"]);
    let typed = "`mv 'examples/hello/a disk.img' 'examples/hello/a disk.img.old'`";
    assert!(said.contains(typed), "{said}");
    std::fs::remove_dir(&image).expect("it is empty");
    std::fs::write(&image, "").expect("it can be written");
    let said = uk(folder.path(), ["build", "-p", "hello"]).run().ok().stderr;
    assert!(said.contains("`truncate -s 4096 'examples/hello/a disk.img'`"), "{said}");
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
    let said = uk(folder.path(), ["build", "-p", "qqqqqqqqqqqqqqqq"]).run().fails(1, &["UK0704"]);
    for name in EXAMPLES.map(name) {
        assert!(said.contains(&format!("`{name}`")), "{said}");
    }
    assert_eq!(folder.listing(), before);
}

#[test]
fn running_several_asks_for_one() {
    let folder = Folder::workspace();
    let said = uk(folder.path(), ["run"]).run().fails(125, &["UK0703"]);
    for name in EXAMPLES.map(name) {
        assert!(said.contains(&format!("`-p {name}`")), "{said}");
    }
    let words = ["run", "-p", "noop", "-p", "hello", "--target", "virtio"];
    let said = uk(folder.path(), words).run().fails(125, &["UK0703"]);
    assert!(said.contains("`-p hello --target virtio`, `-p noop --target virtio`"), "{said}");

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

#[test]
fn clean_and_devices_pass_a_member_that_cannot_be_read() {
    let folder = Folder::workspace();
    uk(folder.path(), ["build", "-p", "noop"]).run().ok();
    std::fs::write(folder.join("examples/args/unikernel.kdl"), b"unikernel \xff")
        .expect("files can be written");
    folder.write("examples/clock/Cargo.toml", "[package]\nname = 12\n");
    let devices = uk(folder.path(), ["devices"]).run().ends(1);
    assert_eq!(devices.codes(), ["UK0102", "UK0401"], "{devices}");
    assert!(devices.stderr.contains("examples/args/unikernel.kdl` can't be read"), "{devices}");
    for own in ["fair-die", "default-time"] {
        assert_eq!(devices.stdout.lines().filter(|line| line.starts_with(own)).count(), 1, "{devices}");
    }
    let cleaned = uk(folder.path(), ["clean"]).run().ends(1);
    assert_eq!(cleaned.codes(), ["UK0102"], "{cleaned}");
    assert!(cleaned.stderr.contains("removed ") && !folder.join("examples/noop/dist").exists(), "{cleaned}");
}

#[test]
fn a_project_with_a_fault_can_be_cleaned() {
    let folder = Folder::example("noop");
    uk(folder.path(), ["build"]).run().ok();
    folder.write("unikernel.kdl", "unikernel noop\njob main {\n    wrong\n}\n");
    uk(folder.path(), ["clean"]).run().ok();
    assert!(!folder.join("dist").exists());
    // What can't be read may be a workspace, whose members stay.
    let manifest =
        std::fs::read_to_string(repository().join("examples/noop/unikernel.kdl")).expect("it is there");
    folder.write("unikernel.kdl", &manifest);
    uk(folder.path(), ["build"]).run().ok();
    folder.write("unikernel.kdl", "unikernel noop\njob main {\n");
    let cleaned = uk(folder.path(), ["clean"]).run().ends(1);
    assert_eq!(cleaned.codes(), ["UK0103"], "{cleaned}");
    assert!(!folder.join("dist").exists());
}

/// The workspace of the examples with a fault in three members: one of syntax, one of the manifest and the device graph,
/// one of cargo.
fn with_faulty_members() -> Folder {
    let folder = Folder::workspace();
    folder.write("examples/args/unikernel.kdl", "unikernel args\njob main {\n");
    folder.write(
        "examples/clock/unikernel.kdl",
        "unikernel clock\nkey a type=sting\njob main entry=\"clock::start\" {\n    clock default-clok\n    time default-time\n}\n",
    );
    folder.write("examples/noop/Cargo.toml", "[package]\nname = 12\n");
    folder
}

/// What has no line is told first.
const FAULTS: [&str; 4] = ["UK0401", "UK0103", "UK0205", "UK0301"];

#[test]
fn the_faults_of_all_members_are_told_at_once() {
    let folder = with_faulty_members();
    let before = folder.listing();
    let said = uk(folder.path(), ["build"]).run().fails(1, &FAULTS);
    for path in
        ["examples/args/unikernel.kdl:", "examples/clock/unikernel.kdl:", "did you mean `default-clock`?"]
    {
        assert!(said.contains(path), "{path}: {said}");
    }
    assert_eq!(folder.listing(), before);
}

#[test]
fn members_that_are_not_chosen_may_be_faulty() {
    let folder = with_faulty_members();
    uk(folder.path(), ["build", "-p", "hello"]).run().ok();
    assert!(folder.join("examples/hello/dist/hello").is_file());
    uk(folder.path(), ["build", "-p", "clock"]).run().fails(1, &["UK0205", "UK0301"]);
    // A manifest whose name can't be read may be the one.
    uk(folder.path(), ["build", "-p", "args"]).run().fails(1, &["UK0704", "UK0103"]);
}

#[test]
fn going_on_builds_the_sound_members_and_tells_of_the_others() {
    let folder = with_faulty_members();
    uk(folder.path(), ["build", "--keep-going"]).run().fails(1, &FAULTS);
    for example in EXAMPLES {
        let faulty = ["args", "clock", "noop"].contains(&example);
        let path = format!("examples/{example}/dist/{}", name(example));
        assert_eq!(folder.join(&path).is_file(), !faulty, "{path}");
    }
    // Where all are faulty there is nothing to go on with.
    let options = ["build", "--keep-going", "-p", "clock"];
    uk(folder.path(), options).run().fails(1, &["UK0205", "UK0301"]);
}

#[test]
fn a_variable_that_sets_no_key_is_a_warning() {
    let folder = Folder::workspace();
    let keys = |words: &[&str], variable: &str| {
        uk(folder.path(), [&["keys"], words].concat()).env(variable, "Hola!").run().ok()
    };
    let slip = keys(&[], "UK_KEY_HELO");
    assert!(slip.stderr.contains("UK0306") && slip.stderr.contains("did you mean `UK_KEY_HELLO`?"), "{slip}");
    assert!(!slip.stderr.contains("Hola!"), "a value may be a secret: {slip}");
    let right = keys(&[], "UK_KEY_HELLO");
    assert!(right.stdout.contains("Hola!") && right.stderr.is_empty(), "{right}");
    // What another member of the workspace has is no slip, also where that isn't looked at.
    let other = keys(&["-p", "noop"], "UK_KEY_HELLO");
    assert!(other.stderr.is_empty(), "{other}");
}

#[test]
fn every_lock_file_of_the_repository_fits() {
    // Whoever changes what a crate of the SDK needs changes them: `uk plan`, here and in the guests of `xtask`.
    uk(Folder::workspace().path(), ["plan", "--locked"]).run().ok();
    let guest = Folder::copy(&repository().join("xtask/guests/disk-speed"));
    uk(guest.path(), ["plan", "--locked"]).run().ok();
}
