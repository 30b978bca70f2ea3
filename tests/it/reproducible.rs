//! The same sources make the same bytes, whoever builds them, where and when.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::hermetic::has;
use crate::support::{Folder, Ran, uk};

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
    let number = |text: &str| text.split(' ').next().and_then(|number| number.parse::<usize>().ok());
    let told = ran.stderr.lines().find_map(|line| line.split_once(" nodes came out the same twice; "));
    let (compared, written) = told.unwrap_or_else(|| panic!("{ran}"));
    let (compared, written) = (number(compared).expect("a number"), number(written).expect("a number"));
    let (executed, cached) = ran.counts();
    assert_eq!((compared > 10, compared + written), (true, executed + cached), "{ran}");
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
        // To the nanosecond: where nothing can be traced, both builds may be in one second.
        "fn main() {\n    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();\n    \
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
    // What it made is still known, as often as garbage is collected.
    let collect = || uk(folder.path(), ["store", "gc"]).store(store.path()).run().ok();
    let bad = || store.listing().iter().filter(|path| path.starts_with("bad/check-")).count();
    for _ in 0..2 {
        assert!(collect().stdout.contains("; 1 root"));
        assert_eq!(bad(), 1);
    }
    // Nobody relies on it any more.
    let again = uk(folder.path(), ["build"]).store(store.path()).run().ok();
    assert!(again.did("run-script hello") && !again.did("run-script libc"), "{again}");
    collect();
    assert_eq!(bad(), 0);
}

#[test]
fn a_date_is_caught_as_well_as_a_time() {
    const DAY: &str = "std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400";
    for class in ["namespaces", "landlock"] {
        if !has(class) {
            continue;
        }
        let (folder, store) = (Folder::example("hello"), Folder::empty());
        let package = |name: &str, more: &str| {
            let text =
                format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}");
            folder.write(&format!("{name}/Cargo.toml"), &text);
        };
        // The C library's other ways to ask must tell the same day as Rust's, give or take a midnight, or this fails.
        package("script", "");
        folder.write("script/src/lib.rs", "#![no_std]\n");
        folder.write(
            "script/build.rs",
            &format!(
                "unsafe extern \"C\" {{\n    fn time(to: *mut i64) -> i64;\n    \
                 fn gettimeofday(to: *mut [i64; 2], zone: usize) -> i32;\n    \
                 fn clock_gettime(clock: i32, to: *mut [i64; 2]) -> i32;\n}}\n\
                 fn main() {{\n    let day = {DAY};\n    let (mut at, mut both) = (0, [0; 2]);\n    \
                 let told = unsafe {{ (time(&mut at), gettimeofday(&mut both, 0)) }};\n    \
                 let mut told = vec![told.0, at, both[0]];\n    \
                 for clock in [0, 5, 8, 11] {{\n        \
                 if unsafe {{ clock_gettime(clock, &mut both) }} == 0 {{ told.push(both[0]); }}\n    }}\n    \
                 for second in told {{ assert!((second as u64 / 86_400).abs_diff(day) <= 1); }}\n    \
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
        let ran = uk(folder.path(), ["build", "--check"]).store(store.path()).env("UK_SANDBOX", class).run();
        assert_eq!((ran.status.code(), ran.stderr.matches("UK0630").count()), (Some(1), 2), "{ran}");
        for part in [
            "400 days from now",
            "`run-script script 0.1.0` makes another",
            "`compile hello 0.1.0` makes another",
        ] {
            assert!(ran.stderr.contains(part), "{part}: {ran}");
        }
    }
}

/// `hello` with this build script, built and checked.
fn checked(script: &str) -> Ran {
    let (folder, store) = (Folder::example("hello"), Folder::empty());
    folder.write("build.rs", script);
    uk(folder.path(), ["build", "--check"]).store(store.path()).env("UK_SANDBOX", "namespaces").run()
}

#[test]
fn a_step_on_another_day_waits_and_stops_as_on_any() {
    if !has("namespaces") {
        return;
    }
    // Until half a second from now, asleep and at a condition; asks a clock that tells no date a thousand times, which must
    // not stop it; and has children that a signal stops and ends.
    let ran = checked(
        r#"use std::{os::unix::process::ExitStatusExt, process::Command};
unsafe extern "C" {
    fn clock_gettime(clock: i32, to: *mut [i64; 2]) -> i32;
    fn clock_nanosleep(clock: i32, flags: i32, until: *const [i64; 2], rest: usize) -> i32;
    fn sem_timedwait(semaphore: *mut [u64; 8], until: *const [i64; 2]) -> i32;
    fn raise(signal: i32) -> i32;
    fn kill(process: i32, signal: i32) -> i32;
    fn waitpid(process: i32, status: *mut i32, options: i32) -> i32;
}
fn switches() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}
fn main() {
    if let Some(signal) = std::env::args().nth(1) {
        unsafe { raise(signal.parse().unwrap()) };
        return;
    }
    let mut now = [0; 2];
    let mut until = || {
        unsafe { clock_gettime(0, &mut now) };
        [now[0] + now[1] / 500_000_000, (now[1] + 500_000_000) % 1_000_000_000]
    };
    let asleep = until();
    assert_eq!(unsafe { clock_nanosleep(0, 1, &asleep, 0) }, 0);
    let at_a_semaphore = until();
    assert_eq!(unsafe { sem_timedwait(&mut [0; 8], &at_a_semaphore) }, -1);
    let after = until();
    assert!(asleep < at_a_semaphore && at_a_semaphore < after);
    let before = switches();
    for _ in 0..1000 {
        unsafe { clock_gettime(1, &mut [0; 2]) };
    }
    assert!(switches() - before < 500);
    let me = std::env::current_exe().unwrap();
    let trapped = Command::new(&me).arg("5").status().unwrap();
    assert_eq!(trapped.signal(), Some(5));
    let mut child = Command::new(&me).arg("19").spawn().unwrap();
    let mut status = 0;
    assert_eq!(unsafe { waitpid(child.id() as i32, &mut status, 2) }, child.id() as i32);
    assert_eq!(status, 19 << 8 | 0x7f, "it stopped");
    unsafe { kill(child.id() as i32, 18) };
    let _ = child.wait();
}
"#,
    );
    assert!(ran.ok().stderr.contains(" nodes came out the same twice"));
}

#[test]
fn a_step_that_fails_on_another_day_is_told_so() {
    if !has("namespaces") {
        return;
    }
    let now = std::time::UNIX_EPOCH.elapsed().expect("a date").as_secs();
    let ran = checked(&format!(
        "fn main() {{\n    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();\n    \
         assert!(now < {now} + 86_400, \"the licence has run out\");\n}}\n"
    ));
    let said = ran.fails(1, &["UK0602"]);
    for part in ["the second build", "a date 400 days ahead", "the licence has run out"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn where_nothing_can_be_traced_the_second_build_is_on_the_same_day() {
    let (folder, store) = (Folder::example("hello"), Folder::empty());
    let said = uk(folder.path(), ["build", "--check"]).store(store.path()).untraceable().run().ok().stderr;
    assert!(said.contains("on the same day") && said.contains("came out the same twice"), "{said}");
}
