//! Hooks make files beside the manifest once, and never take away what somebody has written into them.

use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use serde_json::Value;

use crate::support::{Folder, Ran, token, uk};

/// `hello` with these hooks.
pub fn hello(hooks: &str) -> Folder {
    let folder = Folder::example("hello");
    let manifest = folder.read("unikernel.kdl");
    folder.write("unikernel.kdl", &format!("{manifest}\n{hooks}\n"));
    folder
}

pub fn build(folder: &Folder, args: &[&str]) -> Ran {
    uk(folder.path(), ["build"].iter().chain(args)).run().ok()
}

fn write_at(path: &Path, bytes: &[u8], at: u64) {
    let file = std::fs::OpenOptions::new().write(true).open(path).expect("it can be opened");
    file.write_at(bytes, at).expect("it can be written");
}

pub const IMAGE: &str = "hook disk-image {\n    image \"disks/disk.img\" sectors=100000\n}";

#[test]
fn an_image_is_made_once_and_then_belongs_to_the_user() {
    let folder = hello(IMAGE);
    let ran = build(&folder, &["--target", "unix", "--target", "virtio"]);
    let image = folder.join("disks/disk.img");
    let made = image.metadata().expect("it was made");
    assert_eq!((made.len(), made.blocks()), (51_200_000, 0), "sparse");
    let said = ran.stderr.lines().filter(|l| l.starts_with("made ") && l.ends_with("disks/disk.img"));
    assert_eq!(said.count(), 1, "once for both targets: {ran}");

    // A guest writes into it: nothing is built, and nothing is lost.
    write_at(&image, b"state", 512);
    let ran = build(&folder, &[]);
    assert_eq!(ran.counts().0, 0, "{ran}");
    assert!(!ran.stderr.contains("made "), "{ran}");
    assert_eq!(&folder.bytes("disks/disk.img")[512..517], b"state");

    // Grown by hand, another size in the manifest: kept.
    std::fs::OpenOptions::new()
        .write(true)
        .open(&image)
        .and_then(|f| f.set_len(60_000_000))
        .expect("it can grow");
    let ran = build(&folder, &[]);
    assert!(!ran.stderr.contains("UK0609"), "{ran}");
    folder.edit("unikernel.kdl", "sectors=100000", "sectors=200000");
    let ran = build(&folder, &[]);
    assert!(ran.stderr.contains("UK0609") && ran.stderr.contains("60000000 bytes"), "{ran}");
    assert_eq!(image.metadata().expect("it is there").len(), 60_000_000);

    // Anew only when the user says so.
    build(&folder, &["--fresh"]);
    let made = image.metadata().expect("it was made");
    assert_eq!((made.len(), made.blocks()), (102_400_000, 0));
}

#[test]
fn clean_takes_back_what_hooks_made_and_leaves_what_was_edited() {
    let folder = hello(&format!(
        "{IMAGE}\nhook files {{\n    copy \"template.cfg\" \"etc/server.cfg\"\n    mkdir \"shared/deep\"\n}}"
    ));
    folder.write("template.cfg", "port 80\n");
    let mut before = folder.listing();
    before.push("unikernel.lock".to_owned());
    before.sort();
    before.dedup();
    build(&folder, &[]);
    assert_eq!(folder.read("etc/server.cfg"), "port 80\n");
    let ran = uk(folder.path(), ["clean"]).run().ok();
    assert_eq!(folder.listing(), before, "{ran}");

    build(&folder, &[]);
    write_at(&folder.join("disks/disk.img"), b"x", 0);
    folder.write("etc/server.cfg", "port 81\n");
    folder.write("shared/deep/mine", "mine");
    let ran = uk(folder.path(), ["clean"]).run().ok();
    for kept in ["disks/disk.img", "etc/server.cfg"] {
        let said =
            ran.stderr.lines().any(|l| l.starts_with("kept ") && l.contains(kept) && l.contains("--force"));
        assert!(said && folder.join(kept).exists(), "{kept}: {ran}");
    }
    assert_eq!(folder.read("shared/deep/mine"), "mine");
    assert!(!folder.join("dist").exists(), "{ran}");
    // It is still known whose they are.
    uk(folder.path(), ["clean", "--force"]).run().ok();
    assert!(
        !folder.join("disks").exists()
            && !folder.join("etc").exists()
            && !folder.join(".uk/made.json").exists()
    );
    assert_eq!(folder.read("shared/deep/mine"), "mine");
}

