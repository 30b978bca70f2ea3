//! Nothing is built twice.

use std::fs::{File, FileTimes};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::support::{Folder, Ran, token, uk};

fn build(folder: &Folder, store: &Path, args: &[&str]) -> Ran {
    uk(folder.path(), ["build"].iter().chain(args)).store(store).run().ok()
}

/// Whether a crate of the application's is what was compiled.
fn compiled(ran: &Ran) -> Vec<String> {
    ran.executed().into_iter().filter(|done| done.starts_with("compile")).collect()
}

#[test]
fn a_second_build_does_nothing_and_says_so() {
    let (folder, store) = (Folder::example("hello"), Folder::empty());
    let (executed, cached) = build(&folder, store.path(), &[]).counts();
    assert!(executed > 10);
    let second = build(&folder, store.path(), &[]);
    assert_eq!(second.counts(), (0, executed + cached), "{second}");
    assert_eq!(second.stderr.lines().count(), 1, "one line says it all: {second}");
    assert_eq!(second.stdout, "");
}

#[test]
fn a_second_unikernel_compiles_no_shared_crate_again() {
    let (hello, hello_key, store) = (Folder::example("hello"), Folder::example("hello-key"), Folder::empty());
    let first = build(&hello, store.path(), &[]);
    assert!(first.did("compile uk-device"), "{first}");
    let second = build(&hello_key, store.path(), &[]);
    assert_eq!(compiled(&second), ["compile hello-key 0.1.0"], "{second}");
}

#[test]
fn a_second_target_compiles_no_shared_crate_again() {
    let (folder, store) = (Folder::example("hello"), Folder::empty());
    let first = build(&folder, store.path(), &["--target", "unix"]);
    let second = build(&folder, store.path(), &["--target", "virtio"]);
    let again: Vec<_> = compiled(&second).into_iter().filter(|c| first.executed().contains(c)).collect();
    assert_eq!(again, [""; 0], "{second}");
    // What only the new target has is compiled, or this proves nothing.
    assert!(second.did("compile uk-virtio") && second.did("link hello.virtio"), "{second}");
    let third = build(&folder, store.path(), &["--target", "virtio", "--target", "unix"]);
    assert_eq!(third.counts().0, 0, "{third}");
}

#[test]
fn a_copy_in_another_folder_with_the_same_store_executes_nothing() {
    let (first, store) = (Folder::example("hello-key"), Folder::empty());
    build(&first, store.path(), &["--target", "unix", "--target", "virtio"]);
    let clone = Folder::copy(first.path());
    assert!(!clone.join("dist").exists());
    let second = build(&clone, store.path(), &["--target", "unix", "--target", "virtio"]);
    assert_eq!(second.counts().0, 0, "{second}");
    for artifact in ["dist/hello-key", "dist/hello-key.virtio"] {
        assert_eq!(first.bytes(artifact), clone.bytes(artifact), "{artifact}");
    }
}

/// A folder that was built with the shared store.
fn built(example: &str, args: &[&str]) -> Folder {
    let folder = Folder::example(example);
    uk(folder.path(), ["build"].iter().chain(args)).run().ok();
    folder
}

fn rebuild(folder: &Folder, args: &[&str]) -> Ran {
    uk(folder.path(), ["build"].iter().chain(args)).run().ok()
}

const BOTH: [&str; 4] = ["--target", "unix", "--target", "virtio"];

#[test]
fn a_comment_edit_compiles_the_crate_and_packs_nothing() {
    let folder = built("hello-key", &BOTH);
    let before = [folder.bytes("dist/hello-key"), folder.bytes("dist/hello-key.virtio")];
    folder.edit("src/lib.rs", "    Ok(())\n", &format!("    Ok(()) // {}\n", token()));
    let ran = rebuild(&folder, &BOTH);
    assert_eq!(compiled(&ran), ["compile hello-key 0.1.0"], "{ran}");
    assert!(!ran.did("pack"), "{ran}");
    assert!(ran.counts().0 <= 3, "the crate, and perhaps the links: {ran}");
    assert_eq!(before, [folder.bytes("dist/hello-key"), folder.bytes("dist/hello-key.virtio")]);
}

#[test]
fn an_edit_that_counts_is_in_the_next_artifact() {
    let folder = built("hello-key", &[]);
    let token = token();
    folder.edit("src/lib.rs", "\"{}\", keys.hello", &format!("\"{{}} {token}\", keys.hello"));
    let ran = rebuild(&folder, &[]);
    let done = ["compile hello-key 0.1.0", "link hello-key", "pack hello-key"];
    assert_eq!(ran.executed(), done, "{ran}");
    let artifact = folder.bytes("dist/hello-key");
    assert!(artifact.windows(token.len()).any(|w| w == token.as_bytes()), "the new text is in it");
}

#[test]
fn set_makes_the_keys_and_the_image_again_but_compiles_nothing() {
    let folder = built("hello-key", &BOTH);
    let set = format!("hello={}", token());
    let ran = rebuild(&folder, &[&BOTH[..], &["--set", &set]].concat());
    let mut done = ran.executed();
    done.sort();
    let expected = [
        "generate keys.rs",
        "link hello-key",
        "link hello-key.virtio",
        "pack hello-key",
        "pack hello-key.virtio",
    ];
    assert_eq!(done, expected, "{ran}");
    let back = rebuild(&folder, &BOTH);
    assert_eq!(back.counts().0, 0, "the default is known still: {back}");
}

