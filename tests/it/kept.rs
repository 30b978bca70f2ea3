//! What a guest has said to be kept is there at the next boot, also when the machine was killed.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::process::Signal;

use crate::support::{Folder, MICROVM, Place, Q35, UNIX, can_run, uk, wait_until};

/// `uk run` in `place`, with words for the guest.
fn run_with<'w>(
    folder: &Folder,
    place: Place,
    words: impl IntoIterator<Item = &'w str>,
) -> crate::support::Uk {
    uk(folder.path(), ["run"].into_iter().chain(place.iter().copied()).chain(["--"]).chain(words))
}

/// What the application has logged.
fn lines(stdout: &str) -> Vec<&str> {
    stdout.lines().filter_map(|line| line.split_once("[application] ").map(|l| l.1)).collect()
}

#[test]
fn the_lottery_draws_once_a_boot_wherever_that_is() {
    let folder = Folder::example("disk-lottery");
    let places: Vec<Place> = [UNIX, MICROVM, UNIX, Q35].into_iter().filter(|place| can_run(place)).collect();
    for (place, draw) in places.iter().zip(1..) {
        let ran = run_with(&folder, place, []).run().ok();
        assert!(lines(&ran.stdout).iter().any(|line| line.starts_with(&format!("draw {draw}: "))), "{ran}");
    }
    let image = folder.bytes("lottery.img");
    let number = |at: usize| u64::from_le_bytes(image[at..at + 8].try_into().expect("eight bytes"));
    assert_eq!(number(16), places.len() as u64, "the ledger");
    assert_eq!((1..17).map(|sector| number(sector * 512)).sum::<u64>(), places.len() as u64, "the slots");
}

/// Waits until nobody uses a disk. A process that was killed has its files for a moment longer, and a machine with much else to
/// do makes it long.
fn released(image: &Path) {
    let disk = File::options().write(true).open(image).expect("it is there");
    wait_until("nobody uses the disk", || {
        fcntl_lock(&disk, FlockOperation::NonBlockingLockExclusive).is_ok()
    });
}

/// Notes are added in several boots, each of which is killed in the middle.
fn notes_survive(place: Place, kills: usize) {
    if !can_run(place) {
        return;
    }
    let folder = Folder::example("notes");
    uk(folder.path(), [&["build"], &place[..2]].concat()).run().ok();
    let mut notes: Vec<String> = Vec::new();
    for kill in 0..kills {
        let texts: Vec<String> = (0..150).map(|number| format!("{kill}.{number}")).collect();
        let words = ["add"].into_iter().chain(texts.iter().map(String::as_str));
        let running = run_with(&folder, place, words).start();
        let enough = format!("added {}\n", notes.len() + 3 + 11 * kill);
        wait_until("notes are added", || running.said("stdout").contains(&enough));
        running.signal_all(Signal::KILL);
        let ran = running.wait();
        released(&folder.join("notes.img"));
        let said = lines(&ran.stdout).len();
        let listed = run_with(&folder, place, ["list"]).run().ok();
        let listed = lines(&listed.stdout);
        // What was said to be added, and perhaps some that there was no time to tell of.
        assert!(listed.len() >= notes.len() + said, "{said} were added, {ran}");
        notes.extend(texts.into_iter().take(listed.len() - notes.len()));
        let expected: Vec<String> =
            notes.iter().zip(1..).map(|(text, number)| format!("{number} {text}")).collect();
        assert_eq!(listed, expected, "{ran}");
    }
}

#[test]
fn notes_survive_the_kill_of_their_process() {
    notes_survive(UNIX, 8);
}

#[test]
fn notes_survive_the_kill_of_their_machine() {
    notes_survive(MICROVM, 3);
}

#[test]
fn notes_are_removed_together_or_not_at_all() {
    let folder = Folder::example("notes");
    run_with(&folder, UNIX, ["add", "milk", "bread", "two words"]).run().ok();
    run_with(&folder, UNIX, ["remove", "2", "7"]).run().ends(3);
    run_with(&folder, UNIX, ["remove", "1", "2"]).run().ok();
    let listed = run_with(&folder, UNIX, ["list"]).run().ok();
    assert_eq!(lines(&listed.stdout), ["3 two words"]);
    // A disk that holds something else is left alone.
    let image = folder.bytes("notes.img");
    let other = "someone else's disk\n".repeat(image.len() / 20 + 1)[..image.len()].to_owned();
    folder.write("notes.img", &other);
    let ran = run_with(&folder, UNIX, ["list"]).run().ends(1);
    assert!(format!("{ran}").contains("the disk holds something that isn't a store"), "{ran}");
    assert!(folder.read("notes.img") == other);
}

#[test]
fn a_note_that_is_damaged_on_the_disk_is_named() {
    let folder = Folder::example("notes");
    run_with(&folder, UNIX, ["add", "milk", "bread"]).run().ok();
    let mut image = folder.bytes("notes.img");
    let at = image.windows(5).position(|bytes| bytes == b"bread").expect("it is on the disk");
    image[at] ^= 1;
    std::fs::write(folder.join("notes.img"), image).expect("files can be written");
    let ran = run_with(&folder, UNIX, ["list"]).run().ends(1);
    assert_eq!(lines(&ran.stdout), ["1 milk"]);
    assert!(ran.stderr.contains("`notes/0000000002`: the stored values are damaged"), "{ran}");
}
