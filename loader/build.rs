//! Embeds the SDK: the sources of every crate that an image is made of.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

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
    let mut text = String::from("&[\n");
    for krate in CRATES {
        let folder = repository.join(krate);
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut files = vec![PathBuf::from("Cargo.toml")];
        files.extend(
            ["device.kdl", "link.ld"].map(PathBuf::from).into_iter().filter(|f| folder.join(f).exists()),
        );
        collect(&folder, Path::new("src"), &mut files);
        files.sort();
        for file in files {
            let path = folder.join(&file).canonicalize().expect("an SDK file exists");
            let digest = blake3::hash(&fs::read(&path).expect("an SDK file is readable"));
            let name = format!("{krate}/{}", file.display());
            writeln!(
                text,
                "    ({name:?}, include_bytes!({path:?}), Digest::from_bytes({:?})),",
                digest.as_bytes()
            )
            .expect("writing to a String can't fail");
        }
    }
    text.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("sdk.rs");
    fs::write(out, text).expect("OUT_DIR is writable");
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
