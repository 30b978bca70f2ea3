//! A build that is broken off leaves nothing running, and the next one goes on.

use std::path::Path;

use rustix::process::{Pid, Signal};

use crate::hermetic::has;
use crate::support::{Folder, Running, token, uk, wait_until};

/// An application whose build script starts a process and waits for ever, as that one does; and a word that only these two
/// have in their command lines.
fn slow() -> (Folder, String) {
    let value = token();
    let application = Folder::application(
        "",
        &format!(
            "#![no_std]\nuse uk_device::Time;\n/// {value}\npub async fn start(_: impl Time) {{\n    \
             log::info!(\"done {value}\");\n}}\n"
        ),
    );
    application.write(
        "build.rs",
        &format!(
            "use std::{{env, os::unix::process::CommandExt, process::Command, thread, time::Duration}};\n\
             fn main() {{\n    \
                 let me = env::current_exe().expect(\"it has a name\");\n    \
                 match env::args().nth(2).as_deref() {{\n        \
                     None => panic!(\"{{}}\", Command::new(me).args([\"{value}\", \"first\"]).exec()),\n        \
                     Some(\"first\") => drop(Command::new(me).args([\"{value}\", \"second\"]).spawn()),\n        \
                     Some(_) => {{}}\n    \
                 }}\n    \
                 thread::sleep(Duration::from_secs(600));\n\
             }}\n"
        ),
    );
    (application, value)
}

/// The processes with `word` in their command line.
fn processes(word: &str) -> Vec<Pid> {
    let all = std::fs::read_dir("/proc").expect("there is one").flatten();
    let pid = |entry: std::fs::DirEntry| {
        let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        String::from_utf8_lossy(&line).contains(word).then_some(pid)
    };
    all.filter_map(pid).collect()
}

/// Starts a build and waits until its build script runs; gives the processes that it has started.
fn begin(application: &Folder, store: &Path, word: &str, class: &str) -> (Running, Vec<Pid>) {
    let running = uk(application.path(), ["build"]).store(store).env("UK_SANDBOX", class).start();
    wait_until("the build script runs", || processes(word).len() == 2);
    (running, processes(word))
}

fn alive(pid: Pid) -> bool {
    // A process that has ended and whose parent hasn't asked yet still has a number.
    let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    rustix::process::test_kill_process(pid).is_ok() && !state.contains(") Z ")
}

/// The next build is right, and clears away what the last one had begun.
fn goes_on(application: &Folder, store: &Path, class: &str) {
    application.write("build.rs", "fn main() {}\n");
    let ran = uk(application.path(), ["run"]).store(store).env("UK_SANDBOX", class).run().ok();
    assert!(ran.stdout.contains("] done ") || ran.stderr.contains("] done "), "{ran}");
    assert!(ran.counts().1 > 0, "what was finished before is kept: {ran}");
    let again = uk(application.path(), ["build"]).store(store).env("UK_SANDBOX", class).run().ok();
    assert_eq!(again.counts().0, 0, "{again}");
    let scratch: Vec<_> = std::fs::read_dir(store.join("tmp")).expect("it is there").collect();
    assert!(scratch.is_empty(), "left over: {scratch:?}");
}

fn is_broken_off(signal: Signal, class: &str) {
    let store = Folder::empty();
    let (application, word) = slow();
    let (running, pids) = begin(&application, store.path(), &word, class);
    assert!(pids.iter().all(|pid| alive(*pid)));
    let alone = || std::fs::File::open(application.path()).expect("it is there").try_lock();
    assert!(matches!(alone(), Err(std::fs::TryLockError::WouldBlock)), "`uk clean` would wait");
    running.signal(signal);
    let said = running.wait().fails(130, &["UK0606"]);
    assert!(said.contains("what was finished is kept"), "{said}");
    wait_until("no child survives", || !pids.iter().any(|pid| alive(*pid)));
    assert!(!application.join("dist").exists() && alone().is_ok());
    goes_on(&application, store.path(), class);
}

#[test]
fn ctrl_c_ends_the_build_with_its_children_and_the_next_one_goes_on() {
    is_broken_off(Signal::INT, "");
}

#[test]
fn a_request_to_end_does_the_same() {
    is_broken_off(Signal::TERM, "");
}

#[test]
fn without_walls_children_end_with_the_build_too() {
    is_broken_off(Signal::INT, "folder");
}

