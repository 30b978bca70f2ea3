//! Embeds the pages of the error index for `uk explain`, and links `uk` at a fixed address where that is known to work.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

fn main() {
    // Thousands of addresses needn't be adjusted whenever `uk` starts: a good part of the time of a build without changes.
    let is = |name: &str, wanted: &str| env::var(name).is_ok_and(|value| value == wanted);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("docs/errors");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut pages: Vec<PathBuf> = fs::read_dir(&folder)
        .map(|entries| entries.filter_map(|e| Some(e.ok()?.path())).collect())
        .unwrap_or_default();
    pages.sort();
    let mut text = String::from("&[\n");
    for page in pages {
        let Some(name) = page.file_stem().and_then(|n| n.to_str()).filter(|n| n.starts_with("UK")) else {
            continue;
        };
        writeln!(text, "    ({name:?}, include_str!({page:?})),").expect("writing to a String can't fail");
    }
    text.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("pages.rs");
    fs::write(out, text).expect("OUT_DIR is writable");
}