#[test]
fn a_hook_that_fails_half_way_leaves_nothing_behind() {
    let folder = hello(
        "hook files {\n    mkdir \"a/b\"\n    image \"c/disk.img\" sectors=8\n    copy \"gone\" \"e\"\n}",
    );
    let before = folder.listing();
    let ran = uk(folder.path(), ["build"]).run();
    assert!(!ran.status.success() && ran.stderr.contains("UK0406") && ran.stderr.contains("gone"), "{ran}");
    assert_eq!(folder.listing(), before, "{ran}");

    for (step, column) in [("run \"./gone\" { output a; }", 9), ("run cp { input gone; output a; }", 20)] {
        let folder = hello(&format!("hook files {{\n    {step}\n}}"));
        let said = uk(folder.path(), ["build"]).run().fails(1, &["UK0406"]);
        let place = format!(":{column}]");
        assert!(said.contains(&place) && said.contains("help: a hook's files must be there"), "{said}");
    }

    // The last step fails when the others are in their places.
    let folder = hello(
        "hook files {\n    mkdir \"a/b\"\n    image \"c/disk.img\" sectors=8\n    image \"f/disk.img\" sectors=8\n}",
    );
    folder.write("f", "no folder");
    let ran = uk(folder.path(), ["build"]).run();
    let said = ran.fails(1, &["UK0608"]);
    assert!(
        said.contains("`f/disk.img`: `f` is no folder") && said.contains("help: move it away (`mv f f.old`)"),
        "{said}"
    );
    let left = |path: &str| folder.join(path).exists();
    assert!(!left("a") && !left("c") && !left(".uk/staging"), "{:?}", folder.listing());
    assert_eq!(folder.read("f"), "no folder");
    std::fs::remove_file(folder.join("f")).expect("it is there");
    build(&folder, &[]);
    assert!(left("a/b") && left("c/disk.img") && left("f/disk.img"));

    // What a failing command replaced is brought back.
    write_at(&folder.join("c/disk.img"), b"mine", 0);
    let edited = std::fs::read(folder.join("c/disk.img")).expect("it is there");
    std::fs::remove_dir_all(folder.join("f")).expect("it is there");
    folder.write("f", "no folder");
    let ran = uk(folder.path(), ["build", "--fresh"]).run();
    let said = ran.fails(1, &["UK0608"]);
    assert!(
        said.contains(
            "help: `--fresh` makes all files of hooks anew, and nothing else: move it away (`mv f f.old`)"
        ),
        "{said}"
    );
    assert_eq!(std::fs::read(folder.join("c/disk.img")).expect("it is there"), edited, "{said}");
}

