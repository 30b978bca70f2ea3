//! Files for unikernels: the example `kv-ro` with every implementation, and what a change or a fault of its folder does.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use uk_device::conformance::kv_files;

use crate::support::{Folder, MICROVM, Place, Q35, Ran, UNIX, can_run, repository, token, uk};

const CONFIRMED: &str = "INF [application] Contents of extremely secret vital storage confirmed!";

fn confirms(place: Place, kinds: &[&str]) {
    if !can_run(place) {
        return;
    }
    let folder = Folder::example("kv-ro");
    for kind in kinds {
        let set = format!("kv_ro={kind}");
        let ran = uk(folder.path(), [&["run"], place, &["--set", &set]].concat()).run().ok();
        let lines: Vec<&str> = ran.stdout.lines().collect();
        assert!(lines.len() == 1 && lines[0].ends_with(CONFIRMED), "{kind}: {ran}");
    }
}

#[test]
fn every_implementation_confirms_the_secret_on_unix() {
    confirms(UNIX, &["crunch", "archive", "fat", "direct"]);
}

#[test]
fn those_for_machines_confirm_the_secret_there() {
    confirms(MICROVM, &["crunch", "archive", "fat"]);
    confirms(Q35, &["fat"]);
}

/// Makes the files of the conformance suite.
fn fill(folder: &Path) {
    for (key, value) in kv_files() {
        let path = folder.join(key);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("folders can be made");
        fs::write(path, value).expect("files can be written");
    }
}

/// A store gives what an older `uk` made under the same key. So whoever changes what a tool makes raises `DATA_VERSION`, and then these.
#[test]
fn data_that_come_out_otherwise_have_another_version() {
    const VERSION: u32 = 5;
    const MADE: [(&str, &str); 3] = [
        ("crunch", "d6c58c5a05995c4f4f7008a0438f3a0241f448285019e683935fdff5a8a91fe9"),
        ("fat", "fed744ca4f1767f2accd2e9b718fd40458931e18d05c127e120c124ac0090ede"),
        ("tar", "8d998e213d7276b97086cd15e492f4b0564fa5b31e977c2cf8258394a1929da7"),
    ];
    assert_eq!(uk_planner::lower::DATA_VERSION, VERSION);
    let folder = Folder::empty();
    fill(&folder.join("t"));
    assert_eq!(MADE.map(|(tool, _)| tool), uk_data::TOOLS);
    for (tool, digest) in MADE {
        uk_data::make(tool, &folder.join("t"), &folder.join(tool)).expect("it can be made");
        assert_eq!(blake3::hash(&folder.bytes(tool)).to_hex().as_str(), digest, "{tool}");
    }
}

/// Every implementation side by side in one guest, each with all of its interface.
fn values_conform(place: Place) -> Option<Folder> {
    if !can_run(place) {
        return None;
    }
    let folder = Folder::copy(&repository().join("tests/guests/values"));
    fill(&folder.join("t"));
    zeros(&folder.join("log.img"));
    let ran = uk(folder.path(), [&["run"], place].concat()).run().ok();
    assert!(ran.stdout.ends_with("[application] done\n"), "{ran}");
    Some(folder)
}

fn zeros(image: &Path) {
    let image = File::create(image).expect("it can be made");
    image.set_len(4 << 20).expect("files can be big");
}

/// And a store keeps to the sectors that it was made for.
#[test]
fn values_conform_on_unix() {
    let Some(folder) = values_conform(UNIX) else { return };
    let run = || uk(folder.path(), ["run"]).run();
    let refused = |one: &str| {
        let before = folder.bytes("log.img");
        let ran = run().ends(1);
        assert!(ran.stderr.contains(one) && !ran.stdout.contains("done"), "{ran}");
        assert!(folder.bytes("log.img") == before, "it is left as it is: {ran}");
    };
    folder.edit("unikernel.kdl", "file=log.img", "file=log.img sector-size=4096");
    refused("made on sectors of 512 bytes, and the disk has sectors of 4096");
    zeros(&folder.join("log.img"));
    run().ok();
    folder.edit("unikernel.kdl", " sector-size=4096", "");
    refused("made on sectors of 4096 bytes, and the disk has sectors of 512");
}

