//! A machine that can't do what is asked: a store that can't be written or is full, a program that is missing.

use std::fs;
use std::path::Path;

use crate::support::{Folder, MICROVM, Ran, Uk, can_run, token, uk};

/// Runs the command after `mount` in a mount namespace of its own. Without the right to do so it says so and gives
/// nothing; where `UK_REQUIRE_TARGETS` is set, as in CI, that is a failure.
fn mounted(command: Uk, mount: &str) -> Option<Ran> {
    // Root needs no namespace of users to mount in.
    let namespace: &[&str] = if rustix::process::geteuid().is_root() { &["-m"] } else { &["-r", "-m"] };
    let may = std::process::Command::new("unshare").args(namespace).arg("true").output();
    let may = may.is_ok_and(|o| o.status.success());
    if !may {
        assert!(
            std::env::var_os("UK_REQUIRE_TARGETS").is_none(),
            "file systems can't be mounted here: run as root, or allow user namespaces"
        );
        use std::io::Write;
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        let _ = writeln!(
            std::io::stderr(),
            "NOT RUN: {test}: it takes root or user namespaces to mount file systems"
        );
        return None;
    }
    let script = format!("set -e; {mount}; exec \"$@\"");
    let words = [namespace, &["--propagation", "private", "sh", "-c", &script, "sh"]].concat();
    Some(command.through("unshare", &words).run())
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}

#[test]
fn a_store_that_can_only_be_read_serves_what_it_has() {
    let (folder, store) = (Folder::example("hello"), Folder::empty());
    uk(folder.path(), ["build"]).store(store.path()).run().ok();
    let clone = Folder::copy(folder.path());
    let place = quoted(store.path());
    let read_only = format!("mount --bind {place} {place}; mount -o remount,ro,bind {place}");
    let build = |folder: &Folder| uk(folder.path(), ["build"]).store(store.path());
    let Some(ran) = mounted(build(&clone), &read_only) else { return };
    assert_eq!(ran.ok().counts().0, 0);
    assert!(clone.join("dist/hello").is_file());

    clone.edit("src/lib.rs", "info!(\"hello\")", "info!(\"hello, hello\")");
    let artifact = clone.bytes("dist/hello");
    let Some(ran) = mounted(build(&clone), &read_only) else { return };
    let said = ran.fails(1, &["UK0501"]);
    assert!(said.contains("Read-only file system") && said.contains("UK_STORE"), "{said}");
    assert_eq!(clone.bytes("dist/hello"), artifact, "the artifact is as it was");
}

#[test]
fn a_store_that_cannot_be_made_is_named_and_nothing_is_written() {
    let (folder, place) = (Folder::example("hello"), Folder::empty());
    let before = folder.listing();
    let mount = format!("mount -t tmpfs -o ro none {}", quoted(place.path()));
    let build = uk(folder.path(), ["build"]).store(&place.join("store"));
    let Some(ran) = mounted(build, &mount) else { return };
    let said = ran.fails(1, &["UK0501"]);
    let named = format!("`{}`", place.join("store").display());
    assert!(said.contains(&named) && said.contains("help: "), "{said}");
    assert_eq!(folder.listing(), before);
}

#[test]
fn a_store_that_is_a_file_or_somebody_elses_folder_is_refused() {
    let (folder, place) = (Folder::example("hello"), Folder::empty());
    let before = folder.listing();
    place.write("file", "");
    let named = format!("`{}`: that is a file, not a folder", place.join("file").display());
    for store in ["file", "file/store"] {
        let said = uk(folder.path(), ["build"]).store(&place.join(store)).run().fails(1, &["UK0501"]);
        assert!(said.contains(&named) && said.contains("help: set `UK_STORE` to a folder"), "{said}");
    }
    place.write("theirs/file", "");
    let said = uk(folder.path(), ["build"]).store(&place.join("theirs")).run().fails(1, &["UK0504"]);
    assert!(said.contains("isn't a store") && said.contains("help: "), "{said}");
    assert_eq!(place.listing(), ["file", "theirs/", "theirs/file"]);
    assert_eq!(folder.listing(), before);
}

