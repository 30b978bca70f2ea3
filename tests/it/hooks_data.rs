//! Data of devices that are made of what hooks make.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Folder, Ran, token, uk};

/// `kv-ro`, whose device is given `dir`, with a hook whose program `tools/make` has this text and makes `output` of
/// `secret.txt`. The folder `t` has no secret any more.
fn example(dir: &str, output: &str, program: &str) -> Folder {
    let folder = Folder::example("kv-ro");
    folder.edit("unikernel.kdl", "dir=t", &format!("dir={dir:?}"));
    let hook = format!(
        "hook files {{\n    run \"tools/make\" {{\n        input secret.txt\n        tool mkdir\n        tool cat\n        \
         tool ln\n        output {output:?}\n    }}\n}}\n"
    );
    let manifest = folder.read("unikernel.kdl");
    folder.write("unikernel.kdl", &format!("{manifest}\n{hook}"));
    script(&folder, program);
    folder.write("secret.txt", "foo\n");
    fs::remove_file(folder.join("t/secret")).expect("it is there");
    folder
}

fn script(folder: &Folder, program: &str) {
    folder.write("tools/make", &format!("#!/bin/sh\n# {}\nset -e\n{program}\n", token()));
    fs::set_permissions(folder.join("tools/make"), PermissionsExt::from_mode(0o755))
        .expect("rights can be changed");
}

fn go(folder: &Folder, word: &str, kind: &str) -> Ran {
    uk(folder.path(), [word, "--set", &format!("kv_ro={kind}")]).run()
}

/// The guest finds the secret that only the hook has.
fn confirms(folder: &Folder, kind: &str) -> Ran {
    let ran = go(folder, "run", kind).ok();
    assert!(ran.stdout.contains("vital storage confirmed"), "{kind}: {ran}");
    ran
}

const WHOLE: &str = "mkdir -p site/deep; cat secret.txt > site/secret; cat secret.txt > site/deep/secret";

#[test]
fn data_of_a_folder_that_a_hook_makes_come_after_it() {
    let folder = example("./site", "site/", WHOLE);
    for kind in ["crunch", "archive", "fat", "direct"] {
        confirms(&folder, kind);
        assert_eq!(go(&folder, "build", kind).ok().counts().0, 0, "{kind}");
    }
    let plan = go(&folder, "plan", "archive").ok();
    assert!(plan.stdout.contains("hook files = run for site for assets (there)"), "{plan}");

    // The hook's own script says nothing else: the data stay.
    script(&folder, WHOLE);
    let ran = go(&folder, "build", "archive").ok();
    assert!(ran.did("hook files") && !ran.did("data"), "{ran}");
    // Another secret: data anew, and in one command.
    let secret = token();
    folder.write("secret.txt", &secret);
    let ran = go(&folder, "build", "archive").ok();
    assert!(ran.did("hook files") && ran.did("data") && !ran.did("compile"), "{ran}");
    let image = folder.bytes("dist/kv-ro-assets.tar");
    assert!(image.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()));
    // What somebody puts beside the manifest in its place is kept, and is in no data.
    folder.write("site/secret", "mine\n");
    folder.write("site/more", "mine\n");
    assert_eq!(go(&folder, "build", "archive").ok().counts().0, 0);
    assert_eq!(folder.read("site/secret"), "mine\n");
}

#[test]
fn data_of_a_folder_in_which_a_hook_makes_a_file_take_both() {
    let folder = example("t", "t/secret", "cat secret.txt > t/secret");
    confirms(&folder, "crunch");
    confirms(&folder, "archive");
    assert_eq!(go(&folder, "build", "archive").ok().counts().0, 0, "what was put there is known");
    let tar = folder.bytes("dist/kv-ro-assets.tar");
    let other = folder.bytes("t/other");
    assert!(tar.windows(other.len()).any(|bytes| bytes == other), "the project's own file is in it");
    // An edited output is kept beside the manifest, and the data are of what the hook makes.
    folder.write("t/secret", "mine\n");
    assert_eq!(go(&folder, "build", "archive").ok().counts().0, 0);
    // The folder itself may be made by the hook alone.
    fs::remove_dir_all(folder.join("t")).expect("it can be removed");
    folder.write("secret.txt", &token());
    let ran = go(&folder, "build", "archive").ok();
    assert!(ran.did("data") && folder.join("t/secret").exists(), "{ran}");
}

#[test]
fn a_folder_in_what_a_hook_makes_can_become_data() {
    let folder = example("site/deep", "site/", WHOLE);
    confirms(&folder, "fat");
    let tar = |folder: &Folder| {
        go(folder, "build", "archive").ok();
        folder.bytes("dist/kv-ro-assets.tar")
    };
    assert_eq!(tar(&folder), tar(&example("site", "site/", "mkdir -p site; cat secret.txt > site/secret")));

    script(&folder, "mkdir -p site; cat secret.txt > site/secret");
    let said = go(&folder, "build", "fat").fails(1, &["UK0411"]);
    for part in ["`site/deep`", "no folder `deep` in what the hook made", "[unikernel.kdl:3:", "help: "] {
        assert!(said.contains(part), "`{part}`: {said}");
    }
    script(&folder, "mkdir -p site/deep; cat secret.txt > 'site/deep/a:b'");
    let said = go(&folder, "build", "fat").fails(1, &["UK0411"]);
    assert!(said.contains("a:b") && said.contains("help: "), "{said}");
}

#[test]
fn what_is_the_users_or_no_folder_is_refused() {
    let refused = |folder: &Folder, code: &str, parts: &[&str]| {
        let said = go(folder, "build", "crunch").fails(1, &[code]);
        for part in parts.iter().chain(&["help: "]) {
            assert!(said.contains(part), "`{part}`: {said}");
        }
        assert!(!folder.join("dist").exists(), "nothing is built");
    };
    refused(
        &example("t", "t", "cat secret.txt > t"),
        "UK0213",
        &["`t`", "a file in its place", "output \"t/\""],
    );
    let folder = Folder::example("kv-ro");
    let manifest = folder.read("unikernel.kdl");
    folder.write("unikernel.kdl", &format!("{manifest}\nhook own {{ copy \"t/other\" \"t/more\"; }}\n"));
    refused(&folder, "UK0213", &["`t/more` is the user's", "[unikernel.kdl:3:", "the hook `own`"]);
    // A folder that is served as it is may hold what is the user's.
    confirms(&folder, "direct");

    // What hangs on more than itself would be other data on another machine.
    let folder = example("site", "site/", "mkdir -p site; ln -s /etc/hostname site/secret");
    refused(&folder, "UK0605", &["`files`", "site/secret", "is a link"]);
    assert!(!folder.join("site").exists());
}

#[test]
fn a_hook_does_not_read_what_is_built() {
    let folder = Folder::example("hello");
    let manifest = folder.read("unikernel.kdl");
    for (step, part) in [
        (
            "copy \"dist/hello\" a",
            "`dist/hello` can't be read by a hook: what is in `dist/` is built after it",
        ),
        ("run cp a b { input \".uk/made.json\"; output b; }", "`.uk/made.json` can't be read"),
        ("run cp a b { input \".\"; output b; }", "`.` can't be read"),
    ] {
        folder.write("unikernel.kdl", &format!("{manifest}\nhook files {{\n    {step}\n}}\n"));
        let said = uk(folder.path(), ["build"]).run().fails(1, &["UK0213"]);
        assert!(said.contains(part) && said.contains("name what it is made from"), "{said}");
        assert!(!folder.join("dist").exists(), "{said}");
    }
}
