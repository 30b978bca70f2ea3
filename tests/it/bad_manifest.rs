//! A manifest or command line at fault: an error that names the place and the way out, and nothing written.

use crate::support::{Folder, uk};

/// A copy of `hello-key` with this manifest.
fn with(manifest: &str) -> Folder {
    let folder = Folder::example("hello-key");
    folder.write("unikernel.kdl", manifest);
    folder
}

/// Each command fails with these codes, says `parts`, and leaves the folder as it was.
#[track_caller]
fn fails(folder: &Folder, options: &[&str], codes: &[&str], parts: &[&str]) {
    let before = folder.listing();
    let manifest = folder.join("unikernel.kdl").exists().then(|| folder.bytes("unikernel.kdl"));
    for (command, code) in [("build", 1), ("plan", 1), ("keys", 1), ("run", 125)] {
        let said = uk(folder.path(), [command].iter().chain(options)).run().fails(code, codes);
        for part in parts {
            assert!(said.contains(part), "`{part}` in what `uk {command}` says:\n{said}");
        }
        assert_eq!(folder.listing(), before, "`uk {command}` writes nothing");
    }
    assert_eq!(folder.join("unikernel.kdl").exists().then(|| folder.bytes("unikernel.kdl")), manifest);
}

/// As [`fails`], for a manifest alone.
#[track_caller]
fn refused(manifest: &str, codes: &[&str], parts: &[&str]) {
    fails(&with(manifest), &[], codes, parts);
}

const JOB: &str = "job main entry=\"hello_key::start\" {\n    keys\n    time default-time\n}\n";

#[test]
fn no_manifest() {
    let folder = Folder::empty();
    let place = format!("there is no `unikernel.kdl` in `{}`", folder.path().display());
    fails(&folder, &[], &["UK0101"], &[&place, "help: ", "uk -C FOLDER"]);
    let missing = uk(folder.path(), ["build", "-C", "nowhere"]).run().fails(1, &["UK0101"]);
    assert!(missing.contains("there is no folder `nowhere`"), "{missing}");
}

#[test]
fn two_unikernels() {
    refused(
        &format!("unikernel one\n{JOB}unikernel two\n"),
        &["UK0206"],
        &["[unikernel.kdl:", "the first", "the second", "help: ", "workspace { member"],
    );
}

#[test]
fn three_syntax_faults_are_three_diagnostics() {
    refused(
        "unikernel hello-key\nkey a type=string default=\"open\nkey b type=string default=#maybe\njob main )\n",
        &["UK0103"; 3],
        &[
            "[unikernel.kdl:2:",
            "[unikernel.kdl:3:",
            "[unikernel.kdl:4:",
            "help: write `\"`",
            "`#maybe` isn't a keyword",
        ],
    );
}

#[test]
fn an_unknown_node_and_an_unknown_property() {
    refused(
        &format!("unikernel hello-key\nkeyy hello type=string\nkey hello type=string defalt=x\n{JOB}"),
        &["UK0201", "UK0202"],
        &["[unikernel.kdl:2:1]", "did you mean `key`?", "[unikernel.kdl:3:23]", "did you mean `default`?"],
    );
}

#[test]
fn an_include_that_leads_out_or_cannot_be_read() {
    refused(
        &format!(
            "unikernel hello-key\ninclude \"gen/[a\" \"../x/*\" \"/etc/hosts\" \"!/words.txt\"\nkeyy x\n{JOB}"
        ),
        &["UK0412", "UK0212", "UK0212", "UK0212", "UK0201"],
        &[
            "[unikernel.kdl:2:9]",
            "unclosed character class",
            "help: `*` stands for",
            "[unikernel.kdl:2:18]",
            "`../x/*` is outside of",
            "`/words.txt` is outside of",
            "help: beside the manifest it is `\"!./words.txt\"`",
        ],
    );
}

