//! What the language gives besides building: variants, comparisons, catalogues, new projects, checked entries.

use std::process::Command;

use crate::support::run::program;
use crate::support::{Folder, UNIX, uk};

/// hello-key with a key whose values can't hold commas.
fn with_number() -> Folder {
    let folder = Folder::example("hello-key");
    folder.edit(
        "unikernel.kdl",
        "key hello type=string default=\"Hello World!\"",
        "key hello type=u8 default=1",
    );
    folder
}

#[test]
fn several_values_of_a_key_are_several_artifacts() {
    let folder = with_number();
    let ran = uk(folder.path(), ["build", "--set", "hello=3,4"]).run().ok();
    let links = ran
        .executed()
        .into_iter()
        .filter(|line| line.contains("compile") && line.contains("hello-key"))
        .count();
    assert!(links <= 1, "the application is compiled once for both: {}", ran.stderr);
    for value in ["3", "4"] {
        let artifact = folder.join(&format!("dist/hello-key+hello={value}"));
        let said = program(Command::new(artifact)).ok();
        assert!(said.stdout.contains(&format!("INF [application] {value}\n")), "{}", said.stdout);
    }
    let said = uk(folder.path(), ["run", "--set", "hello=3,4"]).run().fails(125, &["UK0703"]);
    assert!(said.contains("`-p hello-key --set hello=3`, `-p hello-key --set hello=4`"), "{said}");
}

#[test]
fn a_comma_can_be_part_of_a_text() {
    let folder = Folder::example("hello-key");
    uk(folder.path(), ["build", "--set", "hello=a,b"]).run().ok();
    let said = program(Command::new(folder.join("dist/hello-key"))).ok();
    assert!(said.stdout.contains("] a,b\n"), "{}", said.stdout);
}

#[test]
fn too_many_variants_are_one_clear_error() {
    let folder = with_number();
    folder.edit("unikernel.kdl", "type=u8", "type=u16");
    let values: Vec<String> = (0..300).map(|n: u16| n.to_string()).collect();
    let set = format!("hello={}", values.join(","));
    let said = uk(folder.path(), ["plan", "--set", &set]).run().fails(1, &["UK0307"]);
    assert!(said.contains("300 variants"), "{said}");
}

#[test]
fn a_fault_of_every_variant_and_target_is_told_once() {
    let folder = with_number();
    let words = ["plan", "--target", "unix", "--target", "virtio", "--set", "hello=3,4"];
    let said = uk(folder.path(), words.into_iter().chain(["--set", "helo=1"])).run().fails(1, &["UK0306"]);
    assert!(said.contains("`--set hello=1`"), "{said}");
    let said = uk(folder.path(), words.into_iter().chain(["--set", "helo=1", "--set", "helo=1"])).run();
    let said = said.fails(1, &["UK0206"]);
    assert!(said.contains("`--set helo` is given twice") && said.contains("in two options"), "{said}");
    folder.edit("unikernel.kdl", "time default-time", "time default-tmie");
    uk(folder.path(), words).run().fails(1, &["UK0301"]);
}

#[test]
fn a_comparison_says_what_two_targets_share() {
    let folder = Folder::example("hello");
    let said = uk(folder.path(), ["plan", "--diff", "--target", "virtio"]).run().ok().stdout;
    assert!(said.contains("nodes are shared"), "{said}");
    let (_, only) = said.split_once("only with --target virtio").expect("there are nodes of its own");
    assert!(
        only.contains("uk-virtio") && !only.contains("uk-device") && !only.contains("hello 0.1.0"),
        "{said}"
    );
}

#[test]
fn options_of_a_virtual_machine_are_refused_where_there_is_none() {
    let folder = Folder::example("noop");
    let options = ["--machine", "q35", "--accel", "tcg", "--memory", "128"];
    let said = uk(folder.path(), ["run"].iter().chain(&options)).run().fails(125, &["UK0305"]);
    assert!(said.contains("has no `--machine`, `--accel`, `--memory`"), "{said}");
    for option in options.chunks(2) {
        let said = uk(folder.path(), ["run"].iter().chain(option)).run().fails(125, &["UK0305"]);
        let help = format!("help: add `--target virtio`, or leave `{}` out", option[0]);
        assert!(said.contains(&help), "{said}");
    }
}

#[test]
fn values_that_options_can_not_take_are_explained() {
    let folder = Folder::example("noop");
    for (number, cause) in [("0", "it must be at least 1"), ("x", "invalid digit found in string")] {
        let ran = uk(folder.path(), ["build", "-j", number]).run().ends(2);
        assert!(ran.stderr.contains(&format!("for '--jobs <N>': {cause}\n")), "{ran}");
    }
    let said = uk(folder.path(), ["plan", "--diff", "last"]).run().ok().stdout;
    assert!(said.contains("no build"), "{said}");
}

#[test]
fn a_comparison_says_what_a_key_changes() {
    let folder = Folder::example("hello-key");
    let said = uk(folder.path(), ["plan", "--diff", "--set", "hello=Hola!"]).run().ok().stdout;
    let (_, only) =
        said.split_once("only with --set hello=Hola!: 3").expect("the keys, the link and the packing");
    assert!(["keys.rs", "link", "pack"].iter().all(|word| only.contains(word)), "{said}");
}

