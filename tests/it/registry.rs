//! Crates of others, where cargo keeps them: what is edited there is told or has no effect, and never gets into the store.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::hermetic::has;
use crate::support::{Folder, Uk, uk};

/// An application that uses a crate of the registry, and a cargo of its own to keep it.
struct Place {
    application: Folder,
    home: Folder,
    store: Folder,
}

impl Place {
    fn new() -> Self {
        let application = Folder::application(
            "scopeguard = { version = \"1\", default-features = false }",
            "#![no_std]\n\nuse uk_device::Time;\n\n/// Says it.\npub async fn start(_time: impl Time) {\n    \
             log::info!(\"{}\", *scopeguard::guard(\"from the registry\", |_| ()));\n}\n",
        );
        // Where there is nothing to fetch any more.
        uk(application.path(), ["plan"]).run().ok();
        let (home, theirs) = (Folder::empty(), cargo_home());
        fs::create_dir_all(home.join("registry/cache")).expect("folders can be made");
        symlink(theirs.join("registry/index"), home.join("registry/index")).expect("links can be made");
        for index in fs::read_dir(theirs.join("registry/cache")).expect("crates were fetched") {
            let index = index.expect("it can be listed");
            let here = home.join("registry/cache").join(index.file_name());
            fs::create_dir(&here).expect("folders can be made");
            for archive in fs::read_dir(index.path()).expect("it can be listed") {
                let archive = archive.expect("it can be listed");
                symlink(archive.path(), here.join(archive.file_name())).expect("links can be made");
            }
        }
        Self { application, home, store: Folder::empty() }
    }

    fn uk(&self, args: &[&str]) -> Uk {
        let args = args.iter().chain(&["--offline"]);
        uk(self.application.path(), args).store(self.store.path()).env("CARGO_HOME", self.home.path())
    }

    /// Where its cargo has unpacked `scopeguard`: `registry/src/INDEX/scopeguard-VERSION`.
    fn unpacked(&self) -> PathBuf {
        let indices = fs::read_dir(self.home.join("registry/src")).expect("it is there");
        let all = indices.flat_map(|index| fs::read_dir(index.expect("it can be listed").path()));
        let mut all = all.flatten().map(|entry| entry.expect("it can be listed").path());
        let ours = |path: &PathBuf| {
            path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("scopeguard-1."))
        };
        all.find(ours).expect("the crate is there")
    }

    /// The archive that this was unpacked from, of those of all indices and versions that were ever fetched.
    fn archive(&self) -> PathBuf {
        let unpacked = self.unpacked();
        let below = unpacked.strip_prefix(self.home.join("registry/src")).expect("it is there");
        self.home.join("registry/cache").join(format!("{}.crate", below.display()))
    }

    /// Gives the manifest another stamp, so that no memo holds.
    fn forget(&self) {
        let manifest = self.application.read("Cargo.toml");
        self.application.write("Cargo.toml", &manifest);
    }

    fn keys(&self) -> Vec<Value> {
        let text = self.uk(&["plan", "--format", "json"]).run().ok().stdout;
        let plan: Value = serde_json::from_str(&text).expect("it is JSON");
        plan["nodes"].as_array().expect("a list").clone()
    }

    fn verified(&self) {
        let store = self.store.path();
        uk(self.application.path(), ["store", "verify"]).store(store).run().ok();
    }
}

fn cargo_home() -> PathBuf {
    let home = |name| std::env::var_os(name).map(PathBuf::from);
    home("CARGO_HOME").or_else(|| Some(home("HOME")?.join(".cargo"))).expect("cargo has a home")
}

fn append(file: &Path, text: &str) -> Vec<u8> {
    let before = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    // Not through a link, nor into a file that may not be written.
    fs::remove_file(file).expect("it can be replaced");
    fs::write(file, [&before, text.as_bytes()].concat()).expect("files can be written");
    before
}

/// Makes a repository of `folder`.
fn commit(folder: &Path) {
    for args in [
        &["init", "--quiet"][..],
        &["add", "."],
        &["-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x"],
    ] {
        let mut git = Command::new("git");
        // What whoever runs the tests has set for git, as it does itself for its hooks, means another repository.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
            git.env_remove(name);
        }
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        succeeds(git.arg("-C").arg(folder).args(args));
    }
}

