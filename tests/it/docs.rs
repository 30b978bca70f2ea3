//! Every command in the READMEs does what they say.

use std::process::Command;

use crate::support::run::program;
use crate::support::{Folder, MICROVM, can_run, repository, shared_store};

/// The lines of the `sh` blocks of a text, a block each, without comments.
fn blocks(text: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let mut block: Option<Vec<String>> = None;
    for line in text.lines() {
        match (&mut block, line) {
            (None, "```sh") => block = Some(Vec::new()),
            (Some(_), "```") => all.extend(block.take()),
            (Some(lines), line) => lines.push(line.split("  #").next().unwrap_or(line).trim().to_owned()),
            (None, _) => {}
        }
    }
    all
}

#[test]
fn every_command_of_the_readme_works() {
    if !can_run(MICROVM) {
        return;
    }
    let ran = run_all(&readme("README.md"));
    assert!(ran >= 9, "only {ran} commands were found");
}

#[test]
fn every_example_is_listed_and_what_is_to_be_typed_works() {
    if !can_run(MICROVM) {
        return;
    }
    let text = readme("examples/README.md");
    for example in std::fs::read_dir(repository().join("examples")).expect("it is there") {
        let example = example.expect("it can be listed");
        let name = example.file_name().into_string().expect("it is text");
        let listed = text.contains(&format!("`{name}`")) || text.contains(&format!("`{name}/"));
        assert!(listed || !example.path().is_dir(), "`{name}` isn't listed");
    }
    assert_eq!(run_all(&text), 4);
}

fn readme(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).expect("there is one")
}

/// Runs the commands of a text, and tells how many there are.
fn run_all(text: &str) -> usize {
    let folder = Folder::workspace();
    let mut ran = 0;
    for block in blocks(text) {
        // The second block says: in any folder that holds a manifest.
        let at_top = block.iter().any(|line| line.contains("examples/"));
        let place = if at_top { folder.path().to_owned() } else { folder.join("examples/hello") };
        for line in block {
            if let Some(task) = line.strip_prefix("cargo xtask ") {
                let usage =
                    std::fs::read_to_string(repository().join("xtask/src/main.rs")).expect("there is one");
                assert!(usage.contains(&format!("[\"{task}\"]")), "xtask has no `{task}`");
                continue;
            }
            let uk = env!("CARGO_BIN_EXE_uk");
            let line = line.replace("cargo run --release --", "uk");
            let mut shell = Command::new("sh");
            shell.args(["-euc", &format!("uk() {{ '{uk}' \"$@\"; }}\n{line}")]);
            shell.current_dir(&place).env("UK_STORE", shared_store());
            program(shell).ok();
            ran += 1;
        }
    }
    ran
}