#[test]
fn values_conform_on_microvm() {
    let _ = values_conform(MICROVM);
}

#[test]
fn a_folder_of_the_host_is_refused_on_virtio_with_the_others_named() {
    let folder = Folder::example("kv-ro");
    let words = ["build", "--target", "virtio", "--set", "kv_ro=direct"];
    let said = uk(folder.path(), words).run().fails(1, &["UK0305"]);
    for other in ["crunch", "archive", "fat"] {
        assert!(said.contains(other), "{said}");
    }
}

#[test]
fn variants_stand_side_by_side_and_are_cleaned_up() {
    let folder = Folder::example("kv-ro");
    let words = ["build", "--set", "kv_ro=crunch,archive,fat"];
    let ran = uk(folder.path(), words).run().ok();
    let compiled = ran.executed().into_iter().filter(|done| done.starts_with("compile kv-ro")).count();
    assert!(compiled <= 1, "the application is one crate for all: {ran}");
    for name in ["kv-ro+kv_ro=crunch", "kv-ro+kv_ro=archive-assets.tar", "kv-ro+kv_ro=fat-assets.fat"] {
        assert!(folder.join("dist").join(name).is_file(), "{name}");
    }
    let ran = uk(folder.path(), words).run().ok();
    assert_eq!(ran.counts().0, 0, "{ran}");
    uk(folder.path(), ["clean"]).run().ok();
    assert!(!folder.join("dist").exists(), "{:?}", folder.listing());
}

fn compiled(ran: &Ran) -> Vec<String> {
    ran.executed().into_iter().filter(|done| done.starts_with("compile")).collect()
}

#[test]
fn a_changed_file_makes_the_data_anew_and_no_crate() {
    let folder = Folder::example("kv-ro");
    for (kind, links) in [("crunch", true), ("archive", false), ("fat", false)] {
        let set = format!("kv_ro={kind}");
        let build = || uk(folder.path(), ["build", "--set", &set]).run().ok();
        build();
        folder.write("t/other", &token());
        let ran = build();
        assert_eq!(compiled(&ran), [""; 0], "{kind}: {ran}");
        assert!(ran.did("data"), "{kind}: {ran}");
        assert_eq!(ran.did("link"), links, "{kind}: {ran}");
        // The same bytes with another time are no change.
        let same = folder.read("t/other");
        folder.write("t/other", &same);
        let ran = build();
        assert_eq!(ran.counts().0, 0, "{kind}: {ran}");
    }
}

/// Building fails before anything is built, and says `parts`.
fn refused(folder: &Folder, kind: &str, parts: &[&str]) {
    let set = format!("kv_ro={kind}");
    let said = uk(folder.path(), ["build", "--set", &set]).run().fails(1, &["UK0411"]);
    for part in parts.iter().chain(&["[unikernel.kdl:3:", "help: "]) {
        assert!(said.contains(part), "`{part}`: {said}");
    }
    assert!(!folder.join("dist").exists(), "nothing is built");
}

#[test]
fn folders_that_cannot_become_data_are_told_before_anything_is_built() {
    let example = || Folder::example("kv-ro");
    let folder = example();
    fs::remove_dir_all(folder.join("t")).expect("it can be removed");
    refused(&folder, "crunch", &["the folder `t`", "it isn't there"]);
    folder.write("t", "a file");
    refused(&folder, "archive", &["it isn't a folder"]);

    let folder = example();
    symlink("loop", folder.join("t/loop")).expect("a link can be made");
    refused(&folder, "crunch", &["the link `loop`", "leads nowhere"]);

    let folder = example();
    fs::create_dir(folder.join("t/deep")).expect("a folder can be made");
    symlink("../deep", folder.join("t/deep/again")).expect("a link can be made");
    refused(&folder, "archive", &["the link `deep/again`", "in a circle"]);

    let folder = example();
    symlink("/etc/hostname", folder.join("t/outside")).expect("a link can be made");
    refused(&folder, "fat", &["the link `outside`", "leads out of it"]);

    let folder = example();
    fs::write(folder.join("t").join(OsStr::from_bytes(b"\xff")), "x").expect("it can be written");
    refused(&folder, "fat", &["isn't UTF-8"]);

    let folder = example();
    let manifest = folder.read("unikernel.kdl");
    for (dir, built) in [("dist", "dist"), ("dist/below", "dist"), (".uk/sdk", ".uk"), (".", "dist")] {
        folder.write("unikernel.kdl", &manifest.replace("dir=t", &format!("dir={dir:?}")));
        refused(&folder, "crunch", &[&format!("what is in `{built}/` is built of them")]);
    }

    let folder = example();
    let big = File::create(folder.join("t/big")).expect("it can be made");
    // A hole: nothing reads it.
    big.set_len(1 << 32).expect("files can be big");
    refused(&folder, "fat", &["`big` has 4294967296 bytes", "help: split the file"]);

    let folder = example();
    folder.write("t/SECRET", "another");
    refused(&folder, "fat", &["FAT doesn't tell `SECRET` from `secret`"]);
}