fn succeeds(command: &mut Command) -> Vec<u8> {
    let ran = command.output().expect("it starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    ran.stdout
}

#[test]
fn an_edit_of_an_unpacked_crate_never_gets_into_the_store() {
    let mut place = Place::new();
    place.uk(&["plan"]).run().ok();
    let unpacked = place.unpacked();
    append(&unpacked.join("src/lib.rs"), "compile_error!(\"edited\");\n");
    place.uk(&["build"]).run().ok();
    place.verified();
    let edited = place.keys();
    // What cargo reads of it must be what was published.
    let manifest = append(&unpacked.join("Cargo.toml"), "# edited\n");
    place.forget();
    let said = place.uk(&["build"]).run().fails(1, &["UK0409"]);
    assert!(
        said.contains("scopeguard-1") && said.contains("`scopeguard 1.") && said.contains("help: "),
        "{said}"
    );
    fs::write(unpacked.join("Cargo.toml"), manifest).expect("files can be written");
    // An honest build has the same keys and outputs.
    fs::remove_dir_all(&unpacked).expect("folders can be removed");
    place.store = Folder::empty();
    place.uk(&["build"]).run().ok();
    assert_eq!(place.keys(), edited);
}

#[test]
fn an_archive_that_is_not_the_locks_is_refused_when_it_is_used() {
    let place = Place::new();
    place.uk(&["plan"]).run().ok();
    let archive = place.archive();
    let honest = append(&archive, "x");
    let parts = ["scopeguard-1", "its SHA-256 is `", "help: "];
    // What was planned holds until the memo doesn't; what is compiled is checked again.
    for _ in 0..2 {
        let said = place.uk(&["build"]).run().fails(1, &["UK0409"]);
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        assert!(!place.application.join("dist").exists(), "no artifact");
        place.forget();
    }
    place.verified();
    fs::write(&archive, honest).expect("files can be written");
    place.uk(&["build"]).run().ok();
    // Where nothing is compiled, nothing is needed.
    append(&archive, "x");
    assert_eq!(place.uk(&["build"]).run().ok().counts().0, 0);
}

#[test]
fn vendored_crates_are_built_and_held_to_their_lists() {
    let place = Place::new();
    let vendored = place.application.join("vendor");
    let mut cargo = Command::new("cargo");
    cargo.args(["vendor", "--quiet", "--offline", "--versioned-dirs", "--manifest-path"]);
    cargo.arg(place.application.join(".uk/cargo/root/Cargo.toml")).arg(&vendored);
    let ran = cargo.env("CARGO_HOME", cargo_home()).output().expect("cargo starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    place.application.write(
        ".cargo/config.toml",
        "[source.crates-io]\nreplace-with = \"vendored\"\n\n[source.vendored]\ndirectory = \"vendor\"\n",
    );
    // Nothing but the vendored folder has any crate.
    fs::remove_dir_all(place.home.join("registry")).expect("folders can be removed");
    place.uk(&["build"]).run().ok();
    let honest = place.keys();

    let scopeguard = fs::read_dir(&vendored).expect("it is there").map(|entry| entry.expect("listed").path());
    let is_it =
        |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("scopeguard-1."));
    let file = scopeguard.into_iter().find(is_it).expect("it was vendored").join("src/lib.rs");
    let text = append(&file, "// edited\n");
    assert_eq!(place.uk(&["build"]).run().ok().counts().0, 0, "what is built is as it was");
    let empty = Folder::empty();
    let said = place.uk(&["build"]).store(empty.path()).run().fails(1, &["UK0409"]);
    assert!(said.contains("vendor/scopeguard-1"), "{said}");
    place.forget();
    let said = place.uk(&["build"]).run().fails(1, &["UK0409"]);
    assert!(
        said.contains("vendor/scopeguard-1")
            && said.contains("src/lib.rs")
            && said.contains("`cargo vendor`"),
        "{said}"
    );
    fs::write(&file, text).expect("files can be written");
    let again = Folder::empty();
    place.uk(&["build"]).store(again.path()).run().ok();
    place.uk(&["build"]).run().ok();
    assert_eq!(
        place.keys().iter().map(|node| &node["key"]).collect::<Vec<_>>(),
        honest.iter().map(|node| &node["key"]).collect::<Vec<_>>()
    );
}

