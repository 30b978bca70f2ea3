//! Links in a project: those that stay in it are as good as what they lead to, others lead `uk` nowhere.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::{Folder, token, uk};

fn with_hooks(example: &str, hooks: &str) -> Folder {
    let folder = Folder::example(example);
    let manifest = folder.read("unikernel.kdl");
    folder.write("unikernel.kdl", &format!("{manifest}\n{hooks}\n"));
    folder
}

/// A link `name` in `folder`.
fn link(folder: &Folder, name: &str, to: impl AsRef<std::path::Path>) {
    let _ = fs::remove_file(folder.join(name));
    symlink(to, folder.join(name)).expect("links can be made");
}

#[test]
fn a_hook_makes_nothing_where_a_link_leads_out_of_the_project() {
    let outside = Folder::empty();
    for step in ["image \"lnk/disk.img\" sectors=8", "copy Cargo.toml \"lnk/a/b\"", "mkdir \"lnk\""] {
        let folder = with_hooks("hello", &format!("hook files {{\n    {step}\n}}"));
        link(&folder, "lnk", outside.path());
        let said = uk(folder.path(), ["build"]).run().fails(1, &["UK0212"]);
        for part in ["`lnk` leads to it", "[unikernel.kdl:", "help: put a folder"] {
            assert!(said.contains(part), "`{part}`: {said}");
        }
        assert!(outside.listing().is_empty() && !folder.join("dist").exists(), "{said}");
    }

    // In a folder that a program makes.
    let folder = with_hooks(
        "hello",
        "hook files {\n    run \"tools/make\" {\n        tool mkdir\n        output \"site/\"\n    }\n}",
    );
    let script = format!("#!/bin/sh\n# {}\nset -e\nmkdir -p site/deep\necho a > site/deep/a\n", token());
    folder.write("tools/make", &script);
    fs::set_permissions(folder.join("tools/make"), PermissionsExt::from_mode(0o755))
        .expect("modes can be set");
    fs::create_dir(folder.join("site")).expect("folders can be made");
    link(&folder, "site/deep", outside.path());
    let said = uk(folder.path(), ["build"]).run().fails(1, &["UK0212"]);
    assert!(said.contains("`site/deep` leads to it") && outside.listing().is_empty(), "{said}");
    fs::create_dir(folder.join("inside")).expect("folders can be made");
    link(&folder, "site/deep", "../inside");
    uk(folder.path(), ["build"]).run().ok();
    assert_eq!(folder.read("inside/a"), "a\n");
    // What the program doesn't make any more stays where a link has come to lead to it.
    outside.write("a", "a\n");
    link(&folder, "site/deep", outside.path());
    folder.edit("tools/make", "echo a > site/deep/a", "echo b > site/b");
    uk(folder.path(), ["build"]).run().ok();
    assert_eq!((folder.read("site/b"), outside.read("a")), ("b\n".into(), "a\n".into()));
}

#[test]
fn a_hook_goes_by_links_inside_the_project() {
    let folder = with_hooks("hello", "hook files {\n    image \"lnk/disk.img\" sectors=8\n}");
    fs::create_dir(folder.join("disks")).expect("folders can be made");
    link(&folder, "lnk", "disks");
    uk(folder.path(), ["build"]).run().ok();
    assert!(folder.join("disks/disk.img").exists());
    uk(folder.path(), ["clean"]).run().ok();
    assert!(!folder.join("disks/disk.img").exists() && folder.join("disks").exists());
}

#[test]
fn nothing_is_built_into_a_dist_that_leads_out_of_the_project() {
    let (folder, outside) = (Folder::example("noop"), Folder::empty());
    link(&folder, "dist", outside.path());
    for command in ["build", "run"] {
        let ran = uk(folder.path(), [command]).run();
        assert!(ran.codes() == ["UK0212"] && ran.stderr.contains("`dist` leads to it"), "{ran}");
        assert!(ran.executed().is_empty() && outside.listing().is_empty(), "{ran}");
    }
    fs::create_dir(folder.join("out")).expect("folders can be made");
    link(&folder, "dist", "out");
    uk(folder.path(), ["build"]).run().ok();
    assert!(folder.join("out/noop").is_file());
    uk(folder.path(), ["clean"]).run().ok();
    assert!(!folder.join("out/noop").exists() && folder.join("out").exists());
}

#[test]
fn clean_removes_nothing_that_a_link_has_come_to_lead_out_to() {
    let (folder, outside) =
        (with_hooks("hello", "hook files {\n    image \"disks/disk.img\" sectors=8\n}"), Folder::empty());
    uk(folder.path(), ["build"]).run().ok();
    for moved in ["disks", "dist"] {
        fs::rename(folder.join(moved), outside.join(moved)).expect("it can be moved");
        link(&folder, moved, outside.join(moved));
    }
    let before = outside.listing();
    let said = uk(folder.path(), ["clean", "--force"]).run().ok().stderr;
    for kept in ["disks/disk.img", "dist/hello"] {
        let told = format!("kept {}: a link leads out of the project to it", folder.join(kept).display());
        assert!(said.contains(&told), "{kept}: {said}");
    }
    assert_eq!(outside.listing(), before, "{said}");
}

#[test]
fn data_come_from_no_folder_that_a_link_leads_out_to() {
    let (folder, outside) = (Folder::example("kv-ro"), Folder::empty());
    fs::rename(folder.join("t"), outside.join("t")).expect("it can be moved");
    link(&folder, "t", outside.join("t"));
    let run = |word: &str, kind: &str| uk(folder.path(), [word, "--set", &format!("kv_ro={kind}")]).run();
    for kind in ["crunch", "direct"] {
        let said = run("build", kind).fails(1, &["UK0212"]);
        assert!(said.contains("`t` leads to it") && said.contains("[unikernel.kdl:"), "{kind}: {said}");
    }
    fs::rename(outside.join("t"), folder.join("files")).expect("it can be moved");
    link(&folder, "t", "files");
    for kind in ["crunch", "direct"] {
        assert!(run("run", kind).ok().stdout.contains("vital storage confirmed"), "{kind}");
    }
}

#[test]
fn a_link_that_leads_nowhere_is_told_where_an_image_belongs() {
    let folder = Folder::example("block");
    link(&folder, "disk.img", "nowhere/disk.img");
    let ran = uk(folder.path(), ["build"]).run().ok();
    let told = "`disk.img` is a link that leads nowhere, and is kept";
    assert!(ran.codes() == ["UK0609"] && ran.stderr.contains(told), "{ran}");
    let said = uk(folder.path(), ["run"]).run().fails(125, &["UK0609", "UK0707"]);
    assert!(said.contains("as `disk`: it is a link that leads nowhere"), "{said}");
    assert!(said.contains("help: make what it leads to, or give another"), "{said}");
    uk(folder.path(), ["run", "--fresh"]).run().ok();
    assert!(folder.join("disk.img").symlink_metadata().is_ok_and(|found| found.is_file()));
}
