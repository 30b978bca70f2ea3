//! What hooks leave as it is, and what they say of it.

use std::fs;
use std::mem::MaybeUninit;
use std::path::Path;

use rustix::fs::inotify;

use crate::hooks::{build, hello};

/// Whether `done` opens `path`.
fn opens(path: &Path, done: impl FnOnce()) -> bool {
    let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
    let watch = inotify::init(flags).expect("files can be watched");
    inotify::add_watch(&watch, path, inotify::WatchFlags::OPEN).expect("it can be watched");
    done();
    let mut buffer = [MaybeUninit::uninit(); 1024];
    inotify::Reader::new(watch, &mut buffer).next().is_ok()
}

/// Committed outputs, and copies that were edited or written as disks, can be large.
#[test]
fn what_is_kept_is_not_read_by_each_build() {
    let folder = hello("hook config {\n    copy \"template.cfg\" \"server.cfg\"\n}");
    folder.write("template.cfg", "port 80\n");
    folder.write("server.cfg", "port 81\n");
    let kept = folder.join("server.cfg");
    // Long enough for any clock's tick: cargo is asked meanwhile.
    let ran = build(&folder, &[]);
    assert!(ran.stderr.contains("UK0609"), "{ran}");
    let again = || {
        let ran = build(&folder, &[]);
        assert!(ran.counts().0 == 0 && ran.stderr.contains("UK0609"), "{ran}");
    };
    assert!(!opens(&kept, again));
    assert!(opens(&kept, || drop(fs::read(&kept))), "what is opened is seen");
}
