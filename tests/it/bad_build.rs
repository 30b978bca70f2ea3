//! A crate at fault: what the build says, and that no artifact is made.

use crate::support::{Folder, Ran, uk};

/// The build fails with these codes and leaves no artifact.
#[track_caller]
fn fails(folder: &Folder, options: &[&str], codes: &[&str], parts: &[&str]) -> String {
    let ran: Ran = uk(folder.path(), ["build"].iter().chain(options)).run();
    let said = ran.fails(1, codes);
    for part in parts {
        assert!(said.contains(part), "`{part}` in:\n{said}");
    }
    assert!(!folder.join("dist").exists(), "no artifact");
    said
}

/// The whole log that a failed build names; it must hold `text`.
#[track_caller]
fn log_holds(said: &str, text: &str) {
    let (_, path) = said.split_once("the whole log is in `").unwrap_or_else(|| panic!("no log: {said}"));
    let (path, _) = path.split_once('`').expect("the path ends");
    let log = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("`{path}`: {error}"));
    assert!(log.contains(text), "`{text}` in the log:\n{log}");
}

#[test]
fn wrong_code_shows_the_compilers_error_with_its_place() {
    let folder = Folder::example("hello-key");
    folder.edit(
        "src/lib.rs",
        "        time.sleep(Duration::from_secs(1)",
        "        time.sleep(Duration::from_secs(\"1\")",
    );
    let line = folder.read("src/lib.rs").lines().position(|l| l.contains("\"1\"")).expect("it is there") + 1;
    let place = format!("--> src/lib.rs:{line}:40");
    let parts = [
        "`hello-key 0.1.0` doesn't compile",
        "error[E0308]: mismatched types",
        &place,
        "expected `u64`, found `&str`",
    ];
    let said = fails(&folder, &[], &["UK0601"], &parts);
    log_holds(&said, "error[E0308]");
    // The same again, since a failure isn't cached.
    fails(&folder, &[], &["UK0601"], &parts);
    folder.edit("src/lib.rs", "\"1\"", "1");
    uk(folder.path(), ["build"]).run().ok();
}

#[test]
fn a_failing_build_script_is_named_with_its_words_and_its_log() {
    let folder = Folder::example("hello-key");
    folder.write(
        "build.rs",
        "fn main() {\n    println!(\"on standard output\");\n    eprintln!(\"no such luck\");\n    std::process::exit(3);\n}\n",
    );
    let parts = ["the build script of `hello-key 0.1.0` failed: exit status: 3", "no such luck"];
    let said = fails(&folder, &[], &["UK0602"], &parts);
    log_holds(&said, "no such luck");
}

#[test]
fn a_build_script_that_lacks_a_variable_is_told_which_there_are() {
    let folder = Folder::example("hello-key");
    for text in [
        "std::env::var(\"HOME\").unwrap();",
        "eprintln!(\"{}\", std::env::var(\"HOME\").unwrap_err());\n panic!();",
    ] {
        folder.write("build.rs", &format!("fn main() {{\n    {text}\n}}\n"));
        fails(&folder, &[], &["UK0602"], &["help: a build script is given the variables that cargo sets"]);
    }
}

#[test]
fn warnings_of_a_build_script_are_shown_and_explain_its_failure() {
    let folder = Folder::example("hello-key");
    let script = |end: &str| {
        let text = format!(
            "fn main() {{\n    println!(\"cargo::warning=x.c:1: no such {}\");\n    println!(\"it said more\");\n    {end}\n}}\n",
            crate::support::token()
        );
        folder.write("build.rs", &text);
    };
    script("");
    let ran = uk(folder.path(), ["build"]).run().ok();
    assert!(ran.stderr.contains("warning: the build script of `hello-key 0.1.0`: x.c:1: no such "), "{ran}");
    uk(folder.path(), ["clean"]).run().ok();
    script("panic!(\"give up\");");
    let said = fails(&folder, &[], &["UK0602"], &["it warned:", "x.c:1: no such ", "give up"]);
    log_holds(&said, "it said more");
}