#[test]
fn a_plan_can_be_drawn_with_mermaid() {
    let folder = Folder::example("noop");
    let said = uk(folder.path(), ["plan", "--format", "mermaid"]).run().ok().stdout;
    assert!(said.starts_with("flowchart LR\n") && said.contains(" --> "), "{said}");
}

#[test]
fn devices_are_listed_with_their_targets() {
    let said = uk(Folder::empty().path(), ["devices"]).run().ok().stdout;
    let line = said.lines().find(|l| l.starts_with("default-time")).expect("the SDK has it");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[1..5], ["time", "yes", "yes", "uk-time"]);
}

#[test]
fn an_implementation_is_shown_with_all_that_a_device_of_it_takes() {
    let folder = Folder::empty();
    let said = uk(folder.path(), ["devices", "block_of_file"]).run().ok().stdout;
    let line = |said: &str, name: &str| {
        let line = said.lines().find(|line| line.split_whitespace().next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("`{name}` in:\n{said}"));
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" / ")
    };
    assert!(line(&said, "block-of-file").starts_with("block-of-file / block / yes / yes"), "{said}");
    assert!(line(&said, "file").starts_with("file / param / path / (required) / The image"), "{said}");
    assert_eq!(
        line(&said, "read-only"),
        "read-only / param / bool / false / Whether every write is refused."
    );
    assert!(
        line(&said, "sector-size").starts_with("sector-size / param / u32 from 512 to 65536 / 512 / "),
        "{said}"
    );
    let said = uk(folder.path(), ["devices", "generic-kv-ro"]).run().ok().stdout;
    assert!(
        line(&said, "kv_ro").starts_with("kv_ro / key / crunch|archive|fat|direct / crunch / "),
        "{said}"
    );
    let said = uk(folder.path(), ["devices", "fat-on-block"]).run().ok().stdout;
    assert_eq!(line(&said, "block"), "block / requirement / block / (required)");
    let said = uk(folder.path(), ["devices", "default-time"]).run().ok().stdout;
    assert_eq!(said.lines().count(), 2, "{said}");
    let said = uk(folder.path(), ["devices", "block-of-fil"]).run().fails(1, &["UK0301"]);
    assert!(said.contains("did you mean `block-of-file`?"), "{said}");
}

#[test]
fn a_new_project_builds_runs_and_passes_its_test() {
    let folder = Folder::empty();
    uk(folder.path(), ["new", "my-server"]).run().ok();
    let root = folder.join("my-server");
    let mut test = Command::new(env!("CARGO"));
    test.args(["test", "--quiet", "--lib"]).current_dir(&root).env("CARGO_TARGET_DIR", folder.join("target"));
    let said = program(test).ok();
    assert!(said.stdout.contains("1 passed"), "{}", said.stdout);
    let said = uk(&root, ["run"].iter().chain(UNIX).copied().chain(["--", "--greeting=Hi!"])).run().ok();
    assert_eq!(said.stdout.matches("INF [application] Hi!\n").count(), 4);
    // It is never overwritten.
    uk(folder.path(), ["new", "my-server"]).run().fails(1, &["UK0207"]);
    uk(folder.path(), ["new", "2nd"]).run().fails(1, &["UK0207"]);
    uk(folder.path(), ["new", "match"]).run().fails(1, &["UK0207"]);
    for path in [".", "..", "my-server/.."] {
        let said = uk(folder.path(), ["new", path]).run().fails(1, &["UK0207"]);
        assert!(said.contains("isn't the name of a new folder"), "{said}");
    }
    let said = uk(folder.path(), ["-C", "nowhere", "new", "server"]).run().fails(1, &["UK0101"]);
    assert!(said.contains("there is no folder `nowhere`"), "{said}");
    assert_eq!(
        folder
            .listing()
            .iter()
            .filter(|path| !path.starts_with("my-server/") && !path.starts_with("target/"))
            .count(),
        0
    );
}

#[test]
fn an_entry_with_another_number_of_arguments_never_starts_a_build() {
    let folder = Folder::example("hello");
    folder.edit("src/lib.rs", "time: impl Time", "time: impl Time, spare: impl Time");
    let said = uk(folder.path(), ["plan"]).run().fails(1, &["UK0319"]);
    assert!(said.contains("`time DEVICE`"), "{said}");
}

#[test]
fn an_entry_that_wants_keys_where_a_device_is_given_never_starts_a_build() {
    let folder = Folder::example("hello-key");
    folder.edit("unikernel.kdl", "    keys\n    time default-time\n", "    time default-time\n    keys\n");
    uk(folder.path(), ["plan"]).run().fails(1, &["UK0320", "UK0320"]);
}

#[test]
fn an_entry_of_another_crate_is_named() {
    let folder = Folder::example("hello");
    folder.edit("unikernel.kdl", "hello::start", "helo::start");
    let said = uk(folder.path(), ["plan"]).run().fails(1, &["UK0208"]);
    assert!(said.contains("entry=\"hello::start\""), "{said}");
}
