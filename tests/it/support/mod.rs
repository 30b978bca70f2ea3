//! Running the real `uk` on copies of the examples.

mod folder;
pub mod run;
pub mod schema;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

pub use folder::{Folder, copy};
pub use run::{Ran, Running, Uk, uk};

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The store of every test that doesn't want one of its own; it outlives the run, with what is newest of it.
pub fn shared_store() -> PathBuf {
    static STORE: OnceLock<PathBuf> = OnceLock::new();
    let open = || {
        let store = Path::new(env!("CARGO_TARGET_TMPDIR")).join("store");
        if store.join("FORMAT").exists() {
            let mut gc = std::process::Command::new(env!("CARGO_BIN_EXE_uk"));
            let ran = gc.args(["store", "gc", "--max-size", "2G"]).env("UK_STORE", &store).output();
            assert!(ran.is_ok_and(|ran| ran.status.success()), "the tests' store can't be collected");
        }
        store
    };
    STORE.get_or_init(open).clone()
}

/// A text that no earlier run and no other test has: what contains it can't be in a store yet.
pub fn token() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_nanos();
    format!("{now:x}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A way to run a guest: the target's and the machine's arguments for `uk run`.
pub type Place = &'static [&'static str];

/// The host.
pub const UNIX: Place = &["--target", "unix"];
/// QEMU's quickest machine.
pub const MICROVM: Place = &["--target", "virtio", "--machine", "microvm"];
/// The same without ACPI.
pub const MICROVM_NOACPI: Place = &["--target", "virtio", "--machine", "microvm-noacpi"];
/// A PC with PCI.
pub const Q35: Place = &["--target", "virtio", "--machine", "q35"];
/// Every machine.
pub const MACHINES: [Place; 3] = [MICROVM, MICROVM_NOACPI, Q35];

/// Whether this machine can boot guests in `place`. Where it can't, says so even when output is captured, and fails
/// where `UK_REQUIRE_TARGETS` wants the target.
pub fn can_run(place: Place) -> bool {
    let target = place[1];
    if target != "virtio" || on_path("qemu-system-x86_64") {
        return true;
    }
    let required = std::env::var("UK_REQUIRE_TARGETS").unwrap_or_default();
    assert!(
        !required.split(',').any(|name| name.trim() == target),
        "`qemu-system-x86_64` isn't installed, and UK_REQUIRE_TARGETS names `{target}`"
    );
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Not `eprintln!`, which the test harness holds back.
    let _ = writeln!(std::io::stderr(), "NOT RUN: {test}: `qemu-system-x86_64` isn't installed");
    false
}

/// Whether a program of that name is on the PATH.
pub fn on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Waits until `done`, for two minutes at most.
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !done() {
        assert!(begun.elapsed().as_secs() < 120, "waited two minutes: {what}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