#[test]
fn of_much_that_a_step_printed_the_first_and_the_last_lines_are_shown() {
    let folder = Folder::example("hello-key");
    let script = |deed: &str| {
        let text = format!("// {}\nfn main() {{\n    {deed}\n}}\n", crate::support::token());
        folder.write("build.rs", &text);
    };
    let hundred = |what: &str, end: &str| script(&format!("for n in 0..100 {{ {what} }}\n    {end}"));
    hundred("eprintln!(\"line {n}.\");", "panic!(\"the cause\");");
    let said =
        fails(&folder, &[], &["UK0602"], &["line 0.\n", "lines left out ...\n", "line 99.\n", "the cause"]);
    assert!(!said.contains("line 50."), "{said}");
    log_holds(&said, "line 50.");
    // Warnings of one that fails, never ends, or goes well.
    let warn = "println!(\"cargo::warning=warned {n}.\");";
    let parts = ["warned 0.\n", "... 41 lines left out ...\n", "warned 99.\n"];
    let endless = "loop { std::thread::sleep(std::time::Duration::from_secs(1)) }";
    // Long enough for a compiler on a busy machine, which is under the same limit.
    for (end, options) in [("std::process::exit(3);", &[][..]), (endless, &["--timeout", "20"])] {
        hundred(warn, end);
        let code = if options.is_empty() { "UK0602" } else { "UK0624" };
        let said = fails(&folder, options, &[code], &parts);
        assert!(!said.contains("warned 50."), "{said}");
        log_holds(&said, "warned 50.");
    }
    hundred(warn, "");
    let said = uk(folder.path(), ["build"]).run().ok().stderr;
    parts.iter().for_each(|part| assert!(said.contains(&part[..part.len() - 1]), "`{part}` in:\n{said}"));
    assert!(!said.contains("warned 50.") && said.contains("all that it printed is in `"), "{said}");
}

#[test]
fn a_build_script_says_why_it_fails() {
    let folder = Folder::example("hello-key");
    for end in ["std::process::exit(3);", ""] {
        let (old, none) = (crate::support::token(), crate::support::token());
        folder.write(
            "build.rs",
            &format!(
                "fn main() {{\n    println!(\"cargo::warning={old}\");\n    println!(\"cargo::error={none}\");\n    \
                 println!(\"cargo::error=install it\");\n    {end}\n}}\n"
            ),
        );
        let message = format!("the build script of `hello-key 0.1.0` failed: {none}");
        let said = fails(&folder, &[], &["UK0602"], &[&message, "install it"]);
        for once in [&old, &none] {
            assert!(said.matches(once.as_str()).count() <= 1, "{said}");
        }
    }
}

#[test]
fn a_build_script_that_does_not_compile_shows_the_compilers_error() {
    let folder = Folder::example("hello-key");
    folder.write("build.rs", "fn main() {\n    let x: u32 = \"\";\n}\n");
    fails(&folder, &[], &["UK0601"], &["error[E0308]", "--> build.rs:2:18"]);
}

/// As [`fails`], before anything is built or written.
#[track_caller]
fn never_starts(folder: &Folder, codes: &[&str], parts: &[&str]) {
    let before = folder.listing();
    for options in [&[][..], &["--target", "virtio"]] {
        fails(folder, options, codes, parts);
        assert_eq!(folder.listing(), before);
    }
}

#[test]
fn a_job_that_gives_too_little_never_starts_a_build() {
    let folder = Folder::example("hello-key");
    folder.edit("unikernel.kdl", "    time default-time\n", "");
    let parts =
        ["takes 2 arguments, and the job gives 1", "[unikernel.kdl:5:", "help: add a line `time DEVICE`"];
    never_starts(&folder, &["UK0319"], &parts);
}

#[test]
fn a_job_that_gives_too_much_never_starts_a_build() {
    let folder = Folder::example("hello-key");
    folder.edit(
        "unikernel.kdl",
        "    time default-time\n",
        "    time default-time\n    extra default-time as=time\n",
    );
    let parts = ["takes 2 arguments, and the job gives 3", "extra default-time as=time", "[unikernel.kdl:5:"];
    never_starts(&folder, &["UK0319"], &parts);
}