#[test]
fn a_full_store_is_named_and_once_there_is_room_the_build_goes_on() {
    let (folder, place) = (Folder::example("hello"), Folder::empty());
    let mount = format!("mount -t tmpfs -o size=8M none {}", quoted(place.path()));
    let store = place.join("store");
    // The second build has the same file system, with more room.
    let script = "set +e; \"$@\"; echo \"first $?\"; ls dist; mount -o remount,size=512M PLACE; \"$@\"; echo \"second $?\"; exit 0";
    let script = format!("{mount}; {}", script.replace("PLACE", &quoted(place.path())));
    let Some(ran) = mounted(uk(folder.path(), ["build"]).store(&store), &script) else { return };
    let ran = ran.ok();
    assert!(ran.stdout.contains("first 1\n") && ran.stdout.contains("second 0\n"), "{ran}");
    assert_eq!(ran.stdout.lines().count(), 2, "no artifact of the first: {ran}");
    assert_eq!(ran.codes(), ["UK0502"], "{ran}");
    assert!(
        ran.stderr.contains("no space is left")
            && ran.stderr.contains("help: ")
            && ran.stderr.contains("make room"),
        "{ran}"
    );
    assert!(folder.join("dist/hello").is_file());
}

#[test]
fn a_folder_that_can_only_be_read_is_named() {
    let (folder, store) = (Folder::example("hello"), Folder::empty());
    let before = folder.listing();
    let place = quoted(folder.path());
    let mount = format!("mount --bind {place} {place}; mount -o remount,ro,bind {place}");
    let Some(ran) = mounted(uk(folder.path(), ["build"]).store(store.path()), &mount) else { return };
    let said = ran.fails(1, &["UK0506"]);
    let named = folder.path().display().to_string();
    assert!(said.contains(&named) && said.contains("help: "), "{said}");
    assert_eq!(folder.listing(), before);
}

#[test]
fn a_missing_qemu_is_named_with_its_package() {
    let folder = Folder::example("noop");
    uk(folder.path(), ["build", "--target", "virtio"]).run().ok();
    // A PATH with the toolchain's programs, and nothing else.
    let tools = Folder::empty();
    for name in ["rustc", "cargo", "cc"] {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).map(|f| f.join(name)).find(|p| p.is_file());
        let found = found.unwrap_or_else(|| panic!("no `{name}`"));
        std::os::unix::fs::symlink(found, tools.join(name)).expect("links can be made");
    }
    let ran = uk(folder.path(), ["run", "--target", "virtio"]).env("PATH", tools.path()).run();
    let said = ran.fails(125, &["UK0701"]);
    assert!(
        said.contains("`qemu-system-x86_64`") && said.contains("apt-get install qemu-system-x86"),
        "{said}"
    );
}

#[test]
fn a_toolchain_that_is_missing_is_told_so() {
    let folder = Folder::example("noop");
    let before = folder.listing();
    let nothing = Folder::empty();
    let said = uk(folder.path(), ["build"]).env("PATH", nothing.path()).run().fails(1, &["UK0404"]);
    assert!(said.contains("there is no `rustc`") && said.contains("https://rustup.rs"), "{said}");
    assert_eq!(folder.listing(), before);
}

#[test]
fn a_compiler_that_fails_without_a_word_is_told_with_how_it_ended() {
    let folder = Folder::example("noop");
    let said = uk(folder.path(), ["build"]).env("RUSTC", "/bin/false").run().fails(1, &["UK0404"]);
    assert!(said.contains("it ended with exit status: 1 and said nothing\n"), "{said}");
}

#[test]
fn a_config_of_cargo_that_is_at_fault_is_pointed_at() {
    let folder = Folder::example("noop");
    for config in ["[build]\nrustflags = [\"--frob\"]\n", "[build\n"] {
        folder.write(".cargo/config.toml", config);
        let said = uk(folder.path(), ["build"]).run().fails(1, &["UK0401"]);
        assert!(said.contains("help: look at `.cargo/config.toml`"), "{said}");
    }
}

