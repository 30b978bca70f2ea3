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

#[test]
fn a_library_that_is_missing_is_named_with_the_crate_that_asked_for_it() {
    for (asks, by) in [
        (
            "println!(\"cargo::rustc-link-lib=dylib=missing-one\");",
            ", which the build script of `hello 0.1.0` asks for",
        ),
        ("", ""),
    ] {
        let folder = with_script(asks);
        if asks.is_empty() {
            let text = folder.read("src/lib.rs");
            let link = "#[link(name = \"missing-one\")]\nunsafe extern \"C\" {}\n";
            folder.write("src/lib.rs", &format!("{text}\n{link}"));
        }
        for target in ["unix", "virtio"] {
            let said = build(&folder, &["--target", target]).fails(1, &["UK0601"]);
            let first = format!("there is no library `missing-one` to link{by}\n");
            assert!(said.contains(&first) && said.contains("help: "), "{said}");
            assert!(said.lines().all(|line| line.len() < 300), "the linker's whole line: {said}");
            let words = |said: &str| {
                said.contains("unable to find library -lmissing-one")
                    || said.contains("cannot find -lmissing-one")
            };
            assert!(words(&said), "{said}");
            // The linker's whole words are in its log, as a compiler prints them.
            let log = uk(folder.path(), ["log", "hello", "--target", target]).run().ok().stdout;
            assert!(
                words(&log) && log.contains("\n  = note:  \"") && !log.contains("$message_type"),
                "{log}"
            );
        }
    }
}