#[test]
fn a_device_where_another_is_wanted_never_starts_a_build() {
    let folder = Folder::example("hello-key");
    folder.edit("unikernel.kdl", "    keys\n    time default-time\n", "    time default-time\n    keys\n");
    never_starts(&folder, &["UK0320", "UK0320"], &["argument 1", "argument 2", "[unikernel.kdl:", "help: "]);
}

#[test]
fn an_entry_that_only_the_compiler_can_read_shows_the_manifests_line() {
    let folder = Folder::example("hello-key");
    folder.edit("src/lib.rs", "pub async fn start", "made! { pub async fn start");
    folder.edit("src/lib.rs", "    Ok(())\n}\n", "    Ok(())\n} }\n");
    folder.edit(
        "src/lib.rs",
        "uk_device::keys!();",
        "uk_device::keys!();\n\n#[macro_export]\nmacro_rules! made {\n    ($($tokens:tt)*) => { $($tokens)* };\n}",
    );
    uk(folder.path(), ["build"]).run().ok();
    uk(folder.path(), ["clean"]).run().ok();
    folder.edit("unikernel.kdl", "    time default-time\n", "");
    let parts =
        ["argument #2 is missing", "job main entry=\"hello_key::start\"", "[unikernel.kdl:5:16]", "help: "];
    fails(&folder, &[], &["UK0604"], &parts);
    fails(&folder, &["--target", "virtio"], &["UK0604"], &parts);
}

#[test]
fn a_device_that_lacks_what_the_entry_asks_for_shows_the_manifests_line() {
    let folder = Folder::example("hello-key");
    folder.edit("src/lib.rs", "time: impl Time", "time: impl Time + core::fmt::Display");
    let said = fails(&folder, &[], &["UK0604"], &["Display", "[unikernel.kdl:", "help: "]);
    assert!(said.contains("time default-time"), "the line that gives it: {said}");
}

#[test]
fn an_entry_that_is_not_there_shows_the_manifests_line() {
    let folder = Folder::example("hello-key");
    folder.edit("unikernel.kdl", "hello_key::start", "hello_key::begin");
    let parts = [
        "cannot find function `begin`",
        "[unikernel.kdl:5:16]",
        "`hello_key` has no public function `begin`: write it",
    ];
    fails(&folder, &[], &["UK0604"], &parts);
    folder.edit("unikernel.kdl", "hello_key::begin", "hello_key::strat");
    fails(&folder, &[], &["UK0604"], &["has no public function `strat`", "did you mean `start`?"]);
    // What is there and isn't public.
    folder.edit("unikernel.kdl", "hello_key::strat", "hello_key::start");
    folder.edit("src/lib.rs", "pub async fn start", "async fn start");
    fails(&folder, &[], &["UK0604"], &["write `pub` before the function `start`"]);
    let source = folder.read("src/lib.rs");
    folder.edit("unikernel.kdl", "hello_key::start", "hello_key::Main::go");
    for (more, what) in [
        ("struct Main; impl Main { pub async fn go(_: Keys, _: impl Time) {} }", "struct `Main`"),
        ("pub struct Main; impl Main { async fn go(_: Keys, _: impl Time) {} }", "associated function `go`"),
    ] {
        folder.write("src/lib.rs", &format!("{source}\n{more}\n"));
        fails(&folder, &[], &["UK0604"], &[&format!("write `pub` before the {what}")]);
    }
}

#[test]
fn an_entry_that_returns_what_it_may_not_is_told_what_it_may() {
    let folder = Folder::example("hello-key");
    for wrong in ["Result<(), u8>", "u8"] {
        let source = "#![no_std]\nuse uk_device::Time;\nuk_device::keys!();\n/// Starts.\n\
                      pub async fn start(_: Keys, _: impl Time) -> WRONG { todo!() }\n";
        folder.write("src/lib.rs", &source.replace("WRONG", wrong));
        let said =
            fails(&folder, &[], &["UK0604"], &["let the function return `uk_device::Result`, or nothing"]);
        assert!(!said.contains("help: help:") && !said.contains("the job's lines"), "{said}");
    }
}

