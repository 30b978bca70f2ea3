//! Disks: the example `block` and the conformance suite on the host and on every machine, and what `uk run` gives guests.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::process::{Command, Stdio};

use rustix::fs::{FlockOperation, fcntl_lock};
use uk_device::conformance::BLOCK_SECTORS;

use crate::support::{Folder, MACHINES, MICROVM, Place, Ran, UNIX, can_run, copy, repository, uk};

fn run_in(folder: &Folder, place: Place, options: &[&str]) -> Ran {
    uk(folder.path(), [&["run"], place, options].concat()).run()
}

/// A sparse image that begins with `first`.
fn image(folder: &Folder, path: &str, size: u64, first: &[u8]) {
    folder.write(path, "");
    let mut file = File::options().write(true).open(folder.join(path)).expect("it was made");
    file.write_all(first).and_then(|()| file.set_len(size)).expect("files can be written");
}

/// The tutorial's ten tests, on the image that the hook makes.
fn ten_tests(place: Place) {
    if !can_run(place) {
        return;
    }
    let folder = Folder::example("block");
    let ran = run_in(&folder, place, &[]).ok();
    let said: Vec<&str> = ran.stdout.lines().filter_map(|line| line.split_once("] ").map(|l| l.1)).collect();
    assert_eq!(said[0], "sectors = 100000 read_write=true sector_size=512", "{ran}");
    let last = &said[said.len() - 3..];
    assert_eq!(
        last,
        ["Total tests started: 10", "Total tests passed:  10", "Total tests failed:  0"],
        "{ran}"
    );
    let image = folder.bytes("disk.img");
    assert_eq!(image.len(), 100_000 * 512);
    assert_eq!(
        image[..14],
        [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1],
        "what the guest wrote is in the file"
    );
    // What a guest writes makes nothing dirty.
    assert_eq!(uk(folder.path(), [&["build"], place_target(place)].concat()).run().ok().counts().0, 0);
}

fn place_target(place: Place) -> &'static [&'static str] {
    &place[..2]
}

#[test]
fn the_block_example_passes_its_ten_tests_on_unix() {
    ten_tests(UNIX);
}

#[test]
fn the_block_example_passes_its_ten_tests_on_every_machine() {
    MACHINES.into_iter().for_each(ten_tests);
}

/// Disks of every kind side by side: each is found by its name, and does what the interface says.
fn disks_conform(place: Place) {
    if !can_run(place) {
        return;
    }
    let folder = Folder::copy(&repository().join("tests/guests/disks"));
    image(&folder, "first.img", BLOCK_SECTORS * 512, b"1");
    image(&folder, "fixed.img", 512, b"f");
    image(&folder, "images/wide.img", BLOCK_SECTORS * 4096, b"w");
    let mut rights = fs::metadata(folder.join("fixed.img")).expect("it was made").permissions();
    rights.set_readonly(true);
    fs::set_permissions(folder.join("fixed.img"), rights).expect("rights can be changed");
    let ran = run_in(&folder, place, &[]).ok();
    assert!(ran.stdout.ends_with("[application] done\n"), "{ran}");
    assert_eq!(folder.bytes("fixed.img")[..2], *b"f\0");
}

#[test]
fn disks_conform_on_unix() {
    disks_conform(UNIX);
}

#[test]
fn disks_conform_on_every_machine() {
    MACHINES.into_iter().for_each(disks_conform);
}

/// The example without its hook.
fn without_hook() -> Folder {
    let folder = Folder::example("block");
    let manifest = folder.read("unikernel.kdl");
    let (head, rest) = manifest.split_once("hook ").expect("it has one");
    let (_, tail) = rest.split_once("}\n").expect("it ends");
    folder.write("unikernel.kdl", &[head, tail].concat());
    folder
}