#[test]
fn editing_a_device_line_of_the_manifest_compiles_nothing() {
    let folder = built("hello-key", &[]);
    let name = format!("clock-{}", token());
    folder.edit("unikernel.kdl", "    time default-time\n", &format!("    time {name}\n"));
    folder.write("unikernel.kdl", &format!("{}\ndevice {name} default-time\n", folder.read("unikernel.kdl")));
    let ran = rebuild(&folder, &[]);
    assert_eq!(compiled(&ran), [""; 0], "{ran}");
    assert!(ran.did("generate main.rs"), "the edit counts: {ran}");
}

#[test]
fn editing_a_doc_of_the_manifest_compiles_nothing() {
    let folder = built("hello-key", &[]);
    let doc = token();
    folder.edit("unikernel.kdl", "How to say hello.", &doc);
    let ran = rebuild(&folder, &[]);
    assert_eq!(compiled(&ran), [""; 0], "{ran}");
    assert!(ran.did("generate keys.rs"), "the edit counts: {ran}");
    let help = uk(folder.path(), ["run", "--", "--help"]).run().ok();
    assert!(help.stdout.contains(&doc), "{help}");
}

#[test]
fn a_comment_in_the_manifest_executes_nothing() {
    let folder = built("hello-key", &BOTH);
    folder.write("unikernel.kdl", &format!("// {}\n{}", token(), folder.read("unikernel.kdl")));
    let ran = rebuild(&folder, &BOTH);
    assert_eq!(ran.counts().0, 0, "{ran}");
}

#[test]
fn touching_every_file_executes_nothing() {
    let folder = built("hello-key", &BOTH);
    for path in folder.listing().iter().filter(|path| !path.ends_with('/') && !path.starts_with(".uk/")) {
        let text = folder.bytes(path);
        let path = folder.join(path);
        std::fs::write(&path, text).expect("files can be written");
        let later = FileTimes::new().set_modified(SystemTime::now() + Duration::from_secs(3600));
        let file = File::options().append(true).open(&path).expect("files can be opened");
        file.set_times(later).expect("times can be set");
    }
    let ran = rebuild(&folder, &BOTH);
    assert_eq!(ran.counts().0, 0, "{ran}");
}

#[test]
fn an_artifact_that_was_removed_or_spoilt_comes_back_without_building() {
    let folder = built("hello-key", &[]);
    let artifact = folder.bytes("dist/hello-key");
    std::fs::remove_file(folder.join("dist/hello-key")).expect("it is there");
    assert_eq!(rebuild(&folder, &[]).counts().0, 0);
    assert_eq!(folder.bytes("dist/hello-key"), artifact);
    std::fs::write(folder.join("dist/hello-key"), "spoilt")
        .expect("it can be written: it is no part of the store");
    assert_eq!(rebuild(&folder, &[]).counts().0, 0);
    assert_eq!(folder.bytes("dist/hello-key"), artifact);
}

#[test]
fn files_that_are_no_source_make_nothing_dirty() {
    let folder = built("hello-key", &[]);
    folder.write(".gitignore", "*.img\n");
    rebuild(&folder, &[]);
    folder.write("disk.img", &token());
    folder.write("target/debug/x", &token());
    let ran = rebuild(&folder, &[]);
    assert_eq!(ran.counts().0, 0, "{ran}");
}

#[test]
fn links_to_nowhere_and_in_circles_are_no_sources() {
    use std::os::unix::fs::symlink;
    let folder = built("hello-key", &[]);
    symlink("user@host.1234:5678", folder.join("src/.#lib.rs")).expect("links can be made");
    symlink("..", folder.join("src/around")).expect("links can be made");
    let ran = rebuild(&folder, &[]);
    assert_eq!(ran.counts().0, 0, "{ran}");
}

#[test]
fn a_new_source_file_counts() {
    let folder = built("hello-key", &[]);
    folder.write("src/more.rs", &format!("//! {}\n", token()));
    folder.edit("src/lib.rs", "uk_device::keys!();", "mod more;\nuk_device::keys!();");
    let ran = rebuild(&folder, &[]);
    assert!(ran.did("compile hello-key"), "{ran}");
}

#[test]
fn builds_at_once_in_one_folder_agree() {
    let (folder, store) = (Folder::example("hello"), Folder::empty());
    let builds: Vec<_> = (0..4)
        .map(|_| uk(folder.path(), ["build"].iter().chain(&BOTH)).store(store.path()).start())
        .collect();
    builds.into_iter().for_each(|build| drop(build.wait().ok()));
    let after = build(&folder, store.path(), &BOTH);
    assert_eq!(after.counts().0, 0, "{after}");
}

#[test]
fn two_builds_at_once_with_one_store_do_the_work_once() {
    let (one, two, store) = (Folder::example("hello"), Folder::example("hello"), Folder::empty());
    let start = |folder: &Folder| uk(folder.path(), ["build"]).store(store.path()).start();
    let (first, second) = (start(&one), start(&two));
    let (first, second) = (first.wait().ok(), second.wait().ok());
    let (a, b) = (first.executed(), second.executed());
    let twice: Vec<_> = a.iter().filter(|done| done.starts_with("compile ") && b.contains(done)).collect();
    assert_eq!(twice, [""; 0], "{first}\n{second}");
    assert_eq!(one.bytes("dist/hello"), two.bytes("dist/hello"));
}

/// CI keeps the store beside the sources, to find it again.
#[test]
fn a_store_in_the_project_is_none_of_its_sources() {
    let folder = Folder::example("hello");
    let build = || uk(folder.path(), ["build"]).env("UK_STORE", folder.join(".cache/uk")).run().ok();
    build();
    let ran = build();
    assert_eq!(ran.counts().0, 0, "{ran}");
}
