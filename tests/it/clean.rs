//! `uk clean` removes what was recorded as made, nothing else.

use crate::support::{Folder, Ran, uk, wait_until};

fn built() -> Folder {
    let folder = Folder::example("hello-key");
    uk(folder.path(), ["build", "--target", "unix", "--target", "virtio"]).run().ok();
    folder
}

#[test]
fn clean_takes_back_all_that_was_made_but_the_lock() {
    let folder = Folder::example("hello-key");
    let mut before = folder.listing();
    before.push("unikernel.lock".to_owned());
    before.sort();
    before.dedup();
    uk(folder.path(), ["build", "--target", "unix", "--target", "virtio"]).run().ok();
    assert!(folder.join("dist/hello-key").is_file() && folder.join(".uk").is_dir());
    let lock = folder.read("unikernel.lock");
    let ran = uk(folder.path(), ["clean"]).run().ok();
    assert_eq!(folder.listing(), before, "{ran}");
    assert_eq!(folder.read("unikernel.lock"), lock);
    assert_eq!(ran.stdout, "");
}

#[test]
fn clean_keeps_the_users_files() {
    let folder = built();
    folder.write("dist/notes.txt", "mine");
    folder.write("disk.img", "mine");
    folder.write("dist/deep/er.txt", "mine");
    uk(folder.path(), ["clean"]).run().ok();
    let left: Vec<String> =
        folder.listing().into_iter().filter(|p| p.starts_with("dist") || p.starts_with("disk")).collect();
    assert_eq!(left, ["disk.img", "dist/", "dist/deep/", "dist/deep/er.txt", "dist/notes.txt"]);
}

#[test]
fn clean_keeps_an_artifact_that_was_edited_and_says_so() {
    let folder = built();
    std::fs::write(folder.join("dist/hello-key"), "mine now").expect("it can be written");
    let ran = uk(folder.path(), ["clean"]).run().ok();
    assert_eq!(folder.read("dist/hello-key"), "mine now");
    assert!(!folder.join("dist/hello-key.virtio").exists());
    let said = ran.stderr.lines().find(|line| line.starts_with("kept ")).unwrap_or_default();
    assert!(said.contains("dist/hello-key"), "{ran}");
}

#[test]
fn clean_removes_an_artifact_that_is_a_copy_of_what_was_made() {
    let folder = built();
    std::fs::copy(folder.join("dist/hello-key"), folder.join("copy")).expect("it can be copied");
    std::fs::rename(folder.join("copy"), folder.join("dist/hello-key")).expect("it can be renamed");
    let ran = uk(folder.path(), ["clean"]).run().ok();
    assert!(!folder.join("dist").exists(), "{ran}");
}

#[test]
fn clean_names_the_file_that_it_cannot_remove() {
    let folder = built();
    std::fs::remove_file(folder.join("dist/hello-key")).expect("it can be removed");
    folder.write("dist/hello-key/mine", "");
    let said = uk(folder.path(), ["clean", "--force"]).run().fails(1, &["UK0506"]);
    let named = format!("`{}` can't be removed: Is a directory", folder.join("dist/hello-key").display());
    assert!(said.contains(&named) && said.contains("help: "), "{said}");
    assert_eq!(folder.read("dist/hello-key/mine"), "");
}

#[test]
fn a_second_clean_does_nothing() {
    let folder = built();
    uk(folder.path(), ["clean"]).run().ok();
    let after = folder.listing();
    let ran = uk(folder.path(), ["clean"]).run().ok();
    assert_eq!((&*ran.stdout, &*ran.stderr), ("", ""));
    assert_eq!(folder.listing(), after);
}

#[test]
fn clean_waits_until_nobody_builds() {
    let folder = built();
    let held = std::fs::File::open(folder.path()).expect("it is there");
    held.lock_shared().expect("nobody has it for himself");
    let running = uk(folder.path(), ["clean"]).start();
    wait_until("it says that it waits", || running.said("stderr").contains("waiting for another `uk`"));
    assert!(folder.join(".uk").exists() && folder.join("dist/hello-key").exists());
    drop(held);
    let ran = running.wait().ok();
    assert!(!folder.join(".uk").exists() && !folder.join("dist").exists(), "{ran}");
}

