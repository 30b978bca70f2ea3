//! `uk store`: looking after the store from the command line.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

use crate::support::{Folder, Ran, uk};

fn store(words: &[&str], store: &Path) -> Ran {
    uk(store.parent().expect("it is in a folder"), ["store"].iter().chain(words)).store(store).run()
}

fn json(ran: Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("it is readable").path());
    let mut all = Vec::new();
    for path in entries {
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

/// Turns a bit in the middle of a file.
fn flip(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mut bytes = fs::read(path).expect("it is there");
    let at = bytes.len() / 2;
    let Some(byte) = bytes.get_mut(at) else { return };
    *byte ^= 0x10;
    let before = fs::metadata(path).expect("it is there").permissions();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("modes can be set");
    fs::write(path, bytes).expect("it can be written");
    fs::set_permissions(path, before).expect("modes can be set");
}

#[test]
fn gc_keeps_what_a_dist_needs_until_the_project_is_cleaned() {
    let (folder, place) = (Folder::example("hello"), Folder::empty());
    let at = place.join("store");
    let build = || uk(folder.path(), ["build"]).store(&at).run().ok();
    build();
    let dry = json(store(&["gc", "--dry-run", "--format", "json"], &at).ok());
    let removed = json(store(&["gc", "--format", "json"], &at).ok());
    assert_eq!((&dry["removed"], &dry["kept"]), (&removed["removed"], &removed["kept"]));
    assert!(removed["kept"]["records"].as_u64() > Some(10) && removed["roots"] == 1, "{removed}");
    assert_eq!(build().counts().0, 0, "everything that the artifact needs is there");
    // Also where keys change and what is made doesn't.
    folder.edit("Cargo.toml", "[package]", "# edited\n[package]");
    assert!(build().did("compile hello"));
    folder.edit("Cargo.toml", "# edited\n[package]", "[package]");
    assert_eq!(build().counts().0, 0);
    store(&["gc"], &at).ok();
    assert_eq!(build().counts().0, 0, "what it was made by last is kept");
    // An edit compiles one crate: libraries were kept, too.
    folder.edit("src/lib.rs", "info!(\"hello\")", "info!(\"hello, hello\")");
    let compiled = build().executed().into_iter().filter(|done| done.starts_with("compile")).count();
    assert_eq!(compiled, 1);
    let ran = store(&["gc", "--max-size", "1K"], &at).ok();
    assert!(ran.stdout.contains("that is more than 1.0 KiB: what is in a `dist/` is kept"), "{ran}");

    uk(folder.path(), ["clean"]).store(&at).run().ok();
    let ran = store(&["gc", "--max-size", "1T"], &at).ok();
    assert!(ran.stdout.contains("no root any more") && ran.stdout.contains("removed 0 records"), "{ran}");
    assert!(!ran.stdout.contains("more than"), "{ran}");
    assert!(build().counts().0 < 3, "as much as fits was kept");
    uk(folder.path(), ["clean"]).store(&at).run().ok();
    let ran = store(&["gc", "--keep-days", "1"], &at).ok();
    assert!(ran.stdout.contains("removed 0 records"), "{ran}");
    let removed = json(store(&["gc", "--format", "json"], &at).ok());
    assert_eq!(removed["kept"]["objects"], 0, "{removed}");
    assert!(build().counts().0 > 10);
    let stats = json(store(&["stats", "--format", "json"], &at).ok());
    assert!(stats["total_bytes"].as_u64() > Some(1 << 20), "{stats}");
    let shown = store(&["stats"], &at).ok();
    assert!(shown.stdout.contains("objects") && shown.stdout.contains("MiB"), "{shown}");
}

#[test]
fn a_bit_flipped_anywhere_is_found_and_the_next_build_repairs_it() {
    let (folder, place) = (Folder::example("noop"), Folder::empty());
    let at = place.join("store");
    let build = || uk(folder.path(), ["build"]).store(&at).run().ok();
    build();
    let (first, second) = (folder.bytes("dist/noop"), folder.bytes("dist/noop.debug"));
    let sound = store(&["verify"], &at).ok();
    assert!(sound.stdout.contains("all sound"), "{sound}");
    // Everything that has a name or a checksum, at once.
    let folders = ["cas", "ac", "recent", "memo", "roots", "sdk"];
    let damaged: Vec<PathBuf> = folders.iter().flat_map(|folder| files(&at.join(folder))).collect();
    damaged.iter().for_each(|path| flip(path));
    let sdk = files(&at.join("sdk")).len();
    uk(folder.path(), ["clean"]).store(&at).run().ok();

    // Nothing damaged is served, found before or not.
    let untouched = Folder::copy(folder.path());
    let verified = json(store(&["verify", "--format", "json"], &at).ends(1));
    let findings = verified["findings"].as_array().expect("a list").len();
    // Each file of the SDK is a part of one finding; the mode and time of an object say nothing when its content is wrong.
    assert!(findings > damaged.len() - sdk - 2, "{findings} of {}: {verified}", damaged.len());
    uk(untouched.path(), ["build"]).store(&at).run().ok();
    assert!(untouched.bytes("dist/noop") == first && untouched.bytes("dist/noop.debug") == second);
    let again = store(&["verify"], &at).ok();
    assert!(again.stdout.contains("all sound"), "{again}");
}

/// A disk that fails is worth a word, of the build that meets it first.
#[test]
fn damaged_objects_are_told_of_once_and_are_why_steps_run() {
    let (folder, place) = (Folder::example("noop"), Folder::empty());
    let at = place.join("store");
    let build = || uk(folder.path(), ["build", "--explain"]).store(&at).run();
    build().ok();
    let made = folder.bytes("dist/noop");
    files(&at.join("cas")).iter().for_each(|path| flip(path));
    fs::remove_file(folder.join("dist/noop")).expect("it is there");
    let said = build().fails(1, &["UK0503"]);
    assert!(said.contains("is damaged") && said.contains("`uk store verify`"), "{said}");
    let ran = build().ok();
    assert_eq!(ran.codes(), ["UK0503"], "{ran}");
    let number = ran.counts().0;
    for said in [" objects of the store were damaged", "the disk may be failing"] {
        assert_eq!(ran.stderr.matches(said).count(), 1, "{ran}");
    }
    assert_eq!(ran.stderr.matches(" made was found damaged or incomplete").count(), number, "{ran}");
    assert!(folder.bytes("dist/noop") == made);
    assert_eq!(build().ok().codes(), [""; 0]);
}

/// Records that were damaged: what has to be typed is said, and helps.
#[test]
fn damaged_records_are_made_again_and_only_whole_artifacts_are_exported() {
    let (folder, place) = (Folder::example("noop"), Folder::empty());
    let at = place.join("store");
    let build = || uk(folder.path(), ["build"]).store(&at).run().ok();
    let with_key = |words: &[&str], to: &str| {
        let script = format!("exec \"$0\" \"$@\" > '{}'", place.join(to).display());
        let ran = uk(folder.path(), ["store"].iter().chain(words)).store(&at);
        ran.env("XDG_CONFIG_HOME", place.path()).through("sh", &["-c", &script]).run()
    };
    build();
    with_key(&["key"], "key").ok();
    let whole = with_key(&["export", "dist/noop"], "whole").ok().stderr;

    files(&at.join("ac")).iter().for_each(|path| flip(path));
    let said = with_key(&["export", "dist/noop"], "none").fails(1, &["UK0515"]);
    assert!(said.contains("`compile noop 0.1.0`") && said.contains("help: `uk store verify`"), "{said}");
    assert_eq!(fs::metadata(place.join("none")).expect("the shell makes it").len(), 0);
    store(&["verify"], &at).ends(1);
    let said = store(&["gc"], &at).fails(1, &["UK0515"]);
    assert!(said.contains(&format!("`noop` of `{}`", folder.path().display())), "{said}");
    assert!(build().counts().0 > 5, "they are made again");
    let counts = |said: &str| said.split(", ").take(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(counts(&with_key(&["export", "dist/noop"], "again").ok().stderr), counts(&whole));
    let removed = json(store(&["gc", "--dry-run", "--format", "json"], &at).ok());
    assert_eq!((&removed["removed"]["records"], &removed["roots"]), (&0.into(), &1.into()), "{removed}");
}

#[test]
fn folders_that_are_no_store_are_refused_by_name() {
    let place = Folder::empty();
    place.write("theirs/file", "");
    place.write("newer/FORMAT", "uk-store 2\n");
    place.write("newer/cas/00/file", "");
    for words in [&["stats"][..], &["verify"], &["gc"], &["gc", "--dry-run"]] {
        for (name, code) in [("none", "UK0501"), ("theirs", "UK0504"), ("newer", "UK0505")] {
            let said = store(words, &place.join(name)).fails(1, &[code]);
            assert!(
                said.contains(&place.join(name).display().to_string()) && said.contains("help: "),
                "{said}"
            );
        }
    }
    assert_eq!(
        place.listing(),
        [
            "newer/",
            "newer/FORMAT",
            "newer/cas/",
            "newer/cas/00/",
            "newer/cas/00/file",
            "theirs/",
            "theirs/file"
        ]
    );
    let said = store(&["gc", "--max-size", "much"], &place.join("none"));
    assert!(said.status.code() == Some(2) && said.stderr.contains("isn't a size"), "{said}");
}

#[test]
fn what_was_imported_from_another_store_is_not_built() {
    let (folder, place) = (Folder::example("hello"), Folder::empty());
    let (here, there) = (place.join("here"), place.join("there"));
    uk(folder.path(), ["build", "--target", "unix", "--target", "virtio"]).store(&here).run().ok();
    let with_keys = |words: &[&str], at: &Path, config: &str| {
        let words = ["store"].iter().chain(words);
        uk(folder.path(), words).store(at).env("XDG_CONFIG_HOME", place.join(config)).run()
    };
    let said = with_keys(&["export", "dist/hello"], &here, "mine").fails(1, &["UK0514"]);
    assert!(said.contains("uk store key"), "{said}");
    let key = with_keys(&["key"], &here, "mine").ok().stdout.trim_end().to_owned();
    assert_eq!(with_keys(&["key"], &here, "mine").ok().stdout.trim_end(), key, "it is made once");

    // Archives are no text, so a shell puts them where they belong.
    let export = |artifact: &str, to: &str| {
        let script = format!("exec \"$0\" \"$@\" > '{}'", place.join(to).display());
        let words = ["store", "export", artifact];
        let config = place.join("mine");
        uk(folder.path(), words)
            .store(&here)
            .env("XDG_CONFIG_HOME", config)
            .through("sh", &["-c", &script])
            .run()
            .ok();
        place.join(to).display().to_string()
    };
    let archive = export("dist/hello", "hello.uka");
    let said = with_keys(&["import", &archive], &there, "theirs").fails(1, &["UK0507"]);
    assert!(said.contains(&format!("--trust {key}")) && said.contains("theirs/uk/trusted-keys"), "{said}");
    with_keys(&["import", &archive, "--trust", "nobody"], &there, "theirs").fails(1, &["UK0514"]);
    with_keys(&["import", &archive, "--trust", &key, "--max-size", "1M"], &there, "theirs")
        .fails(1, &["UK0510"]);
    let ran = with_keys(&["import", &archive, "--trust", &key], &there, "theirs").ok();
    assert!(ran.stderr.contains("imported hello, made by uk "), "{ran}");

    let clone = Folder::copy(folder.path());
    let built = uk(clone.path(), ["build"]).store(&there).run().ok();
    assert_eq!(built.counts().0, 0, "{built}");
    assert!(clone.bytes("dist/hello") == folder.bytes("dist/hello"));
    // The other target is another artifact; trusted by the list this time.
    place.write("theirs/uk/trusted-keys", &format!("{key} the one who builds\n"));
    let archive = export("dist/hello.virtio.debug", "virtio.uka");
    with_keys(&["import", &archive], &there, "theirs").ok();
    let built = uk(clone.path(), ["build", "--target", "virtio"]).store(&there).run().ok();
    assert_eq!(built.counts().0, 0, "{built}");
    assert!(clone.bytes("dist/hello.virtio") == folder.bytes("dist/hello.virtio"));

    folder.write("dist/hello", "edited");
    with_keys(&["export", "dist/hello"], &here, "mine").fails(1, &["UK0513"]);
    with_keys(&["export", "src/lib.rs"], &here, "mine").fails(1, &["UK0513"]);
}

#[test]
fn where_archives_come_from_and_go_to_is_told() {
    let place = Folder::empty();
    let (at, other) = (place.join("store"), place.join("other"));
    place.write("store/FORMAT", "uk-store 1\n");
    let import = |file: &str| store(&["import", file], &at).fails(1, &["UK0516"]);
    let said = import("hello.uka");
    assert!(
        said.contains("the archive `hello.uka`: No such file") && said.contains("help: name a file"),
        "{said}"
    );
    assert!(import("/").contains("the archive `/`: Is a directory"));

    // A terminal of one's own.
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal can be had");
    grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("it may be opened");
    let name = ptsname(&terminal, Vec::new()).expect("it has a name");
    let script = format!("exec \"$0\" \"$@\" > '{}'", name.to_str().expect("text"));
    let export = uk(place.path(), ["store", "export", "dist/a b"]).store(&at).through("sh", &["-c", &script]);
    let said = export.run().fails(1, &["UK0506"]);
    assert!(said.contains("`uk store export 'dist/a b' > 'a b.uka'`"), "{said}");

    // A damaged marker: what helps is said.
    place.write("other/FORMAT", "uk-stare 1\n");
    let said = store(&["stats"], &other).fails(1, &["UK0504"]);
    assert!(said.contains("other/FORMAT` isn't that of a store") && said.contains("remove it"), "{said}");
}

/// Sixteen builds of four projects and a collection now and then, all at one store that has nothing yet.
#[test]
fn sixteen_processes_at_one_store_while_garbage_is_collected() {
    let place = Folder::empty();
    let at = place.join("store");
    // The SDK is there, so that there is a store to collect.
    uk(Folder::example("noop").path(), ["build"]).store(&at).run().ok();
    let projects: Vec<Folder> =
        ["hello", "hello-key", "noop", "hello"].into_iter().cycle().take(16).map(Folder::example).collect();
    let builds: Vec<_> =
        projects.iter().map(|folder| uk(folder.path(), ["build"]).store(&at).start()).collect();
    for _ in 0..12 {
        store(&["gc"], &at).ok();
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    builds.into_iter().for_each(|build| drop(build.wait().ok()));
    for (folder, name) in projects.iter().zip(["hello", "hello-key", "noop", "hello"].into_iter().cycle()) {
        let same = projects.iter().find(|other| other.path().ends_with(name)).expect("there is one");
        assert!(folder.bytes(&format!("dist/{name}")) == same.bytes(&format!("dist/{name}")), "{name}");
    }
    store(&["gc"], &at).ok();
    assert!(store(&["verify"], &at).ok().stdout.contains("all sound"));
    for folder in &projects[..4] {
        assert_eq!(uk(folder.path(), ["build"]).store(&at).run().ok().counts().0, 0);
    }
}

/// As after a clock was put back: every file is from a time that is still to come.
#[test]
fn files_from_the_future_hide_no_edit_and_count_as_new() {
    let (folder, place) = (Folder::example("hello"), Folder::empty());
    let at = place.join("store");
    uk(folder.path(), ["build"]).store(&at).run().ok();
    let future = std::time::SystemTime::now() + std::time::Duration::from_secs(40 * 365 * 86_400);
    let to_the_future = |folder: &Path| {
        for path in files(folder) {
            // Links lead to the store, which has its turn.
            if fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
                let times = fs::FileTimes::new().set_modified(future);
                let file = fs::File::open(&path).expect("it is there");
                file.set_times(times).expect("times can be set");
            }
        }
    };
    to_the_future(&folder.join("src"));
    to_the_future(&folder.join(".uk"));
    ["ac", "why", "recent", "memo", "roots"].iter().for_each(|part| to_the_future(&at.join(part)));
    let build = || uk(folder.path(), ["build"]).store(&at).run().ok();
    assert_eq!(build().executed().iter().filter(|done| done.starts_with("compile")).count(), 0);
    let before = folder.bytes("dist/hello");
    folder.edit("src/lib.rs", "info!(\"hello\")", "info!(\"hallo\")");
    assert!(build().did("compile hello"));
    assert!(folder.bytes("dist/hello") != before, "an edit of today counts");
    let ran = store(&["gc", "--keep-days", "1"], &at).ok();
    assert!(ran.stdout.contains("removed 0 records"), "{ran}");
    assert_eq!(build().counts().0, 0);
}

#[test]
fn a_damaged_sdk_is_never_compiled() {
    let (folder, place) = (Folder::example("noop"), Folder::empty());
    let at = place.join("store");
    let build = |class: &str| uk(folder.path(), ["build"]).store(&at).env("UK_SANDBOX", class).run();
    build("").ok();
    let honest = folder.bytes("dist/noop");
    for class in ["", "folder"] {
        for folder in ["ac", "recent"] {
            fs::remove_dir_all(at.join(folder)).expect("it is there");
        }
        let ids = fs::read_dir(at.join("sdk")).expect("it is there");
        let sdk = ids.map(|id| id.expect("it can be listed").path()).next().expect("one SDK");
        flip(&sdk.join("devices/interface/src/lib.rs"));
        let said = build(class).fails(1, &["UK0503"]);
        assert!(said.contains(&format!("`{}` in the store is damaged", sdk.display())), "{said}");
        assert!(folder.bytes("dist/noop") == honest && !sdk.exists(), "it was moved away");
        assert!(build(class).ok().counts().0 > 0);
        assert!(folder.bytes("dist/noop") == honest, "made of what the SDK is");
    }
    store(&["verify"], &at).ok();
}