/// Where the record can't be written, all is as it was, whatever had been replaced by then.
#[test]
fn a_record_that_cannot_be_written_leaves_all_as_it_was() {
    let hooks = "hook files {\n    image \"disk.img\" sectors=8\n    run \"tools/make\" { tool mkdir; output \"site/\"; }\n}";
    let script = |folder: &Folder, names: &str| {
        let text =
            format!("#!/bin/sh\nmkdir -p site\nfor name in {names}; do echo $name > site/$name; done\n");
        folder.write("tools/make", &text);
        let rights = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.join("tools/make"), rights).expect("rights can be changed");
    };
    let folder = hello(hooks);
    script(&folder, "a b");
    build(&folder, &[]);
    write_at(&folder.join("disk.img"), b"mine", 0);
    // The image is made anew, and the folder has another file: as a program has made it elsewhere.
    let other = hello(hooks);
    script(&other, "a c");
    build(&other, &[]);
    script(&folder, "a c");
    let (mut before, mut behind) = (0, 0);
    // A try keeps what it has room to learn, so that those behind it have fewer steps before those of the record.
    for step in (1..).flat_map(|most| std::iter::once(most).chain(1..most)) {
        let full = format!("full:{step}");
        let record = || std::fs::metadata(folder.join(".uk/made.json")).expect("it is there").ino();
        let old = record();
        let ran = uk(folder.path(), ["build", "--fresh"]).env("UK_STORE_FAULT", full).run();
        if ran.status.success() {
            break;
        }
        // Written before the files are put in their places, and again behind that. Other tests use the store, too, and may give
        // this build something else to write first.
        if ran.stderr.contains("made.json") {
            *(if record() == old { &mut before } else { &mut behind }) += 1;
        }
        assert_eq!(&folder.bytes("disk.img")[..4], b"mine", "{step}: {ran}");
        assert!(folder.join("site/b").exists() && !folder.join("site/c").exists(), "{step}: {ran}");
    }
    assert!(before > 0 && behind > 0, "{before} before, {behind} behind");
    assert!(!folder.join("site/b").exists() && folder.join("site/c").exists());
    assert_eq!(&folder.bytes("disk.img")[..4], [0; 4]);
}

#[test]
fn the_plan_shows_what_hooks_make() {
    let folder = hello(IMAGE);
    let state = |folder: &Folder| -> Value {
        let plan = uk(folder.path(), ["plan", "--format", "json"]).run().ok();
        let plan: Value = serde_json::from_str(&plan.stdout).expect("it is JSON");
        plan["unikernels"][0]["hooks"][0].clone()
    };
    let before = state(&folder);
    assert_eq!(before["path"], "disks/disk.img");
    assert_eq!((&before["state"], &before["size"]), (&"to make".into(), &51_200_000.into()));
    assert!(!folder.join("disks").exists(), "a plan makes nothing");
    build(&folder, &[]);
    assert_eq!(state(&folder)["state"], "there");
}

/// A script that makes a file and a folder of its input, and a hook before it that copies what it makes.
pub fn with_program() -> Folder {
    let token = token();
    let hooks = "hook publish {\n    run cp \"--suffix=TOKEN\" \"out/words\" copied {\n        input \"out/words\"\n        output copied\n    }\n    \
         copy \"out/words\" \"etc/words\"\n}\n\
         hook words {\n    run \"tools/split\" words.txt out {\n        input words.txt\n        tool sort\n        tool mkdir\n        \
         output \"out/words\"\n        output \"site/\"\n    }\n}";
    let folder = hello(&hooks.replace("TOKEN", &token));
    folder.write("words.txt", "b\na\n");
    let split = format!(
        "#!/bin/sh\n# {token}\nset -e\nsort \"$1\" > \"$2/words\"\nmkdir -p site/deep\nwhile read word; do echo \"$word\" > \"site/deep/$word\"; done < \"$1\"\n",
    );
    folder.write("tools/split", &split);
    let program = folder.join("tools/split");
    let rights = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(program, rights).expect("rights can be changed");
    folder
}

