//! Embeds the SDK: the sources of every crate that an image is made of.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use uk_action::{Digest, Entry, EntryKind, Tree};

/// Folders of the repository whose crates are the SDK.
const CRATES: [&str; 27] = [
    "devices/args",
    "devices/block-unix",
    "devices/block-virtio",
    "devices/clock",
    "devices/console-unix",
    "devices/console-virtio",
    "devices/interface",
    "devices/kdl",
    "devices/keys",
    "devices/keys-syntax",
    "devices/keys-macro",
    "devices/kv-log",
    "devices/kv-memory",
    "devices/kv-archive",
    "devices/kv-crunch",
    "devices/kv-direct",
    "devices/kv-disk",
    "devices/kv-fat",
    "devices/kv-format",
    "devices/ramdisk",
    "devices/random-cpu",
    "devices/random-unix",
    "devices/time",
    "backends/executor",
    "backends/unix",
    "backends/virtio",
    "backends/virtio-drivers",
];

fn main() {
    let repository = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("..");
    let (mut files, mut crates, mut entries) = (String::from("&[\n"), String::from("&[\n"), Vec::new());
    for krate in CRATES {
        let folder = repository.join(krate);
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut paths = vec![PathBuf::from("Cargo.toml")];
        paths.extend(
            ["device.kdl", "link.ld"].map(PathBuf::from).into_iter().filter(|f| folder.join(f).exists()),
        );
        collect(&folder, Path::new("src"), &mut paths);
        paths.sort();
        let first = entries.len();
        for path in paths {
            let name = format!("{krate}/{}", path.display());
            let path = folder.join(&path).canonicalize().expect("an SDK file exists");
            let digest = Digest::of(&fs::read(&path).expect("an SDK file is readable"));
            writeln!(files, "    ({name:?}, include_bytes!({path:?})),")
                .expect("writing to a String can't fail");
            entries.push(Entry { path: name, kind: EntryKind::File { digest, executable: false } });
        }
        let package = package(&folder);
        let own = entries[first..].iter().map(|Entry { path, kind }| {
            let path = path.strip_prefix(krate).and_then(|path| path.strip_prefix('/'));
            Entry { path: path.expect("it lies in the crate's folder").to_owned(), kind: kind.clone() }
        });
        let digest = tree(own.collect());
        writeln!(crates, "    Crate {{ package: {package:?}, folder: {krate:?}, digest: {digest} }},")
            .expect("writing to a String can't fail");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    for (name, text) in [("files.rs", files + "]\n"), ("crates.rs", crates + "]\n"), ("id.rs", tree(entries))]
    {
        fs::write(out.join(name), text).expect("OUT_DIR is writable");
    }
}

/// The digest of a tree, as an expression.
fn tree(entries: Vec<Entry>) -> String {
    let digest = Tree::new(entries).expect("the SDK's paths are distinct and relative").digest();
    format!("Digest::from_bytes({:?})", digest.as_bytes())
}

/// The name of the package in `folder`.
fn package(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("Cargo.toml")).expect("an SDK crate has a manifest");
    let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    name.expect("an SDK crate has a name").to_owned()
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root.join(folder)).expect("an SDK folder is readable") {
        let entry = entry.expect("an SDK folder is readable");
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            collect(root, &path, files);
        } else {
            files.push(path);
        }
    }
}