#[test]
fn a_guest_does_not_start_without_its_disk() {
    let folder = without_hook();
    for place in [UNIX, MICROVM].into_iter().filter(|place| can_run(place)) {
        let ran = run_in(&folder, place, &[]).ends(125);
        assert_eq!((ran.codes(), &*ran.stdout), (vec!["UK0707"], ""), "{ran}");
        assert!(ran.stderr.contains("unikernel.kdl:") && ran.stderr.contains("truncate -s"), "{ran}");

        image(&folder, "odd.img", 1000, b"");
        let ran = run_in(&folder, place, &["--attach", "disk=odd.img"]).ends(125);
        assert_eq!((ran.codes(), &*ran.stdout), (vec!["UK0708"], ""), "{ran}");
        assert!(ran.stderr.contains("sectors of 512 bytes"), "{ran}");
        for (what, said) in [(".", "neither a file nor a disk"), ("empty.img", "it is empty")] {
            image(&folder, "empty.img", 0, b"");
            let ran = run_in(&folder, place, &["--attach", &format!("disk={what}")]).ends(125);
            assert_eq!(ran.codes(), ["UK0708"], "{ran}");
            assert!(ran.stderr.contains(said), "{ran}");
        }
        let ran = run_in(&folder, place, &["--attach", "dsk=odd.img"]).ends(125);
        assert_eq!(ran.codes(), ["UK0709"], "{ran}");
        assert!(ran.stderr.contains("did you mean `--attach disk=...`?"), "{ran}");
        let ran = run_in(&folder, place, &["--attach", "disk"]).ends(125);
        assert!(ran.stderr.contains("disk=other.img"), "{ran}");
    }
}

/// Told before the guest starts, in the same words for all targets.
#[test]
fn a_disk_that_another_process_uses_is_not_given_to_a_guest() {
    let folder = without_hook();
    image(&folder, "disk.img", 64 * 512, b"");
    let file = File::options().write(true).open(folder.join("disk.img")).expect("it was made");
    fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).expect("nobody else has it");
    for place in [UNIX, MICROVM].into_iter().filter(|place| can_run(place)) {
        let ran = run_in(&folder, place, &[]).ends(125);
        assert_eq!((ran.codes(), &*ran.stdout), (vec!["UK0708"], ""), "{ran}");
        for part in
            ["another process uses it", "`fuser -v disk.img`", "`--attach disk=PATH`", "unikernel.kdl:"]
        {
            assert!(ran.stderr.contains(part), "`{part}`: {ran}");
        }
    }
    drop(file);
    run_in(&folder, UNIX, &[]).ok();
}

/// QEMU's locks keep nobody from locking: it notes by them what it does.
#[test]
fn a_disk_that_qemu_writes_is_not_given_to_a_guest_that_reads() {
    if !can_run(MICROVM) {
        return;
    }
    let folder = without_hook();
    folder.edit("unikernel.kdl", "file=disk.img", "file=disk.img read-only=#true");
    image(&folder, "disk.img", 64 * 512, b"");
    let mut command = Command::new("qemu-system-x86_64");
    command.args(["-S", "-nodefaults", "-display", "none", "-qmp", "stdio"]);
    command.args(["-drive", "file=disk.img,format=raw,if=virtio"]).current_dir(folder.path());
    let mut qemu = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it is installed");
    // It answers when it has its disks.
    let mut asked = qemu.stdin.take().expect("it is piped");
    asked.write_all(b"{\"execute\": \"qmp_capabilities\"}\n").expect("it reads");
    let mut answers = BufReader::new(qemu.stdout.take().expect("it is piped")).lines();
    let ready = answers.by_ref().map_while(Result::ok).any(|line| line.contains("\"return\""));
    let runs = [UNIX, MICROVM].map(|place| run_in(&folder, place, &[]));
    qemu.kill().and_then(|()| qemu.wait()).expect("it is there");
    assert!(ready);
    for ran in runs {
        let ran = ran.ends(125);
        assert_eq!((ran.codes(), &*ran.stdout), (vec!["UK0708"], ""), "{ran}");
        let why = "another process uses it, and what the guest reads would change meanwhile";
        assert!(ran.stderr.contains(why), "{ran}");
    }
    assert!(run_in(&folder, UNIX, &[]).ends(1).stdout.contains("read_write=false"));
}