#[test]
fn a_stale_lock_file_is_refused_under_locked() {
    let folder = Folder::example("hello-key");
    uk(folder.path(), ["plan"]).run().ok();
    let lock = folder.read("unikernel.lock");
    folder.edit("Cargo.toml", "log =", "scopeguard = \"1\"\nlog =");
    let parts = [
        "`unikernel.lock` doesn't fit `Cargo.toml`",
        "it doesn't say that `hello-key 0.1.0` needs `scopeguard`",
        "help: ",
        "without `--locked`",
    ];
    fails(&folder, &["--locked"], &["UK0402"], &parts);
    assert_eq!(folder.read("unikernel.lock"), lock, "it is as it was");
    uk(folder.path(), ["build"]).run().ok();
    uk(folder.path(), ["build", "--locked"]).run().ok();
}

#[test]
fn a_missing_lock_file_is_refused_under_locked_and_nothing_is_written() {
    let folder = Folder::example("hello-key");
    let _ = std::fs::remove_file(folder.join("unikernel.lock"));
    let before = folder.listing();
    fails(&folder, &["--locked"], &["UK0402"], &["there is no `unikernel.lock`"]);
    assert_eq!(folder.listing(), before);
}

/// An application with a lock file that names a crate of the registry.
fn locked() -> Folder {
    let folder = Folder::example("hello-key");
    folder.edit("Cargo.toml", "log =", "scopeguard = \"1\"\nlog =");
    uk(folder.path(), ["plan"]).run().ok();
    folder
}

#[test]
fn a_crate_whose_checksum_differs_is_refused() {
    let folder = locked();
    let lock = folder.read("unikernel.lock");
    let (_, package) = lock.split_once("name = \"scopeguard\"").expect("it is locked");
    let (_, checksum) = package.split_once("checksum = \"").expect("it has one");
    let checksum = &checksum[..64];
    let other = checksum.chars().rev().collect::<String>();
    folder.edit("unikernel.lock", checksum, &other);
    for options in [&[][..], &["--locked"], &["--offline"]] {
        let parts =
            ["`scopeguard 1.2.0` isn't the crate that", "unikernel.lock", "checksum differs", "help: "];
        fails(&folder, options, &["UK0409"], &parts);
    }
    assert!(folder.read("unikernel.lock").contains(&other), "it is as it was");
    folder.edit("unikernel.lock", &other, checksum);
    uk(folder.path(), ["plan", "--locked"]).run().ok();
}

#[test]
fn a_lock_file_that_names_what_there_is_not_is_refused() {
    let folder = locked();
    folder.edit("unikernel.lock", "version = \"1.2.0\"", "version = \"1.2.77\"");
    fails(&folder, &["--locked"], &["UK0402"], &["names `scopeguard 1.2.77`", "help: "]);
}

#[test]
fn a_requirement_that_no_version_fits_is_named_whatever_is_locked() {
    let folder = locked();
    folder.edit("Cargo.toml", "scopeguard = \"1\"", "scopeguard = \"=99.0\"");
    let lock = folder.read("unikernel.lock");
    let parts = [
        "no version of `scopeguard` that is on this machine fits `scopeguard = \"=99.0\"`, which `hello-key 0.1.0` asks for",
        "candidate versions found",
        "help: leave `--offline` out, so that others are looked for; or ask for another version in `Cargo.toml`",
    ];
    for options in [&["--offline"][..], &["--offline", "--locked"]] {
        fails(&folder, options, &["UK0401"], &parts);
    }
    let said = uk(folder.path(), ["plan", "--offline"]).run().fails(1, &["UK0401"]);
    assert!(!said.contains("unikernel.lock") && !said.contains("uk-root"), "{said}");
    assert_eq!(folder.read("unikernel.lock"), lock, "it is as it was");
}