#[test]
fn a_program_runs_once_for_its_inputs_and_its_outputs_are_put_in_place() {
    let folder = with_program();
    let plan = uk(folder.path(), ["plan"]).run().ok();
    assert!(plan.stdout.contains("hook words = run for out/words (to make)"), "{plan}");
    let ran = build(&folder, &["--target", "unix", "--target", "virtio"]);
    assert_eq!(ran.executed().iter().filter(|line| *line == "hook words").count(), 1, "{ran}");
    for path in ["out/words", "copied", "etc/words"] {
        assert_eq!(folder.read(path), "a\nb\n", "{path}");
    }
    assert_eq!((folder.read("site/deep/a"), folder.read("site/deep/b")), ("a\n".into(), "b\n".into()));
    assert_eq!(build(&folder, &[]).counts().0, 0);

    // Another input: what is made of it follows, but for what was edited.
    folder.write("copied", "mine\n");
    folder.write("site/mine", "mine\n");
    folder.write("words.txt", "c\na\n");
    let ran = build(&folder, &[]);
    assert!(ran.did("hook words") && ran.did("hook publish"), "{ran}");
    assert_eq!((folder.read("out/words"), folder.read("copied")), ("a\nc\n".into(), "mine\n".into()));
    assert!(ran.stderr.contains("UK0609") && ran.stderr.contains("copied"), "{ran}");
    assert!(!folder.join("site/deep/b").exists() && folder.read("site/deep/c") == "c\n", "{ran}");
    build(&folder, &["--fresh"]);
    assert_eq!(folder.read("copied"), "a\nc\n");
    // Taken away, it comes back without running anything.
    std::fs::remove_file(folder.join("out/words")).expect("it is there");
    assert_eq!(build(&folder, &[]).counts().0, 0);
    assert_eq!(folder.read("out/words"), "a\nc\n");

    uk(folder.path(), ["clean"]).run().ok();
    let left: Vec<String> = folder
        .listing()
        .into_iter()
        .filter(|path| ["out", "site", "copied", "etc"].iter().any(|made| path.starts_with(made)))
        .collect();
    assert_eq!(left, ["site/", "site/mine"]);
}

#[test]
fn a_program_that_fails_leaves_nothing_behind() {
    let folder = with_program();
    let before = folder.listing();
    let refused = |program: &str, code: &str, parts: &[&str]| {
        folder.write("tools/split", program);
        let said = uk(folder.path(), ["build"]).run().fails(1, &[code]);
        let always = ["the hook `words` failed: its program `tools/split`", "[unikernel.kdl:", "this step"];
        for part in parts.iter().chain(&always).chain(&["nothing was put beside the manifest"]) {
            assert!(said.contains(part), "`{part}`: {said}");
        }
        let left: Vec<String> =
            folder.listing().into_iter().filter(|path| !path.starts_with(".uk")).collect();
        assert_eq!(left, before, "{said}");
        said
    };
    let said = refused(
        "#!/bin/sh\necho half > \"$2/words\"\necho no luck >&2\nexit 3\n",
        "UK0601",
        &["ended with exit code 3", "no luck", "all that it printed is in `"],
    );
    let log = said.split("all that it printed is in `").nth(1).and_then(|rest| rest.split('`').next());
    let log = log.expect("it is named").split_whitespace().collect::<String>();
    let log: String = log.chars().filter(|c| *c != '│').collect();
    assert_eq!(std::fs::read_to_string(log).expect("it is there"), "no luck\n");
    let long = "#!/bin/sh\ni=0\nwhile [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done\nexit 1\n";
    let said = refused(long, "UK0601", &["line 29\n... 141 lines left out ...\nline 171\n", "line 199"]);
    assert!(said.contains("line 0\n"), "{said}");
    refused("#!/bin/sh\nkill -9 $$\n", "UK0601", &["signal 9 (SIGKILL)"]);
    refused("#!/bin/sh\nexit 0\n", "UK0605", &["its output `out/words` wasn't made", "help: "]);
    refused(
        "#!/bin/sh\nmkdir -p out/words\n",
        "UK0605",
        &["`out/words` isn't a file", "`output \"out/words/\"`"],
    );
    // What its step doesn't declare.
    refused("#!/bin/sh\nhead -1 words.txt > out/words\n", "UK0621", &["add `tool head`"]);
    folder.write("more.txt", "");
    folder.write("tools/split", "#!/bin/sh\nset -e\nread line < more.txt\n");
    let said = uk(folder.path(), ["build"]).run().fails(1, &["UK0621"]);
    assert!(said.contains("add `input \"more.txt\"`"), "{said}");

    folder.edit("unikernel.kdl", "tool sort", "tool no-such-tool");
    let ran = uk(folder.path(), ["build"]).run();
    assert!(
        !ran.status.success() && ran.stderr.contains("UK0608") && ran.stderr.contains("no-such-tool"),
        "{ran}"
    );
}