#[test]
fn an_edited_checkout_of_git_never_gets_into_the_store_as_the_revision() {
    let (theirs, home, store) = (Folder::empty(), Folder::empty(), Folder::empty());
    theirs.write("Cargo.toml", "[package]\nname = \"friend\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    theirs.write("src/lib.rs", "#![no_std]\n/// Says it.\npub const WORD: &str = \"honest\";\n");
    commit(theirs.path());
    let application = Folder::application(
        &format!("friend = {{ git = \"file://{}\" }}", theirs.path().display()),
        "#![no_std]\n\nuse uk_device::Time;\n\n/// Says it.\npub async fn start(_time: impl Time) {\n    \
         log::info!(\"{}\", friend::WORD);\n}\n",
    );
    symlink(cargo_home().join("registry"), home.join("registry")).expect("links can be made");
    let uk = |args: &[&str]| uk(application.path(), args).store(store.path()).env("CARGO_HOME", home.path());
    uk(&["plan"]).run().ok();
    let first = |folder: PathBuf| {
        fs::read_dir(folder).expect("it is there").next().expect("one").expect("listed").path()
    };
    let checkout = first(first(home.join("git/checkouts")));
    let text = append(&checkout.join("src/lib.rs"), "compile_error!(\"edited\");\n");
    let said = uk(&["build"]).run().fails(1, &["UK0409"]);
    assert!(said.contains("git/checkouts") && said.contains("when the build was planned"), "{said}");
    fs::write(checkout.join("src/lib.rs"), text).expect("files can be written");
    assert!(uk(&["run"]).run().ok().stdout.ends_with("] honest\n"));
}

/// An application that has the crate `friend` from another registry than crates.io, which a folder is, and a cargo of its own.
struct Elsewhere {
    application: Folder,
    home: Folder,
    store: Folder,
    /// Index and archives.
    _registry: [Folder; 2],
}

impl Elsewhere {
    /// `files` are those of `friend` besides its manifest; `manifest` is what the application's says for its job.
    fn new(files: &[(&str, &str)], application: &str, manifest: &str) -> Self {
        let (theirs, index, home) = (Folder::empty(), Folder::empty(), Folder::empty());
        theirs.write(
            "Cargo.toml",
            "[package]\nname = \"friend\"\nversion = \"1.0.0\"\nedition = \"2024\"\nlicense = \"MIT\"\n\
             description = \"A friend\"\n\n[package.metadata.uk]\ndevices = \"device.kdl\"\n",
        );
        for (name, text) in files {
            theirs.write(name, text);
        }
        let mut cargo = Command::new("cargo");
        cargo.args(["package", "--quiet", "--offline", "--no-verify", "--allow-dirty"]);
        succeeds(cargo.args(["--target-dir", "target"]).current_dir(theirs.path()));
        let archives = theirs.join("target/package");
        let sum = succeeds(Command::new("sha256sum").arg(archives.join("friend-1.0.0.crate")));
        let sum = String::from_utf8(sum).expect("it is text");
        let sum = sum.split(' ').next().expect("it is the first word");
        index.write(
            "fr/ie/friend",
            &format!("{{\"name\":\"friend\",\"vers\":\"1.0.0\",\"deps\":[],\"cksum\":\"{sum}\",\"features\":{{}},\"yanked\":false}}\n"),
        );
        let dl = format!("{}/{{crate}}-{{version}}.crate", archives.display());
        index.write("config.json", &format!("{{\"dl\":\"file://{dl}\"}}"));
        commit(index.path());
        let application =
            Folder::application("friend = { version = \"1\", registry = \"theirs\" }", application);
        application.edit(
            "unikernel.kdl",
            "job main entry=\"app::start\" {\n    time default-time\n}\n",
            manifest,
        );
        let config = format!("[registries.theirs]\nindex = \"file://{}\"\n", index.path().display());
        application.write(".cargo/config.toml", &config);
        for folder in ["cache", "index", "src"] {
            let (ours, known) =
                (home.join("registry").join(folder), cargo_home().join("registry").join(folder));
            fs::create_dir_all(&ours).expect("folders can be made");
            for entry in fs::read_dir(known).into_iter().flatten() {
                let entry = entry.expect("it can be listed");
                symlink(entry.path(), ours.join(entry.file_name())).expect("links can be made");
            }
        }
        Self { application, home, store: Folder::empty(), _registry: [theirs, index] }
    }

    fn uk(&self, args: &[&str]) -> Uk {
        uk(self.application.path(), args).store(self.store.path()).env("CARGO_HOME", self.home.path())
    }
}

const NO_DEVICES: (&str, &str) = ("device.kdl", "// None yet.\n");
const HONEST: (&str, &str) = ("src/lib.rs", "#![no_std]\n/// Says it.\npub const WORD: &str = \"honest\";\n");
const SAYS_WORD: &str = "#![no_std]\n\nuse uk_device::Time;\n\n/// Says it.\npub async fn start(_time: impl Time) {\n    \
                         log::info!(\"{}\", friend::WORD);\n}\n";
const JOB: &str = "job main entry=\"app::start\" {\n    time default-time\n}\n";

#[test]
fn the_build_script_of_a_published_crate_leaves_its_sources_as_they_were() {
    // A change is told elsewhere as of the user's own sources, which `hermetic` looks at.
    if !has("namespaces") {
        return;
    }
    // So much that its archive isn't unpacked in memory.
    let mut digit = 1_u32;
    let noise = std::iter::repeat_with(|| {
        digit ^= digit << 13;
        digit ^= digit >> 17;
        digit ^= digit << 5;
        format!("{digit:08x}")
    });
    let noise: String = noise.take(700_000).collect();
    let place = |deed: &str, noise: &str| {
        let script =
            format!("use std::{{fs, os::unix::fs::PermissionsExt}};\nfn main() {{\n    {deed}\n}}\n");
        let files = [NO_DEVICES, HONEST, ("build.rs", &script), ("noise", noise)];
        Elsewhere::new(&files, SAYS_WORD, JOB)
    };
    let mut honest = place(
        "let stay = std::env::args().nth(1);\n    \
         while stay.is_some() { std::thread::park() }\n    \
         std::process::Command::new(std::env::current_exe().unwrap()).arg(\"stay\").spawn().unwrap();\n    \
         fs::write(\"x\", \"\").unwrap();\n    fs::remove_file(\"x\").unwrap();\n    \
         fs::write(\"build.rs\", fs::read(\"build.rs\").unwrap()).unwrap();\n    \
         assert!(fs::metadata(\"build.rs\").unwrap().permissions().mode() & 0o111 == 0);",
        "",
    );
    for class in ["namespaces", "folder"] {
        assert!(honest.uk(&["run"]).env("UK_SANDBOX", class).run().ok().stdout.ends_with("] honest\n"));
    }
    let x = "fs::create_dir(\"x\").unwrap();\n    fs::write(\"x/y\", \"\").unwrap();";
    for (name, deed, noise) in [
        ("build.rs", "fs::write(\"build.rs\", \"\").unwrap();", ""),
        ("build.rs", "fs::set_permissions(\"build.rs\", fs::Permissions::from_mode(0o755)).unwrap();", ""),
        ("device.kdl", "fs::remove_file(\"device.kdl\").unwrap();", ""),
        ("x/y", x, ""),
        ("x/y", x, &noise),
    ] {
        let mut place = place(deed, noise);
        place.store = honest.store;
        let named = format!("of `friend 1.0.0` changed its package's sources: `friend-1.0.0/{name}`");
        let said = place.uk(&["build"]).env("UK_SANDBOX", "namespaces").run().fails(1, &["UK0622"]);
        assert!(said.contains(&named), "{said}");
        assert!(!place.application.join("dist").exists(), "no artifact");
        honest.store = place.store;
    }
    honest.uk(&["store", "verify"]).run().ok();
}

#[test]
fn a_device_of_another_registry_is_built_from_there() {
    let place = Elsewhere::new(
        &[
            (
                "device.kdl",
                "interface word trait=\"friend::Word\" doc=\"A word.\"\n\
         implementation honest-word provides=word {\n    doc \"It is honest.\"\n    \
         targets all { crate friend connect=\"friend::connect\" }\n}\n",
            ),
            (
                "src/lib.rs",
                "//! Honest.\n#![no_std]\n/// A word.\npub trait Word {\n    /// Gives it.\n    fn word(&self) -> &'static str;\n}\n\
         /// An honest one.\npub struct Honest;\nimpl Word for &Honest {\n    fn word(&self) -> &'static str {\n        \
         \"honest\"\n    }\n}\n/// Connects.\npub async fn connect() -> Result<Honest, core::convert::Infallible> {\n    \
         Ok(Honest)\n}\n",
            ),
        ],
        "#![no_std]\n/// Says it.\npub async fn start(word: impl friend::Word) {\n    \
         log::info!(\"{}\", word.word());\n}\n",
        "device it honest-word\n\njob main entry=\"app::start\" {\n    word it\n}\n",
    );
    assert!(place.uk(&["run"]).run().ok().stdout.ends_with("] honest\n"));
    // One crate, of whom both the application and the image are told.
    let lock = place.application.read("unikernel.lock");
    assert_eq!(lock.matches("name = \"friend\"").count(), 1, "{lock}");
    assert!(lock.contains("source = \"registry+file://"), "{lock}");
    place.uk(&["build", "--locked"]).run().ok();
}

#[test]
fn an_edited_catalogue_of_an_unpacked_crate_is_refused() {
    let place = Elsewhere::new(&[NO_DEVICES, HONEST], SAYS_WORD, JOB);
    place.uk(&["plan"]).run().ok();
    let indices = fs::read_dir(place.home.join("registry/src")).expect("it is there");
    let mut folders = indices.map(|index| index.expect("it can be listed").path().join("friend-1.0.0"));
    let unpacked = folders.find(|folder| folder.is_dir()).expect("it was unpacked");
    append(&unpacked.join("device.kdl"), "// Edited.\n");
    let said = place.uk(&["plan"]).run().fails(1, &["UK0409"]);
    assert!(said.contains("friend-1.0.0/device.kdl` isn't of the crate `friend 1.0.0`"), "{said}");
}