#[test]
fn print_shows_a_command_that_runs_the_guest() {
    if !can_run(MICROVM) {
        return;
    }
    let folder = Folder::deeds();
    let text = token();
    let words = ["run", "--print", "--target", "virtio", "--", "--text", &format!("two words {text}")];
    let ran = uk(folder.path(), words).run().ok();
    assert_eq!(ran.stdout.lines().count(), 1, "{ran}");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", ran.stdout.trim_end()]).current_dir(folder.path());
    let ran = crate::support::run::program(shell);
    assert!(ran.stdout.contains(&format!("two words {text}")), "{ran}");
}

#[test]
fn an_object_that_was_lost_is_made_again() {
    let (folder, store) = (Folder::example("noop"), Folder::empty());
    uk(folder.path(), ["build"]).store(store.path()).run().ok();
    let artifact = folder.bytes("dist/noop");
    uk(folder.path(), ["clean"]).run().ok();
    fs::remove_dir_all(store.join("cas")).expect("it is there");
    uk(folder.path(), ["build"]).store(store.path()).run().ok();
    assert_eq!(folder.bytes("dist/noop"), artifact);
}

#[test]
fn a_qemu_that_ends_before_its_guest_is_told_so() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, tools) = (Folder::example("noop"), Folder::empty());
    uk(folder.path(), ["build", "--target", "virtio"]).run().ok();
    let path = format!("{}:{}", tools.path().display(), std::env::var("PATH").expect("there is one"));
    for (script, how) in [("exit 3", "exit status: 3"), ("kill -9 $$", "signal: 9")] {
        tools.write("qemu-system-x86_64", &format!("#!/bin/sh\n{script}\n"));
        let program = tools.join("qemu-system-x86_64");
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("modes can be set");
        let words = ["run", "-t", "virtio", "--memory", "256", "--", "a word"];
        let said = uk(folder.path(), words).env("PATH", &path).run().fails(125, &["UK0702"]);
        let help = "`uk run -t virtio --memory 256 --print -- 'a word'` shows";
        assert!(said.contains(how) && said.contains(help), "{said}");
    }
    let left: Vec<_> = folder.listing().into_iter().filter(|path| path.contains("report")).collect();
    assert_eq!(left, [""; 0]);
}

/// What a guest reports reaches `uk run` although `uk clean` removes the file that it is in.
#[test]
fn a_clean_beside_a_running_guest_takes_nothing_from_its_end() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, tools) = (Folder::example("noop"), Folder::empty());
    uk(folder.path(), ["build", "--target", "virtio"]).run().ok();
    let path = format!("{}:{}", tools.path().display(), std::env::var("PATH").expect("there is one"));
    let open = "for word; do case \"$word\" in *id=report*) exec 3> \"${word##*path=}\";; esac; done";
    let script = format!("#!/bin/sh\n{open}\n{} clean\necho exit 7 >&3\n", env!("CARGO_BIN_EXE_uk"));
    tools.write("qemu-system-x86_64", &script);
    let program = tools.join("qemu-system-x86_64");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("modes can be set");
    let ran = uk(folder.path(), ["run", "--target", "virtio"]).env("PATH", &path).run().ends(7);
    assert!(ran.codes().is_empty() && !folder.join(".uk").exists(), "{ran}");
}

#[test]
fn what_a_command_prints_where_it_can_not_be_written_is_an_error_and_a_reader_that_left_is_none() {
    let folder = Folder::example("hello");
    let commands: [&[&str]; 10] = [
        &["plan"],
        &["plan", "--format", "json"],
        &["plan", "--diff=last"],
        &["keys"],
        &["devices"],
        &["why", "link hello"],
        &["explain"],
        &["store", "stats"],
        &["completions", "bash"],
        &["--help"],
    ];
    for command in commands {
        let full = uk(folder.path(), command).through("sh", &["-c", "exec \"$0\" \"$@\" > /dev/full"]);
        let said = full.run().fails(1, &["UK0506"]);
        assert!(said.contains("can't write to standard output: No space left"), "{command:?}: {said}");
        // Only when the reader has surely gone.
        let left = "trap '' PIPE; { while printf x 2> /dev/null; do :; done; \"$0\" \"$@\"; echo code $? >&2; } | true";
        let ran = uk(folder.path(), command).through("sh", &["-c", left]).run();
        assert_eq!(ran.stderr, "code 0\n", "{command:?}");
    }
}