/// What it writes would be lost: it has what was there open.
#[test]
fn a_disk_that_another_process_uses_is_neither_replaced_nor_removed() {
    let folder = Folder::example("block");
    let manifest = folder.read("unikernel.kdl");
    folder.write("unikernel.kdl", &format!("{manifest}\nhook more {{\n    copy golden.img copied.img\n}}\n"));
    image(&folder, "golden.img", 512, b"a");
    let build = |args: &[&str]| uk(folder.path(), [&["build"], args].concat()).run();
    build(&[]).ok();
    let lock = |path: &str| {
        let file = File::options().write(true).open(folder.join(path)).expect("it was made");
        fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).expect("nobody else has it");
        file
    };
    let disk = lock("disk.img");
    let said = build(&["--fresh"]).fails(1, &["UK0608"]);
    for part in ["can't make `disk.img`: another process uses it", "`fuser -v disk.img` names it"] {
        assert!(said.contains(part), "`{part}`: {said}");
    }
    for words in [&["clean"][..], &["clean", "--force"]] {
        let said = uk(folder.path(), words).run().ok().stderr;
        let kept = "disk.img: another process uses it; end that one (`fuser -v disk.img` names it)";
        assert!(said.contains(kept) && folder.join("disk.img").exists(), "{said}");
    }
    drop(disk);

    // What would follow its source stays with whoever uses it.
    build(&[]).ok();
    image(&folder, "golden.img", 512, b"b");
    let disk = lock("copied.img");
    let ran = build(&[]).ok();
    let kept = "`copied.img` isn't what the hook `more` would make now, and is kept: another process uses it";
    assert!(ran.codes() == ["UK0609"] && ran.stderr.contains(kept), "{ran}");
    drop(disk);
    assert_eq!(folder.bytes("copied.img")[..1], *b"a");
    assert_eq!(build(&[]).ok().codes(), [""; 0]);
    assert_eq!(folder.bytes("copied.img")[..1], *b"b");
    build(&["--fresh"]).ok();
    uk(folder.path(), ["clean"]).run().ok();
    assert!(!folder.join("disk.img").exists() && !folder.join("copied.img").exists());
}

#[test]
fn a_disk_that_can_only_be_read_is_not_to_be_made_of_zeros() {
    let folder = without_hook();
    folder.edit("unikernel.kdl", "file=disk.img", "file=disk.img read-only=#true");
    let said = run_in(&folder, UNIX, &[]).fails(125, &["UK0707"]);
    assert!(!said.contains("truncate") && said.contains("help: put it there, or give another"), "{said}");
    image(&folder, "disk.img", 0, b"");
    let said = run_in(&folder, UNIX, &[]).fails(125, &["UK0708"]);
    assert!(!said.contains("truncate") && said.contains("help: put there what is to be read"), "{said}");
}

#[test]
fn a_disk_that_is_given_twice_is_told() {
    let folder = without_hook();
    let twice = ["--attach", "disk=a.img", "--attach", "disk=b.img"];
    let said = run_in(&folder, UNIX, &twice).fails(125, &["UK0206"]);
    assert!(said.contains("`--attach disk` is given twice") && said.contains("help: leave one"), "{said}");
}

/// The program alone, from another folder: it says how it is given a path.
#[test]
fn a_program_that_lacks_its_file_names_the_variable_that_gives_another() {
    let (block, kv_ro, elsewhere) = (without_hook(), Folder::example("kv-ro"), Folder::empty());
    uk(block.path(), ["build"]).run().ok();
    uk(kv_ro.path(), ["build", "--set", "kv_ro=direct"]).run().ok();
    let run = |program: std::path::PathBuf, variables: &[(&str, std::path::PathBuf)]| {
        let mut command = std::process::Command::new(program);
        command.current_dir(elsewhere.path()).envs(variables.iter().cloned());
        crate::support::run::program(command)
    };
    image(&block, "other.img", 64 * 512, b"");
    for (program, variable, path) in [
        (block.join("dist/block-test"), "UK_ATTACH_DISK", block.join("other.img")),
        (kv_ro.join("dist/kv-ro"), "UK_ATTACH_ASSETS", kv_ro.join("t")),
    ] {
        let ran = run(program.clone(), &[]).ends(1);
        assert!(ran.stderr.contains(&format!("the variable `{variable}` names another")), "{ran}");
        run(program, &[(variable, path)]).ok();
    }
}

