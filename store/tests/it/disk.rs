//! Full and read-only file systems.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::time::{Duration, Instant};

use uk_action::{Graph, OutputKind};
use uk_store::Store;

use crate::common::*;
use crate::faults::{files, wide};

const FILE: &[(&str, OutputKind)] = &[("o", OutputKind::File)];

/// A tmpfs of 1 MiB for the length of a test; `None` where mounting isn't allowed.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=1m", "uk-test"];
        let output = Process::new("mount").args(mount).arg(folder.path()).output().ok()?;
        if output.status.success() {
            return Some(Self(folder));
        }
        // Others than root may not: what they do in a namespace is tested with the command line.
        let required =
            rustix::process::geteuid().is_root() && std::env::var_os("UK_REQUIRE_TARGETS").is_some();
        assert!(!required, "{}", String::from_utf8_lossy(&output.stderr));
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        // Not `eprintln!`, which the test harness holds back.
        let _ =
            writeln!(std::io::stderr(), "NOT RUN, or in part: {test}: file systems can't be mounted here");
        None
    }

    fn remount(&self, options: &str) {
        let remount = || Process::new("mount").args(["-o", options]).arg(self.0.path()).output().unwrap();
        let begun = Instant::now();
        // Busy as long as a process that another test starts has our files, which is until it is another program.
        while let failed = remount()
            && !failed.status.success()
        {
            let said = String::from_utf8_lossy(&failed.stderr);
            assert!(begun.elapsed() < Duration::from_secs(60), "{said}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Process::new("umount").args(["-l"]).arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_loses_nothing() {
    // Where mounting isn't allowed, the test of the error itself has to do.
    let Some(disk) = SmallDisk::mount() else { return };
    let root = disk.0.path().join("store");
    let store = Store::open(&root).unwrap();
    let kept = store.put_bytes(b"kept").unwrap();
    let error = store.put_bytes(&vec![1; 2 << 20]).unwrap_err();
    assert_eq!(error.diagnostic().code.to_string(), "UK0502");

    // The output fits once, but not twice: the process ends well, keeping it fails.
    let mut graph = Graph::default();
    let big = graph.add(shell("big", "head -c 600000 /dev/zero > o", vec![], FILE));
    let small = graph.add(shell("small", "echo x > o", vec![], FILE));
    let failure = build(&store, &graph, big).unwrap_err();
    assert_eq!(failure.diagnostics(&graph)[0].code.to_string(), "UK0502");
    // The process itself finds no room.
    let mut graph2 = Graph::default();
    let bigger = graph2.add(shell("bigger", "head -c 3000000 /dev/zero > o", vec![], FILE));
    let failure = build(&store, &graph2, bigger).unwrap_err();
    assert_eq!(failure.diagnostics(&graph2)[0].code.to_string(), "UK0502");

    let report = build(&store, &graph, small).unwrap();
    assert_eq!(text(&store, &report, small), "x\n");
    assert_eq!(store.read(kept).unwrap(), b"kept");
    // But for the list of what this process relies on.
    let left = files(&root.join("tmp")).into_iter().filter(|path| !path.ends_with("roots"));
    let used = left.map(|path| fs::metadata(path).unwrap().len()).sum::<u64>();
    assert_eq!(used, 0, "what could not be finished takes no room");
}

#[test]
fn a_store_that_can_only_be_read() {
    let Some(disk) = SmallDisk::mount() else {
        return read_only(&place().folder.path().join("store"), |root, only| {
            let mode = fs::Permissions::from_mode(if only { 0o555 } else { 0o755 });
            folders(root).iter().for_each(|folder| fs::set_permissions(folder, mode.clone()).unwrap());
        });
    };
    read_only(&disk.0.path().join("store"), |_, only| {
        disk.remount(if only { "remount,ro" } else { "remount,rw" })
    });
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let inner = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut all = inner.flat_map(|path| folders(&path)).collect::<Vec<_>>();
    all.push(root.to_owned());
    all
}

fn read_only(root: &Path, set: impl Fn(&Path, bool)) {
    let (graph, id) = wide();
    build(&Store::open(root).unwrap(), &graph, id).unwrap();
    let mut other = Graph::default();
    let new = other.add(shell("new", "echo x > o", vec![], FILE));
    set(root, true);
    let store = Store::open(root).unwrap();
    let cached = build(&store, &graph, id).map(|report| report.executed);
    let failed = build(&store, &other, new).unwrap_err().diagnostics(&other).remove(0);
    let put = store.put_bytes(b"new").unwrap_err();
    let unmade = Store::open(&root.join("inner")).unwrap_err();
    set(root, false);
    assert_eq!(cached.unwrap(), 0, "what is known can be had");
    assert_eq!(failed.code.to_string(), "UK0501");
    assert_eq!(put.code().to_string(), "UK0501");
    assert!(failed.help.unwrap().contains("UK_STORE"));
    assert_eq!(unmade.code().to_string(), "UK0501");
}