#[test]
fn a_script_whose_interpreter_is_missing_is_told_as_such() {
    let folder = with_program();
    for (line, program) in [("#!/no/such/sh -e", "/no/such/sh"), ("#!/usr/bin/env no-such", "no-such")] {
        folder.write("tools/split", &format!("{line}\n"));
        let said = uk(folder.path(), ["build"]).run().fails(1, &["UK0608"]);
        let told = format!(
            "there is no program `{program}` on this machine, which the first line of `tools/split` names to run it"
        );
        assert!(said.contains(&told) && said.contains("help: install it, or name another there"), "{said}");
    }
}

/// What a hook reads is none of the application's sources, unless that is compiled from it or says that it reads it.
#[test]
fn what_a_hook_reads_compiles_nothing() {
    let folder = with_program();
    build(&folder, &[]);
    folder.write("words.txt", &format!("{}\n", token()));
    folder.edit("tools/split", "set -e", &format!("set -e # {}", token()));
    let ran = build(&folder, &[]);
    assert!(ran.did("hook words") && !ran.did("compile") && !ran.did("link"), "{ran}");

    // The application reads it, too.
    let source = folder.read("src/lib.rs");
    let reading = |path: &str| format!("{source}\npub const WORDS: &str = include_str!(\"../{path}\");\n");
    let refused = |codes: &[&str], parts: &[&str]| {
        let said = uk(folder.path(), ["build"]).run().fails(1, codes);
        for part in parts {
            assert!(said.contains(part), "`{part}`: {said}");
        }
    };
    folder.write("src/lib.rs", &reading("words.txt"));
    refused(&["UK0621"], &["`words.txt` is there for a hook", "`include \"words.txt\"` in the manifest"]);
    let manifest = folder.read("unikernel.kdl");
    folder.write("unikernel.kdl", &format!("{manifest}\ninclude words.txt \"out/*\"\n"));
    build(&folder, &[]);
    folder.write("words.txt", &format!("{}\n", token()));
    let ran = build(&folder, &[]);
    assert!(ran.did("compile hello"), "{ran}");
    folder.write("src/lib.rs", &reading("out/words"));
    refused(
        &["UK0412", "UK0621"],
        &["no file fits `out/*`", "what hooks make", "`out/words` is made by a hook", "build.rs"],
    );

    // A hook that reads the application's own sources takes none of them away.
    folder.write("src/lib.rs", &source);
    folder.edit(
        "unikernel.kdl",
        "input words.txt\n",
        "input words.txt\n        input src\n        input Cargo.toml\n",
    );
    build(&folder, &[]);
    folder.write("src/lib.rs", &format!("{source}\n// {}\n", token()));
    let ran = build(&folder, &[]);
    assert!(ran.did("hook words") && ran.did("compile hello"), "{ran}");
}

#[test]
fn a_hook_makes_nothing_where_the_application_is_compiled_from() {
    for step in ["image \"src/disk.img\" sectors=8", "run cp a b { output \"src/table.rs\"; }", "mkdir src"] {
        let folder = hello(&format!("hook files {{\n    {step}\n}}"));
        let said = uk(folder.path(), ["build"]).run().fails(1, &["UK0213"]);
        assert!(said.contains("no source of the application") && said.contains("outside of `src`"), "{said}");
    }
    // Together with whatever else is wrong with hooks.
    let folder = hello(
        "hook files {\n    image \"src/disk.img\" sectors=8\n    image \"dist/x\" sectors=8\n    copy a a\n}\nhook more { mkdir \"../x\"; }",
    );
    let codes = ["UK0213", "UK0213", "UK0213", "UK0212"];
    let said = uk(folder.path(), ["build"]).run().fails(1, &codes);
    assert!(said.contains("outside of `src`") && said.contains("`dist/x` can't be made by a hook"), "{said}");
}
