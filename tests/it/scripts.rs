//! What build scripts print and ask for, and what the user learns of it.

use crate::support::{Folder, Ran, token, uk};

/// `hello` with a build script that does this.
fn with_script(deed: &str) -> Folder {
    let folder = Folder::example("hello");
    folder.write("build.rs", &format!("// {}\nfn main() {{\n    {deed}\n}}\n", token()));
    folder
}

fn build(folder: &Folder, options: &[&str]) -> Ran {
    uk(folder.path(), ["build"].iter().chain(options)).run()
}

#[test]
fn the_log_of_a_build_script_has_both_its_streams_however_it_ended() {
    for (end, code) in [
        ("", None),
        ("std::process::exit(3);", Some("UK0602")),
        ("std::fs::write(\"build.rs\", \"\").unwrap();", Some("UK0622")),
    ] {
        let folder =
            with_script(&format!("println!(\"the one\");\n    eprintln!(\"the other\");\n    {end}"));
        let ran = build(&folder, &[]);
        assert_eq!(ran.codes(), code.iter().copied().collect::<Vec<_>>(), "{ran}");
        let log = uk(folder.path(), ["log", "run-script hello"]).run().ok();
        assert!(log.stdout.contains("the one\n") && log.stdout.contains("the other\n"), "{end}: {log}");
    }
}

#[test]
fn a_build_that_fails_shows_what_its_build_scripts_warned_of() {
    let folder = with_script("println!(\"cargo::warning=beware\");");
    folder.write("src/lib.rs", "no rust at all");
    let said = build(&folder, &[]).fails(1, &["UK0601"]);
    assert_eq!(said.matches("warning: the build script of `hello 0.1.0`: beware\n").count(), 1, "{said}");
    // Also where the script is at fault itself, however often its words are read.
    let folder =
        with_script("println!(\"cargo::warning=beware\");\n    println!(\"cargo::error=no such luck\");");
    for _ in 0..2 {
        let said = build(&folder, &[]).fails(1, &["UK0602"]);
        assert_eq!(said.matches("warning: the build script of `hello 0.1.0`: beware\n").count(), 1, "{said}");
    }
}

#[test]
fn everything_that_is_wrong_with_a_build_scripts_words_is_told_apart_from_advice() {
    let folder = with_script("println!(\"cargo::frob=1\");\n    println!(\"cargo::error=no such luck\");");
    let said = build(&folder, &[]).fails(1, &["UK0602"]);
    assert!(said.contains("`cargo::frob=1` isn't a directive that cargo knows"), "{said}");
    assert!(said.contains("\nno such luck\n") && !said.contains("help: no such luck"), "{said}");
}
