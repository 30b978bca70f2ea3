//! The same sources make the same bytes, whoever builds them, where and when.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::hermetic::has;
use crate::support::{Folder, uk};

/// Where cargo keeps what it has downloaded.
fn cargo_home() -> PathBuf {
    std::env::var_os("CARGO_HOME").map(PathBuf::from).unwrap_or_else(|| home().join(".cargo"))
}

fn home() -> PathBuf {
    std::env::home_dir().expect("every user has one")
}

/// Another user's home: nothing in it but the downloads that the first build has made, as archives.
fn other_home() -> Folder {
    let home = Folder::empty();
    let ours = cargo_home();
    for file in ["config.toml", "config"] {
        if ours.join(file).exists() {
            home.write(&format!(".cargo/{file}"), "");
            std::fs::copy(ours.join(file), home.join(".cargo").join(file)).expect("files can be copied");
        }
    }
    std::fs::create_dir_all(home.join(".cargo/registry")).expect("folders can be made");
    for part in ["index", "cache"] {
        let link = home.join(".cargo/registry").join(part);
        std::os::unix::fs::symlink(ours.join("registry").join(part), link).expect("links can be made");
    }
    home
}

/// Builds the workspace for every target through a shell with another umask, and gives the artifacts of all examples.
fn build(
    folder: &Folder,
    store: &Path,
    home: &Folder,
    zone: &str,
    locale: &str,
    umask: &str,
    jobs: &str,
) -> BTreeMap<String, Vec<u8>> {
    let rustup = std::env::var_os("RUSTUP_HOME").map_or_else(|| self::home().join(".rustup"), PathBuf::from);
    let script = format!("umask {umask}; exec \"$@\"");
    uk(folder.path(), ["build", "-j", jobs, "--target", "unix", "--target", "virtio"])
        .store(store)
        .env("HOME", home.path())
        .env("CARGO_HOME", home.join(".cargo"))
        .env("RUSTUP_HOME", rustup)
        .env("TZ", zone)
        .env("LC_ALL", locale)
        .env("USER", zone)
        .through("sh", &["-c", &script, "sh"])
        .run()
        .ok();
    let made = folder.listing().into_iter().filter(|path| path.contains("/dist/") && !path.ends_with('/'));
    made.map(|path| (path.clone(), folder.bytes(&path))).collect()
}

#[test]
fn two_users_two_folders_two_stores_one_job_and_two_make_the_same_bytes_of_every_example() {
    let one = Folder::workspace();
    // Resolves and downloads, so that the builds themselves need no network.
    uk(one.path(), ["plan", "--target", "unix", "--target", "virtio"]).run().ok();
    let elsewhere = Folder::empty();
    let deep = elsewhere.join("a folder, deeper/and with a longer name/all examples");
    crate::support::copy(one.path(), &deep);
    let two = Folder::copy(&deep);
    let stores = [Folder::empty(), Folder::empty()];
    let homes = [other_home(), other_home()];
    let a = build(&one, stores[0].path(), &homes[0], "UTC", "C", "022", "1");
    let b =
        build(&two, &stores[1].join("nested/store"), &homes[1], "Pacific/Auckland", "C.UTF-8", "077", "2");
    assert!(a.len() > 30, "two targets, each with its debug file: {:?}", a.keys());
    assert!(a.keys().eq(b.keys()), "{:?} and {:?}", a.keys(), b.keys());
    for (name, bytes) in &a {
        assert!(*bytes == b[name], "{name} differs");
        for path in [one.path(), two.path(), stores[0].path(), homes[0].path()] {
            let path = path.as_os_str().as_encoded_bytes();
            assert!(
                !bytes.windows(path.len()).any(|part| part == path),
                "{name} holds a path of the builder"
            );
        }
    }
}

#[test]
fn check_builds_everything_twice() {
    let (folder, store) = (Folder::example("hello"), Folder::empty());
    let ran = uk(folder.path(), ["build", "--check"]).store(store.path()).run().ok();
    let compared = ran.stderr.lines().find_map(|line| line.strip_suffix(" nodes came out the same twice"));
    let compared: usize = compared.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{ran}"));
    assert!(compared > 10, "{ran}");
    let before = store.listing();
    let again = uk(folder.path(), ["build"]).store(store.path()).run().ok();
    assert_eq!(again.counts().0, 0, "what was checked is known: {again}");
    assert_eq!(store.listing(), before);
}