#[test]
fn crates_that_offline_keeps_from_being_fetched_are_told_so() {
    let (folder, home) = (Folder::example("hello-key"), Folder::empty());
    let ran = uk(folder.path(), ["build", "--offline"]).env("CARGO_HOME", home.path()).run();
    let said = ran.fails(1, &["UK0401"]);
    assert!(said.contains("help: run it once without `--offline`"), "{said}");
    assert!(!said.contains("uk-root") && !said.contains("As a reminder"), "{said}");
}

#[test]
fn what_cargo_warned_of_before_its_error_is_left_out() {
    let folder = Folder::example("hello-key");
    folder.edit("Cargo.toml", "edition = \"2024\"", "edition = \"2024\"\nrust-version = \"1.999\"");
    fails(&folder, &[], &["UK0401"], &["hello-key@0.1.0 requires rustc 1.999"]);
    let said = uk(folder.path(), ["plan"]).run().fails(1, &["UK0401"]);
    assert!(!said.contains("warning: "), "{said}");
}

#[test]
fn a_lock_file_that_is_none_is_refused() {
    let folder = locked();
    let lock = folder.read("unikernel.lock");
    for (bad, part) in [
        (format!("<<<<<<< HEAD\n{lock}"), "TOML parse error at line 1"),
        (lock.replace("version = 4", "version = 99"), "lock file version `99`"),
    ] {
        folder.write("unikernel.lock", &bad);
        fails(&folder, &[], &["UK0410"], &["unikernel.lock` can't be read", part, "help: "]);
        assert_eq!(folder.read("unikernel.lock"), bad, "it is as it was");
    }
}

#[test]
fn a_copy_of_the_sdk_is_refused() {
    for version in ["0.1.0", "0.1.99"] {
        let folder = Folder::example("hello-key");
        let theirs = Folder::empty();
        crate::support::copy(&crate::support::repository().join("devices"), &theirs.join("devices"));
        theirs.edit(
            "devices/interface/Cargo.toml",
            "name = \"uk-device\"\nversion = \"0.1.0\"",
            &format!("name = \"uk-device\"\nversion = \"{version}\""),
        );
        let copy = theirs.join("devices/interface");
        folder.edit("Cargo.toml", "uk-device = \"0.1\"", &format!("uk-device = {{ path = {copy:?} }}"));
        let before = folder.listing();
        let place = format!(" is at `{}", theirs.join("devices").display());
        let parts = ["a copy of the SDK of its own", &place, "help: ", "`uk-device = \"0.1.0\"`"];
        fails(&folder, &[], &["UK0403"], &parts);
        assert_eq!(folder.listing(), before);
    }
}

#[test]
fn a_crate_that_does_not_exist_is_cargos_to_tell() {
    let folder = Folder::application("friend = { path = \"gone\" }", "#![no_std]\n");
    let before = folder.listing();
    fails(&folder, &[], &["UK0401"], &["gone", "help: "]);
    assert_eq!(folder.listing(), before);
}

#[test]
fn a_manifest_without_a_crate_beside_it_is_told_so() {
    let folder = Folder::empty();
    folder.write("unikernel.kdl", "unikernel app\njob main entry=\"app::start\"\n");
    fails(&folder, &[], &["UK0401"], &["there is no `Cargo.toml` beside", "help: "]);
    assert_eq!(folder.listing(), ["unikernel.kdl"]);
}

#[test]
fn keep_going_builds_what_does_not_depend_on_the_fault() {
    let folder = Folder::workspace();
    folder.edit("examples/hello/src/lib.rs", "log::info!(\"hello\")", "log::inform!(\"hello\")");
    let value = crate::support::token();
    folder.edit(
        "examples/noop/src/lib.rs",
        "pub async fn start() {}",
        &format!("pub async fn start() {{\n    // {value}\n}}"),
    );
    let ran = uk(folder.path(), ["build", "--keep-going", "-j", "1"]).run();
    assert_eq!(ran.codes(), ["UK0601"], "{ran}");
    assert!(ran.did("compile noop 0.1.0"), "{ran}");
    ran.ends(1);
}