#[test]
fn a_build_that_nohup_started_hears_of_no_closed_terminal() {
    let (store, folder) = (Folder::empty(), Folder::example("noop"));
    let (begun, go) = (store.join("begun"), store.join("go"));
    folder.write(
        "build.rs",
        &format!(
            "fn main() {{\n    std::fs::write({begun:?}, \"\").unwrap();\n    \
             while !std::path::Path::new({go:?}).exists() {{\n        \
             std::thread::sleep(std::time::Duration::from_millis(10));\n    }}\n}}\n"
        ),
    );
    let at = store.join("store");
    let build = uk(folder.path(), ["build"]).store(&at).env("UK_SANDBOX", "folder");
    let running = build.through("env", &["--ignore-signal=HUP"]).start();
    wait_until("the build script runs", || begun.exists());
    running.signal(Signal::HUP);
    std::fs::write(&go, "").expect("files can be written");
    running.wait().ok();
}

/// The processes that are in a folder.
fn processes_in(folder: &Path) -> Vec<Pid> {
    let all = std::fs::read_dir("/proc").expect("there is one").flatten();
    let there = all
        .filter(|entry| std::fs::read_link(entry.path().join("cwd")).is_ok_and(|at| at.starts_with(folder)));
    there.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)).collect()
}

#[test]
fn while_cargo_resolves_a_signal_ends_both_and_is_told() {
    // A repository that never answers.
    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    server.set_nonblocking(true).expect("it can be asked");
    let address = server.local_addr().expect("it has one");
    for (command, signal, to_all) in
        [("build", Signal::INT, true), ("build", Signal::TERM, false), ("plan", Signal::HUP, false)]
    {
        let store = Folder::empty();
        let folder = Folder::example("hello");
        folder.edit(
            "Cargo.toml",
            "[dependencies]",
            &format!("[dependencies]\nnobody = {{ git = \"http://{address}/x\" }}"),
        );
        let before = folder.listing();
        // Not through a proxy of whoever runs the tests.
        let running = uk(folder.path(), [command]).store(store.path()).env("no_proxy", "127.0.0.1").start();
        let mut connection = None;
        wait_until("cargo asks", || {
            connection = server.accept().ok();
            connection.is_some()
        });
        assert!(processes_in(folder.path()).len() >= 2, "`uk` and cargo");
        if to_all {
            running.signal_all(signal)
        } else {
            running.signal(signal)
        }
        let said = running.wait().fails(130, &["UK0606"]);
        assert!(said.contains("what was finished is kept"), "{said}");
        wait_until("no child survives", || processes_in(folder.path()).is_empty());
        assert_eq!(folder.listing(), before, "nothing is left");
        drop(connection);
    }
}

#[test]
fn what_an_asked_program_has_started_ends_too() {
    let store = Folder::empty();
    let folder = Folder::example("hello");
    // Its child and its grandchild hold what `uk` reads.
    folder.write("rustc", "#!/bin/sh\nsh -c 'sleep 600; :'\n:\n");
    let rights = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.join("rustc"), rights).expect("it is ours");
    let running = uk(folder.path(), ["build"]).store(store.path()).env("RUSTC", folder.join("rustc")).start();
    wait_until("`uk`, the script, its child and its grandchild run", || {
        processes_in(folder.path()).len() == 4
    });
    running.signal(Signal::TERM);
    running.wait().fails(130, &["UK0606"]);
    wait_until("no child survives", || processes_in(folder.path()).is_empty());
}

/// Whether a process that is in `folder` has `file` open.
fn has_open(folder: &Path, file: &Path) -> bool {
    let open = |pid: Pid| std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero()));
    let mut all = processes_in(folder).into_iter().flat_map(open).flatten().flatten();
    all.any(|open| std::fs::read_link(open.path()).is_ok_and(|path| path == file))
}