#[test]
fn a_build_script_that_writes_the_time_is_caught() {
    let (folder, store) = (Folder::example("hello"), Folder::empty());
    folder.write(
        "build.rs",
        "fn main() {\n    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();\n    \
         let out = std::path::PathBuf::from(std::env::var_os(\"OUT_DIR\").unwrap());\n    \
         std::fs::write(out.join(\"built.txt\"), format!(\"built at {now}\")).unwrap();\n}\n",
    );
    let ran = uk(folder.path(), ["build", "--check"]).store(store.path()).run();
    assert_eq!(ran.status.code(), Some(1), "{ran}");
    assert_eq!(ran.stderr.matches("UK0630").count(), 1, "the cause alone, not what needs it: {ran}");
    for part in [
        "`run-script hello 0.1.0` makes another",
        "`built.txt`: they differ at byte",
        "first   ",
        "built at 1",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {ran}");
    }
    let kept: Vec<String> =
        store.listing().into_iter().filter(|path| path.starts_with("bad/check-")).collect();
    let files: Vec<&String> = kept.iter().filter(|path| path.ends_with("/built.txt")).collect();
    assert_eq!(files.len(), 2, "{kept:?}");
    assert_ne!(store.bytes(files[0]), store.bytes(files[1]));
    // Nobody relies on it any more.
    let again = uk(folder.path(), ["build"]).store(store.path()).run().ok();
    assert!(again.did("run-script hello"), "{again}");
}

#[test]
fn a_date_is_caught_as_well_as_a_time() {
    if !has("namespaces") {
        return;
    }
    const DAY: &str = "std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400";
    let (folder, store) = (Folder::example("hello"), Folder::empty());
    let package = |name: &str, more: &str| {
        let text = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}");
        folder.write(&format!("{name}/Cargo.toml"), &text);
    };
    // The C library's older ways to ask must tell the same day as Rust's, or this fails.
    package("script", "");
    folder.write("script/src/lib.rs", "#![no_std]\n");
    folder.write(
        "script/build.rs",
        &format!(
            "unsafe extern \"C\" {{\n    fn time(to: *mut i64) -> i64;\n    \
             fn gettimeofday(to: *mut [i64; 2], zone: usize) -> i32;\n}}\n\
             fn main() {{\n    let day = {DAY};\n    let (mut at, mut both) = (0, [0; 2]);\n    \
             let told = unsafe {{ (time(&mut at), gettimeofday(&mut both, 0)) }};\n    \
             assert_eq!([told.0, at, both[0]].map(|second| second as u64 / 86_400), [day; 3]);\n    \
             let out = std::path::PathBuf::from(std::env::var_os(\"OUT_DIR\").unwrap());\n    \
             std::fs::write(out.join(\"built.txt\"), format!(\"built on day {{day}}\")).unwrap();\n}}\n"
        ),
    );
    package("stamp", "\n[lib]\nproc-macro = true\n");
    folder.write(
        "stamp/src/lib.rs",
        &format!(
            "#[proc_macro]\npub fn day(_: proc_macro::TokenStream) -> proc_macro::TokenStream {{\n    \
             format!(\"\\\"day {{}}\\\"\", {DAY}).parse().unwrap()\n}}\n"
        ),
    );
    let paths = "script = { path = \"script\" }\nstamp = { path = \"stamp\" }";
    folder.edit("Cargo.toml", "[dependencies]", &format!("[dependencies]\n{paths}"));
    let text = folder.read("src/lib.rs");
    folder.write(
        "src/lib.rs",
        &format!("{text}\n#[unsafe(no_mangle)]\npub static DAY: &str = stamp::day!();\n"),
    );
    let ran = uk(folder.path(), ["build", "--check"]).store(store.path()).run();
    assert_eq!((ran.status.code(), ran.stderr.matches("UK0630").count()), (Some(1), 2), "{ran}");
    for part in
        ["on another day", "`run-script script 0.1.0` makes another", "`compile hello 0.1.0` makes another"]
    {
        assert!(ran.stderr.contains(part), "{part}: {ran}");
    }
}