/// A folder that is read as it is when the guest runs: it is looked at then, and is in no crate's source set.
#[test]
fn a_folder_of_the_host_that_cannot_be_given_is_told_at_its_device() {
    let folder = Folder::example("kv-ro");
    let run = |words: &[&str]| uk(folder.path(), [&["run", "--set", "kv_ro=direct"], words].concat()).run();
    let refused = |code: &str, part: &str| {
        let ran = run(&[]).ends(125);
        assert_eq!((ran.codes(), &*ran.stdout), (vec![code], ""), "{ran}");
        for part in [part, "[unikernel.kdl:3:", "`assets`", "help: "] {
            assert!(ran.stderr.contains(part), "`{part}`: {ran}");
        }
    };
    run(&[]).ok();

    symlink("loop", folder.join("t/loop")).expect("a link can be made");
    refused("UK0708", "the link `loop` in it leads nowhere");
    let given = folder.join("t").display().to_string();
    run(&["--attach", &format!("assets={given}")]).ok();
    fs::remove_file(folder.join("t/loop")).expect("it can be removed");

    symlink(".", folder.join("t/circle")).expect("a link can be made");
    refused("UK0708", "the link `circle` in it leads in a circle");
    fs::remove_file(folder.join("t/circle")).expect("it can be removed");

    let name = folder.join("t").join(OsStr::from_bytes(b"\xff"));
    fs::write(&name, "x").expect("it can be written");
    refused("UK0708", "isn't UTF-8");
    fs::remove_file(&name).expect("it can be removed");
    run(&[]).ok();

    fs::remove_dir_all(folder.join("t")).expect("it can be removed");
    refused("UK0707", "/t`, which the guest is given");
    folder.write("t", "a file");
    refused("UK0708", "it isn't a folder");
}

#[test]
fn a_damaged_image_is_an_error_of_the_guest() {
    let folder = Folder::example("kv-ro");
    for (kind, file, what) in [
        ("archive", "dist/kv-ro-assets.tar", "tar archive"),
        ("fat", "dist/kv-ro-assets.fat", "FAT file system"),
    ] {
        let set = format!("kv_ro={kind}");
        uk(folder.path(), ["build", "--set", &set]).run().ok();
        let image = folder.bytes(file);
        let run = |image: &[u8]| {
            fs::write(folder.join("other"), image).expect("it can be written");
            uk(folder.path(), ["run", "--set", &set, "--attach", "assets-block=other"]).run()
        };
        let mut larger = image.clone();
        larger.resize(image.len() + (1 << 20), 0);
        assert!(run(&larger).ok().stdout.contains(CONFIRMED), "{kind}");
        let at = image.windows(4).position(|bytes| bytes == b"foo\n").expect("the secret is in it");
        larger[at] ^= 1;
        let cut = &image[..image.len() - 512];
        let nothing = format!("the disk holds no {what}, or a damaged one");
        for (image, part) in [(&larger[..], "the stored values are damaged"), (cut, &nothing)] {
            let ran = run(image).ends(1);
            assert!(ran.stderr.contains(part), "{kind}: {ran}");
            assert!(!ran.stdout.contains(CONFIRMED), "{kind}: {ran}");
        }
    }
}
