//! The layering rules of docs/architecture.md, and the licences of everything that `uk` is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Crates that end up in images. They never depend on a host crate.
const GUEST: [&str; 27] = [
    "uk-args",
    "uk-block-unix",
    "uk-block-virtio",
    "uk-clock",
    "uk-console-unix",
    "uk-console-virtio",
    "uk-device",
    "uk-executor",
    "uk-kdl",
    "uk-keys",
    "uk-keys-macro",
    "uk-keys-syntax",
    "uk-kv-log",
    "uk-kv-memory",
    "uk-kv-archive",
    "uk-kv-crunch",
    "uk-kv-direct",
    "uk-kv-disk",
    "uk-kv-fat",
    "uk-kv-format",
    "uk-ramdisk",
    "uk-random-cpu",
    "uk-random-unix",
    "uk-time",
    "uk-unix",
    "uk-virtio",
    "uk-virtio-drivers",
];
/// Crates of the SDK that the host uses too: what a key is must be the same when building and when booting, and so must be how
/// data are laid out.
const SHARED: [&str; 4] = ["uk-kdl", "uk-keys", "uk-keys-syntax", "uk-kv-format"];
/// What each host crate may depend on of the workspace.
const HOST: [(&str, &[&str]); 10] = [
    ("uk-diagnostic", &[]),
    ("uk-backends", &[]),
    ("uk-action", &["uk-diagnostic"]),
    ("uk-data", &["uk-kv-format"]),
    ("uk-planner", &["uk-action", "uk-backends", "uk-diagnostic", "uk-kdl", "uk-keys", "uk-keys-syntax"]),
    ("uk-sandbox", &[]),
    ("uk-store", &["uk-action", "uk-diagnostic", "uk-sandbox"]),
    ("uk-loader", &["uk-action", "uk-backends", "uk-diagnostic", "uk-keys", "uk-planner", "uk-store"]),
    (
        "uk",
        &[
            "uk-action",
            "uk-backends",
            "uk-data",
            "uk-diagnostic",
            "uk-keys",
            "uk-loader",
            "uk-planner",
            "uk-store",
        ],
    ),
    ("xtask", &[]),
];
/// Folders whose code does no IO: text and values in, values out.
const PURE: [&str; 4] = ["planner/src", "planner/diagnostic/src", "store/action/src", "backends/src"];
/// What code without IO doesn't name; in a list of imports it would be passed by.
const IO: [&str; 8] =
    ["std::fs", "std::process", "std::env", "std::os", "std::{", "TcpStream", "SystemTime", "Instant"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).exec().expect("cargo metadata works here")
}

#[test]
fn crates_depend_only_downwards() {
    let metadata = metadata();
    let members: BTreeSet<String> =
        metadata.workspace_packages().iter().map(|p| p.name.to_string()).collect();
    let known: BTreeSet<String> =
        HOST.iter().map(|(name, _)| *name).chain(GUEST).map(str::to_owned).collect();
    assert_eq!(members, known, "a crate was added or removed: give it its place in the layers");

    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let ours = package
            .dependencies
            .iter()
            .filter(|d| d.kind != DependencyKind::Development && d.name.starts_with("uk-"));
        for dependency in ours {
            let dependency = dependency.name.as_str();
            let may = match HOST.iter().find(|(host, _)| *host == name) {
                Some((_, may)) => may.contains(&dependency),
                None => GUEST.contains(&dependency),
            };
            assert!(may, "`{name}` may not depend on `{dependency}`");
            let crossing = HOST.iter().any(|(host, _)| *host == name) && GUEST.contains(&dependency);
            assert!(
                !crossing || SHARED.contains(&dependency),
                "host crate `{name}` depends on guest crate `{dependency}`"
            );
        }
    }
}