#[test]
fn another_file_can_be_given_and_the_manifests_stays_as_it_is() {
    let folder = without_hook();
    for (number, place) in [UNIX, MICROVM].into_iter().enumerate().filter(|(_, place)| can_run(place)) {
        let other = format!("with, comma {number}.img");
        image(&folder, &other, 12 * 512, b"");
        image(&folder, "disk.img", 512, b"untouched");
        let ran = run_in(&folder, place, &["--attach", &format!("disk={other}")]).ok();
        assert!(ran.stdout.contains("sectors = 12 "), "{ran}");
        assert_eq!(folder.bytes("disk.img")[..9], *b"untouched");
        assert!(folder.bytes(&other).iter().any(|byte| *byte != 0));
    }
    // From any folder, and with the path of the command line from there.
    let elsewhere = Folder::empty();
    image(&elsewhere, "here.img", 20 * 512, b"");
    let manifest = folder.path().display().to_string();
    let words =
        ["-C", &manifest, "run", "--attach", &format!("disk={}", elsewhere.join("here.img").display())];
    assert!(uk(elsewhere.path(), words).run().ok().stdout.contains("sectors = 20 "));
    image(&folder, "disk.img", 16 * 512, b"");
    assert!(uk(elsewhere.path(), ["-C", &manifest, "run"]).run().ok().stdout.contains("sectors = 16 "));
}

#[test]
fn sectors_that_do_not_fit_and_disks_that_are_read_only_are_errors() {
    let folder = without_hook();
    image(&folder, "disk.img", 64 * 512, b"");
    folder.edit("unikernel.kdl", "file=disk.img", "file=disk.img sector-size=1000");
    let ran = run_in(&folder, UNIX, &[]).ends(125);
    assert_eq!(ran.codes(), ["UK0307"], "{ran}");
    folder.edit("unikernel.kdl", "sector-size=1000", "sector-size=65536");
    let ran = run_in(&folder, UNIX, &[]).ends(125);
    assert!(ran.codes() == ["UK0708"] && ran.stderr.contains("sectors of 65536 bytes"), "{ran}");
    folder.edit("unikernel.kdl", "sector-size=65536", "read-only=#true");
    for place in [UNIX, MICROVM].into_iter().filter(|place| can_run(place)) {
        let ran = run_in(&folder, place, &[]).ends(1);
        assert!(ran.stdout.contains("read_write=false"), "{ran}");
        assert!(ran.stdout.contains("write and read of 1 sectors at 0: the disk can only be read"), "{ran}");
        assert!(ran.stdout.contains("Total tests failed:  8"), "{ran}");
        assert!(folder.bytes("disk.img").iter().all(|byte| *byte == 0), "nothing was written");
    }
}

#[test]
fn the_printed_command_and_the_plan_show_the_disks() {
    let folder = Folder::example("block");
    let path = folder.join("disk.img").display().to_string();
    let shown = run_in(&folder, UNIX, &["--print"]).ok().stdout;
    assert_eq!(
        shown.trim_end(),
        format!("UK_ATTACH_DISK={path} {}", folder.join("dist/block-test").display())
    );
    let shown = run_in(&folder, MICROVM, &["--print", "--attach", "disk=/dev/other,disk"]).ok().stdout;
    assert!(shown.contains("file.filename=/dev/other,,disk "), "{shown}");
    assert!(shown.contains("-device virtio-blk-device,drive=disk0,serial=disk\n"), "{shown}");
    let plan = uk(folder.path(), ["plan"]).run().ok().stdout;
    assert!(plan.contains("  attach disk = file disk.img\n"), "{plan}");
    let plan = uk(folder.path(), ["plan", "--format", "json"]).run().ok().stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("it is JSON");
    let expected = serde_json::json!([{
        "name": "disk", "id": "disk", "device": "disk", "kind": "file", "path": "disk.img",
        "read_only": false, "sector_size": 512,
    }]);
    assert_eq!(plan["unikernels"][0]["attachments"], expected);
}