#[test]
fn an_include_that_no_file_fits() {
    let folder = Folder::example("hello-key");
    let manifest = folder.read("unikernel.kdl");
    folder.write("site/a/b.html", "");
    let plan = |include: &str| {
        folder.write("unikernel.kdl", &format!("{manifest}\n{include}\n"));
        uk(folder.path(), ["plan"]).run().ok()
    };
    let ran = plan("include \"./site/**/*.html\" \"b.html\" \"!site/a/b.html\" \"./Cargo.toml\"");
    assert!(!ran.stderr.contains("UK0412"), "{ran}");
    let ran = plan("include site \"page/*.html\" \"site/*\" \"./b.html\" \"b.html\" \"!c.html\" \"!site\"");
    assert_eq!(ran.codes(), ["UK0412"; 6], "{ran}");
    for part in [
        "it is a folder: `include \"site/**\"`",
        "no file fits `page/*.html`",
        "take it out, or name files",
        "no file fits `./b.html`, so it adds nothing to",
        "no file fits `!c.html`, so it takes nothing out of",
        "it is a folder: `include \"!site/**\"`",
    ] {
        assert!(ran.stderr.contains(part), "`{part}`: {ran}");
    }
}

#[test]
fn an_unknown_device() {
    refused(
        "unikernel hello-key\njob main entry=\"hello_key::start\" {\n    time default-tmie\n}\n",
        &["UK0301"],
        &["there is no device `default-tmie`", "[unikernel.kdl:3:10]", "did you mean `default-time`?"],
    );
}

#[test]
fn an_unknown_implementation() {
    refused(
        "unikernel hello-key\ndevice clock default-tmie\njob main entry=\"hello_key::start\" {\n    time clock\n}\n",
        &["UK0301"],
        &["[unikernel.kdl:2:14]", "did you mean `default-time`?"],
    );
}

#[test]
fn an_unknown_key_type() {
    let manifest = format!("unikernel hello-key\nkey hello type=strin default=x\n{JOB}");
    let folder = with(&manifest);
    let said = uk(folder.path(), ["build"]).run().ends(1).stderr;
    assert!(
        said.contains("`strin`") && said.contains("[unikernel.kdl:2:") && said.contains("help: "),
        "{said}"
    );
}

#[test]
fn an_unknown_target() {
    let folder = Folder::example("hello");
    let options = ["--target", "virtoi"];
    fails(&folder, &options, &["UK0304"], &["there is no target `virtoi`", "did you mean `virtio`?"]);
}

#[test]
fn a_target_of_another_system() {
    if !cfg!(target_os = "macos") {
        let options = ["--target", "macosx"];
        let parts = ["the target `macosx` is built on a Mac only", "help: here, `--target unix`"];
        fails(&Folder::example("hello"), &options, &["UK0705"], &parts);
    }
}

#[test]
fn a_device_of_another_interface() {
    let folder =
        with("unikernel hello-key\njob main entry=\"hello_key::start\" {\n    shelf default-time\n}\n");
    // The interface `shelf` comes with a crate of the application's.
    folder.edit("Cargo.toml", "log =", "shelf = { path = \"shelf\" }\nlog =");
    folder.write(
        "shelf/Cargo.toml",
        "[package]\nname = \"shelf\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [package.metadata.uk]\ndevices = \"device.kdl\"\n",
    );
    folder.write("shelf/src/lib.rs", "#![no_std]\n");
    folder.write(
        "shelf/device.kdl",
        "interface shelf trait=\"shelf::Shelf\" doc=\"Books.\"\n\n\
         implementation shelf-block provides=shelf {\n    doc \"A shelf.\"\n    \
         targets all { crate shelf connect=\"shelf::connect\" }\n}\n",
    );
    fails(&folder, &[], &["UK0303"], &["[unikernel.kdl:3:", "shelf", "time", "help: ", "shelf-block"]);
}

#[test]
fn a_key_of_the_wrong_type() {
    refused(
        &format!(
            "unikernel hello-key\nkey port type=u16 default=\"eighty\"\nkey small type=u8 default=300\n{JOB}"
        ),
        &["UK0205", "UK0307"],
        &[
            "[unikernel.kdl:2:",
            "[unikernel.kdl:3:",
            "a whole number from 0 to 255",
            "a whole number from 0 to 65535",
        ],
    );
    let folder = with(&format!("unikernel hello-key\nkey port type=u16 default=80\n{JOB}"));
    let options = ["--set", "port=eighty"];
    fails(&folder, &options, &["UK0307"], &["--set port=eighty", "a whole number from 0 to 65535"]);
}