#[test]
fn clean_in_a_fresh_folder_does_nothing() {
    let folder = Folder::example("hello");
    let before = folder.listing();
    let ran = uk(folder.path(), ["clean"]).run().ok();
    assert_eq!((&*ran.stdout, &*ran.stderr), ("", ""));
    assert_eq!(folder.listing(), before);
}

#[test]
fn clean_leaves_a_state_folder_that_is_not_ours() {
    let folder = Folder::example("hello");
    folder.write(".uk/mine.txt", "mine");
    uk(folder.path(), ["clean"]).run().ok();
    assert_eq!(folder.read(".uk/mine.txt"), "mine");
}

#[test]
fn of_many_files_the_first_are_named_and_the_rest_is_counted() {
    let folder = Folder::example("noop");
    let hooks: String = (0..25).map(|number| format!("    mkdir \"many/{number}\"\n")).collect();
    folder.write("unikernel.kdl", &format!("{}hook many {{\n{hooks}}}\n", folder.read("unikernel.kdl")));
    let lines = |ran: &Ran, what: &str| {
        let lines = ran.stderr.lines().filter(|line| line.starts_with(what)).map(str::to_owned);
        lines.collect::<Vec<_>>()
    };
    let last = |what: &str, more: usize| format!("{what} {more} more in {}", folder.path().display());
    let made = lines(&uk(folder.path(), ["build"]).run().ok(), "made ");
    assert!(made.len() == 11 && made[0].ends_with("/many/0"), "{made:?}");
    assert_eq!(made[10], last("made", 15));
    // With two artifacts, and the folder that was made around the others.
    let removed = lines(&uk(folder.path(), ["clean"]).run().ok(), "removed ");
    assert!(removed.len() == 11 && removed[10] == last("removed", 18), "{removed:?}");
    assert!(!folder.join("many").exists());
}

#[test]
fn after_clean_a_build_brings_all_back_without_building() {
    let folder = built();
    let artifact = folder.bytes("dist/hello-key");
    uk(folder.path(), ["clean"]).run().ok();
    let ran = uk(folder.path(), ["build"]).run().ok();
    assert_eq!(ran.counts().0, 0, "the store keeps it: {ran}");
    assert_eq!(folder.bytes("dist/hello-key"), artifact);
}

#[test]
fn clean_removes_nothing_outside_of_the_project_whatever_the_record_says() {
    let outside = Folder::empty();
    let victim = outside.join("victim");
    for path in [victim.display().to_string(), "dist/../../victim".to_owned()] {
        let folder = built();
        // It is what was made, so that nothing but its place is wrong.
        for copy in [victim.clone(), folder.join("../victim")] {
            std::fs::copy(folder.join("dist/hello-key.virtio"), copy).expect("it can be copied");
        }
        folder.edit(".uk/made.json", "\"dist/hello-key.virtio\"", &format!("{path:?}"));
        uk(folder.path(), ["clean", "--force"]).run();
        assert!(victim.exists() && folder.join("../victim").exists(), "{path}");
        assert!(!folder.join("dist/hello-key").exists(), "the rest of the record is read");
    }
}

#[test]
fn a_file_in_the_place_of_dist_or_uk_is_told_and_left() {
    let folder = Folder::example("noop");
    folder.write(".uk", "mine");
    let said = uk(folder.path(), ["build"]).run().fails(1, &["UK0506"]);
    assert!(said.contains(".uk` is a file") && said.contains("`mv .uk .uk.old`"), "{said}");
    std::fs::remove_file(folder.join(".uk")).expect("it is left");
    for place in [".uk", "dist"] {
        std::os::unix::fs::symlink("/nowhere", folder.join(place)).expect("links can be made");
        let said = uk(folder.path(), ["build"]).run().fails(1, &["UK0506"]);
        assert!(
            said.contains(&format!("{place}` is a link to `/nowhere`, where there is no folder")),
            "{said}"
        );
        std::fs::remove_file(folder.join(place)).expect("it is left");
    }
    folder.write("dist", "mine");
    let said = uk(folder.path(), ["build"]).run().fails(1, &["UK0506"]);
    assert!(said.contains("dist` is a file") && said.contains("`mv dist dist.old`"), "{said}");
    uk(folder.path(), ["clean"]).run().ok();
    assert_eq!(folder.read("dist"), "mine");
    assert!(!folder.join(".uk").exists());
}