#[test]
fn a_path_that_cannot_stand_in_a_command_is_refused() {
    let (folder, place) = (Folder::example("block"), Folder::empty());
    let here = place.path().join(OsStr::from_bytes(b"b\xff"));
    fs::create_dir(&here).expect("it can be made");
    folder.write("x.img", &"\0".repeat(512));
    // As it is typed: by way of the current folder.
    let up = "../".repeat(here.components().count() - 1);
    let there = format!("{up}{}", folder.path().strip_prefix("/").expect("it is absolute").display());
    for words in [&["--print"][..], &["--target", "virtio"]] {
        let run = ["-C", &there, "run", "--attach", "disk=x.img"];
        let ran = uk(&here, run.iter().chain(words)).run();
        assert_eq!((ran.status.code(), ran.codes()), (Some(125), vec!["UK0708"]), "{ran}");
        assert!(ran.stdout.is_empty() && ran.stderr.contains("its path isn't UTF-8"), "{ran}");
    }
}

#[test]
fn the_printed_command_runs_wherever_the_project_is() {
    let folder = Folder::empty();
    let project = folder.join("a=b; $HOME & (it's) [c]{d,e} ~*?!#|<>\\\"`");
    copy(&repository().join("examples/block"), &project);
    uk(&project, ["build"]).run().ok();
    let shown = uk(&project, ["run", "--print"]).run().ok().stdout;
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &shown]).current_dir(folder.path());
    let ran = crate::support::run::program(shell).ok();
    assert!(ran.stdout.contains("Total tests passed"), "{ran}");
}

#[test]
fn a_copied_image_keeps_its_holes() {
    const SIZE: u64 = 1 << 30;
    let folder = Folder::example("hello");
    image(&folder, "golden.img", SIZE, b"data");
    let manifest = folder.read("unikernel.kdl");
    let hooks = "hook disks {\n    copy golden.img disk.img\n    run cp golden.img made.img {\n        input golden.img\n        \
                 output made.img\n    }\n}\n";
    folder.write("unikernel.kdl", &format!("{manifest}\n{hooks}"));
    uk(folder.path(), ["build"]).run().ok();
    for path in ["disk.img", "made.img"] {
        let made = File::open(folder.join(path)).expect("it was made");
        let found = made.metadata().expect("it is open");
        assert_eq!(found.len(), SIZE);
        assert!(found.blocks() < 1000, "{path} takes {} blocks", found.blocks());
        let mut begin = [0; 5];
        made.read_exact_at(&mut begin, 0).expect("it can be read");
        assert_eq!(begin, *b"data\0");
    }
}

#[test]
fn what_is_in_an_images_place_is_told_with_what_to_type() {
    let folder = Folder::example("block");
    fs::create_dir(folder.join("disk.img")).expect("folders can be made");
    let said = uk(folder.path(), ["build"]).run().fails(1, &["UK0608"]);
    assert!(said.contains("a folder is there, and a file is wanted"), "{said}");
    assert!(said.contains("help: move it away (`mv disk.img disk.img.old`)"), "{said}");
    let said = uk(folder.path(), ["build", "--fresh"]).run().fails(1, &["UK0608"]);
    assert!(
        said.contains("help: `--fresh` makes all files of hooks anew, and nothing else: move it away"),
        "{said}"
    );
    fs::remove_dir(folder.join("disk.img")).expect("it is empty");
    image(&folder, "disk.img", 512, b"");
    let said = uk(folder.path(), ["build"]).run().ok().stderr;
    assert!(said.contains("help: `truncate -s 51200000 disk.img` makes it longer"), "{said}");
    // A size that no disk has: the guest isn't started, and both say the same.
    fs::create_dir(folder.join("a")).expect("folders can be made");
    for (bytes, file) in [(0, "disk.img"), (1000, "\"a/.././disk.img\"")] {
        image(&folder, "disk.img", bytes, b"");
        folder.edit("unikernel.kdl", "file=disk.img", &format!("file={file}"));
        let said = uk(folder.path(), ["run"]).run().fails(125, &["UK0609", "UK0708"]);
        assert_eq!(said.matches("`truncate -s 51200000 ").count(), 2, "{said}");
    }
    image(&folder, "disk.img", 51_200_001, b"");
    let said = uk(folder.path(), ["run"]).run().fails(125, &["UK0708"]);
    assert!(said.contains("`truncate -s 51200512 a/../disk.img`"), "nothing is cut off: {said}");
}
