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

/// An image of which a step makes something else now is no stranger's.
#[test]
fn an_image_that_becomes_a_copy_is_made_anew_until_it_is_written() {
    const IMAGE: &str = "image \"disk.img\" sectors=8";
    const COPY: &str = "copy \"golden.img\" \"disk.img\"";
    for written in [false, true] {
        let folder = hello(&format!("hook disk {{\n    {IMAGE}\n}}"));
        folder.write("golden.img", "golden");
        build(&folder, &[]);
        if written {
            folder.write("disk.img", "mine");
        }
        folder.edit("unikernel.kdl", IMAGE, COPY);
        let ran = build(&folder, &[]);
        assert!(folder.read("disk.img") == if written { "mine" } else { "golden" }, "{ran}");
        assert_eq!(ran.stderr.contains("and is kept: it was edited"), written, "{ran}");
        assert!(!ran.stderr.contains("it was there before"), "{ran}");
    }
}
