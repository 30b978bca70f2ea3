//! What hooks leave as it is, and what they say of it.

use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use rustix::fs::inotify;

use crate::hooks::{IMAGE, build, hello, with_program};
use crate::support::uk;

/// Whether `done` opens `path`.
fn opens(path: &Path, done: impl FnOnce()) -> bool {
    let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
    let watch = inotify::init(flags).expect("files can be watched");
    inotify::add_watch(&watch, path, inotify::WatchFlags::OPEN).expect("it can be watched");
    done();
    let mut buffer = [MaybeUninit::uninit(); 1024];
    inotify::Reader::new(watch, &mut buffer).next().is_ok()
}

#[test]
fn a_file_that_was_there_before_is_the_users() {
    let folder = hello(IMAGE);
    folder.write("disks/disk.img", "mine");
    build(&folder, &[]);
    uk(folder.path(), ["clean", "--force"]).run().ok();
    assert_eq!(folder.read("disks/disk.img"), "mine");
}

/// Copied or committed outputs: `uk` doesn't know whose they are, so they stay, and it says so where its hook would make others.
#[test]
fn what_is_there_without_a_record_is_kept_and_told() {
    let folder = with_program();
    build(&folder, &[]);
    fs::remove_dir_all(folder.join(".uk")).expect("it is there");
    let ran = build(&folder, &[]);
    assert!(!ran.stderr.contains("UK0609"), "it is what the hooks make: {ran}");

    folder.write("words.txt", "c\na\n");
    folder.write("etc/words", "mine\n");
    fs::remove_file(folder.join("copied")).expect("it is there");
    let ran = build(&folder, &[]);
    for (path, hook) in [("out/words", "words"), ("etc/words", "publish")] {
        let told =
            format!("`{path}` isn't what the hook `{hook}` would make, and is kept: it was there before");
        assert!(ran.stderr.contains(&told), "{path}: {ran}");
    }
    assert!(!ran.stderr.contains("site/deep/a"), "it is what the hook would make: {ran}");
    let help = "help: `rm out/words`, and run the command again: it is made anew, and what is in it is lost; or take";
    assert!(ran.stderr.contains(help), "{ran}");
    assert_eq!((folder.read("out/words"), folder.read("etc/words")), ("a\nb\n".into(), "mine\n".into()));
    assert_eq!((folder.read("copied"), folder.read("site/deep/c")), ("a\nc\n".into(), "c\n".into()));

    let ran = build(&folder, &["--fresh"]);
    assert!(!ran.stderr.contains("UK0609"), "{ran}");
    assert_eq!((folder.read("out/words"), folder.read("etc/words")), ("a\nc\n".into(), "a\nc\n".into()));
}

#[test]
fn a_copy_follows_its_source_until_it_is_edited() {
    let folder = hello("hook config {\n    copy \"template.cfg\" \"server.cfg\"\n}");
    folder.write("template.cfg", "port 80\n");
    build(&folder, &[]);
    folder.write("template.cfg", "port 81\n");
    let plan = uk(folder.path(), ["plan"]).run().ok();
    assert!(plan.stdout.contains("hook config = copy template.cfg server.cfg (to update)"), "{plan}");
    build(&folder, &[]);
    assert_eq!(folder.read("server.cfg"), "port 81\n");
    folder.write("server.cfg", "port 82\n");
    let ran = build(&folder, &[]);
    assert!(!ran.stderr.contains("UK0609"), "nothing else is wanted: {ran}");
    folder.write("template.cfg", "port 83\n");
    let ran = build(&folder, &[]);
    assert!(ran.stderr.contains("UK0609"), "{ran}");
    assert_eq!(folder.read("server.cfg"), "port 82\n");
    build(&folder, &["--fresh"]);
    assert_eq!(folder.read("server.cfg"), "port 83\n");
}

/// Each help names what to type for its file alone, whatever its name and wherever that is typed.
#[test]
fn what_is_kept_is_made_anew_by_what_its_help_says_and_nothing_else_is() {
    let copy = |to: &str| format!("    copy template.cfg {to:?}\n");
    let copies = ["it's.cfg", "f.cfg", "there.cfg"];
    let images =
        "    image data.img sectors=8\n    image \"a b.img\" sectors=8\n    image link.img sectors=8\n";
    let folder = hello(&format!("hook files {{\n{images}{}}}", copies.map(copy).concat()));
    folder.write("template.cfg", "1");
    folder.write("there.cfg", "mine");
    build(&folder, &[]);
    folder.write("template.cfg", "2");
    for path in ["data.img", "it's.cfg", "f.cfg"] {
        folder.write(path, "mine");
    }
    fs::OpenOptions::new()
        .write(true)
        .open(folder.join("data.img"))
        .and_then(|f| f.set_len(4096))
        .expect("it can grow");
    let data = folder.bytes("data.img");
    folder.write("a b.img", "mine");
    fs::remove_file(folder.join("link.img")).expect("it is there");
    symlink("nowhere", folder.join("link.img")).expect("a link can be made");

    fs::create_dir(folder.join("below")).expect("folders can be made");
    let said = uk(&folder.join("below"), ["build"]).run().ok();
    assert_eq!(said.codes(), ["UK0609"; 5], "{said}");
    assert!(!said.stderr.contains("--fresh"), "{said}");
    let typed: Vec<&str> = said.stderr.split('`').filter(|text| text.starts_with("rm ")).collect();
    assert_eq!(typed.len(), 5, "{said}");
    for line in typed {
        let ran = Command::new("sh").args(["-c", line]).current_dir(folder.join("below")).status();
        assert!(ran.expect("there is a shell").success(), "{line}: {said}");
    }
    let again = uk(&folder.join("below"), ["build"]).run().ok();
    assert_eq!(again.codes(), [""; 0], "{again}");
    assert_eq!(copies.map(|path| folder.read(path)), ["2"; 3]);
    assert_eq!(["a b.img", "link.img"].map(|path| folder.bytes(path)), [[0; 4096]; 2]);
    assert!(folder.bytes("data.img") == data, "the user's data are lost");
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