#[test]
fn set_on_an_unknown_key() {
    let folder = Folder::example("hello-key");
    let options = ["--set", "helo=x"];
    fails(&folder, &options, &["UK0306"], &["there is no key `helo`", "did you mean `--set hello=x`?"]);
    fails(&folder, &["--set", "hello"], &["UK0203"], &["help: write `--set NAME=VALUE`"]);
    let none = Folder::example("hello");
    fails(&none, &options, &["UK0306"], &["there is no key `helo`", "help: "]);
}

#[test]
fn an_entry_that_is_no_path() {
    for entry in ["start", "hello_key::start()", "hello-key::start", "hello_key::", "1::2", ""] {
        let manifest = format!("unikernel hello-key\njob main entry=\"{entry}\"\n");
        refused(&manifest, &["UK0208"], &["[unikernel.kdl:2:", "help: "]);
    }
}

#[test]
fn many_faults_are_told_at_once() {
    let manifest = "unikernel hello-key\njob main entry=\"hello_key::start\" {\n    time default-tmie\n    \
                    chime default-time\n}\n";
    let folder = with(manifest);
    let options = ["--set", "helo=x"];
    let codes = ["UK0301", "UK0302", "UK0306"];
    fails(&folder, &options, &codes, &["helo", "default-tmie", "there is no interface `chime`"]);
}

#[test]
fn random_bytes() {
    // A generator of one's own, so that a failure can be seen again.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let folder = Folder::example("hello-key");
    let before = folder.listing();
    for round in 0..24_usize {
        let mut bytes: Vec<u8> = (0..round * 40).map(|_| next()).collect();
        if round % 2 == 1 {
            // Text, so that it gets past the reading.
            bytes.iter_mut().for_each(|b| *b = b" \n\t{}()=\";/\\#*-+ankyu0.,ixr\r"[usize::from(*b) % 28]);
        }
        std::fs::write(folder.join("unikernel.kdl"), &bytes).expect("files can be written");
        let ran = uk(folder.path(), ["build"]).run().ends(1);
        assert!(!ran.codes().is_empty() && !ran.stderr.contains("panicked"), "{bytes:?}: {ran}");
        assert_eq!(folder.listing(), before);
    }
}

#[test]
fn an_empty_manifest_and_one_without_a_job() {
    let said = uk(with("").path(), ["build"]).run().ends(1).stderr;
    assert!(said.contains("UK0") && said.contains("help: "), "{said}");
    refused("unikernel hello-key\n", &["UK0203"], &["[unikernel.kdl:1:1]", "help: add `job main"]);
}

#[test]
fn an_unknown_code() {
    let folder = Folder::empty();
    let said = uk(folder.path(), ["explain", "UK9999"]).run().fails(1, &["UK0706"]);
    assert!(said.contains("`UK9999` isn't a code") && said.contains("help: "), "{said}");
    for way in ["uk0303", "303"] {
        let page = uk(folder.path(), ["explain", way]).run().ok();
        assert!(page.stdout.contains("UK0303"), "{page}");
    }
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let folder = Folder::example("hello");
    let before = folder.listing();
    for words in
        [&["biuld"][..], &["build", "--tarot"], &["build", "-j", "0"], &["plan", "--format", "xml"], &[]]
    {
        let ran = uk(folder.path(), words).run().ends(2);
        assert!(ran.stderr.contains("--help"), "{ran}");
    }
    assert_eq!(folder.listing(), before);
}

#[test]
fn a_flood_of_faults_is_cut() {
    let key = "    key again type=string\n";
    let folder = with(&format!("unikernel hello-key\n{}{JOB}", key.trim_start().repeat(1001)));
    fails(&folder, &[], &["UK0206"; 100], &["... and 900 more of them"]);
}