#[test]
fn once_all_steps_are_done_a_signal_is_heard_too() {
    let folder = Folder::example("block");
    uk(folder.path(), ["build"]).run().ok();
    std::fs::remove_dir_all(folder.join("dist")).expect("it was made");
    std::fs::remove_file(folder.join("disk.img")).expect("it was made");
    // Another process puts files in their places.
    let lock = std::fs::File::open(folder.join(".uk/made.lock")).expect("it was made");
    lock.lock().expect("nobody has it");
    for command in ["build", "run"] {
        folder.write("src/lib.rs", &format!("{}\n// {}\n", folder.read("src/lib.rs"), token()));
        let running = uk(folder.path(), [command]).start();
        wait_until("it waits for the lock", || has_open(folder.path(), &folder.join(".uk/made.lock")));
        running.signal(Signal::INT);
        running.wait().fails(130, &["UK0606"]);
        assert!(!folder.join("disk.img").exists() && !folder.join("dist").exists());
    }
}

#[test]
fn after_kill_9_the_next_build_goes_on() {
    let store = Folder::empty();
    if !has("namespaces") {
        return;
    }
    let (application, word) = slow();
    let (running, pids) = begin(&application, store.path(), &word, "namespaces");
    running.signal(Signal::KILL);
    let ended = running.wait();
    assert_eq!(ended.status.code(), None, "{ended}");
    // Nobody is left to end these, but their namespace ends with the thread that made it.
    wait_until("no child survives", || !pids.iter().any(|pid| alive(*pid)));
    goes_on(&application, store.path(), "namespaces");
}

/// `UK_KILL_ROUNDS` more builds are killed, 3 unless it is set, each in front of something new to do.
#[test]
fn kill_9_at_any_moment_leaves_a_store_that_the_next_build_can_use() {
    let rounds = std::env::var("UK_KILL_ROUNDS").map_or(3, |rounds| rounds.parse::<u64>().expect("a number"));
    let store = Folder::empty();
    let folder = Folder::example("hello");
    let kill = |pause| {
        let running = uk(folder.path(), ["build"]).store(store.path()).start();
        std::thread::sleep(std::time::Duration::from_millis(pause));
        running.signal(Signal::KILL);
        running.wait();
        let verified = uk(folder.path(), ["store", "verify"]).store(store.path()).run();
        // Killed before there was a store, there is none to verify.
        let sound = verified.stdout.contains("all sound") || verified.codes() == ["UK0501"];
        assert!(sound, "killed after {pause} ms: {verified}");
    };
    [0, 50, 150, 400, 900, 1500, 2200, 3000].into_iter().for_each(kill);
    let source = folder.read("src/lib.rs");
    for round in 0..rounds {
        folder.write("src/lib.rs", &format!("{source}// {}\n", token()));
        // Spread over the time that a build of one crate takes, however the clock stands.
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970");
        kill((u64::from(now.subsec_nanos()) + round * 97) % 700);
    }
    folder.write("src/lib.rs", &source);
    uk(folder.path(), ["build"]).store(store.path()).run().ok();
    let reference = Folder::example("hello");
    let other = Folder::empty();
    uk(reference.path(), ["build"]).store(other.path()).run().ok();
    assert!(
        folder.bytes("dist/hello.debug") == reference.bytes("dist/hello.debug"),
        "the same as without a break"
    );
}

#[test]
fn ctrl_c_ends_a_guest_that_runs() {
    let folder = Folder::deeds();
    for place in [crate::support::UNIX, crate::support::MICROVM] {
        if !crate::support::can_run(place) {
            continue;
        }
        let words = ["run"].iter().chain(place).chain(&["--", "--deed=idle", "--text=here"]);
        let running = uk(folder.path(), words).start();
        wait_until("the guest runs", || running.said("stdout").contains("here"));
        running.signal(Signal::INT);
        let ran = running.wait();
        use std::os::unix::process::ExitStatusExt;
        let ended = ran.status.code() == Some(130) || ran.status.signal() == Some(2);
        assert!(ended, "as a shell says it of Ctrl-C: {ran}");
    }
}

/// Nobody could pass that signal on.
#[test]
fn kill_9_ends_a_guest_that_runs() {
    let folder = Folder::deeds();
    for place in [crate::support::UNIX, crate::support::MICROVM] {
        if !crate::support::can_run(place) {
            continue;
        }
        let word = token();
        let rest = ["--", "--deed=idle", &format!("--text={word}")];
        let words = ["run"].iter().chain(place).chain(&rest);
        let running = uk(folder.path(), words).start();
        wait_until("the guest runs", || running.said("stdout").contains(&word));
        running.signal(Signal::KILL);
        running.wait();
        wait_until("the guest ends", || processes(&word).is_empty());
    }
}