#[test]
fn uk_embeds_every_guest_crate() {
    let build = std::fs::read_to_string(root().join("loader/build.rs")).expect("it is there");
    for package in metadata().workspace_packages().iter().filter(|p| GUEST.contains(&p.name.as_str())) {
        let folder = package.manifest_path.parent().expect("a manifest is in a folder");
        let folder = folder.strip_prefix(root()).expect("it is in the repository");
        assert!(build.contains(&format!("{:?}", folder.as_str())), "loader/build.rs lacks `{folder}`");
    }
}

#[test]
fn only_one_crate_does_each_thing() {
    let metadata = metadata();
    for (library, owners) in [
        ("cargo_metadata", &["uk-loader"][..]),
        ("ignore", &["uk-loader"]),
        ("petgraph", &["uk-planner"]),
        ("clap", &["uk"]),
        ("indicatif", &["uk"]),
        ("rayon", &["uk-loader", "uk-store"]),
    ] {
        let users: Vec<String> = metadata
            .workspace_packages()
            .iter()
            .filter(|p| p.dependencies.iter().any(|d| d.name == library && d.kind == DependencyKind::Normal))
            .map(|p| p.name.to_string())
            .collect();
        let strangers: Vec<_> = users.iter().filter(|u| !owners.contains(&u.as_str())).collect();
        assert!(
            !users.is_empty() && strangers.is_empty(),
            "`{library}` is used by {users:?}, and only {owners:?} may"
        );
    }
}

#[test]
fn pure_crates_name_no_io() {
    for folder in PURE {
        let files = sources(&root().join(folder));
        assert!(!files.is_empty(), "{folder} has no sources");
        for file in files {
            let text = std::fs::read_to_string(&file).expect("sources are UTF-8");
            // Unit tests stand at the end of a file, or in one of their own.
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let code: String =
                code.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
            if file.file_name().is_some_and(|n| n == "tests.rs")
                || file.components().any(|c| c.as_os_str() == "tests")
            {
                continue;
            }
            for word in IO {
                assert!(!code.contains(word), "{} names `{word}`, and does no IO", file.display());
            }
        }
    }
}

#[test]
fn the_kdl_crate_judges_but_does_not_read() {
    // docs/adr: manifests are read by a reader of our own; `kdl` is what tests compare it with.
    for package in metadata().workspace_packages() {
        let normal = package.dependencies.iter().any(|d| d.name == "kdl" && d.kind == DependencyKind::Normal);
        assert!(!normal, "`{}` depends on `kdl` outside of tests", package.name);
    }
}

#[test]
fn licences_are_permissive() {
    let deny = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
    let list =
        deny.split("allow = [").nth(1).and_then(|t| t.split(']').next()).expect("deny.toml lists licences");
    let allowed: Vec<spdx::Licensee> = list
        .split(',')
        .map(|l| l.trim().trim_matches('"'))
        .filter(|l| !l.is_empty())
        .map(|l| spdx::Licensee::parse(l).expect("deny.toml names SPDX licences"))
        .collect();
    let mut bad = BTreeMap::new();
    for package in metadata().packages {
        let expression = package.license.clone().unwrap_or_default().replace('/', " OR ");
        let fits = spdx::Expression::parse(&expression)
            .is_ok_and(|e| e.evaluate(|wanted| allowed.iter().any(|a| a.satisfies(wanted))));
        if !fits {
            bad.insert(package.name.to_string(), expression);
        }
    }
    assert!(bad.is_empty(), "licences that deny.toml doesn't allow: {bad:?}");
}

#[test]
fn files_have_one_subject() {
    // Long files are where subjects mix. The limit is soft by design: raise it for a file only with a reason here.
    let mut long = Vec::new();
    for folder in [
        "src", "planner", "store", "loader", "data", "devices", "backends", "xtask", "tests", "examples",
        "fuzz",
    ] {
        for file in sources(&root().join(folder)) {
            let lines = std::fs::read_to_string(&file).expect("sources are UTF-8").lines().count();
            if lines > 450 {
                long.push((file, lines));
            }
        }
    }
    assert!(long.is_empty(), "files over 450 lines: {long:?}");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it is readable").path();
        if path.is_dir() && path.file_name().is_some_and(|n| n != "target") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}
