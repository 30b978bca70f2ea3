//! Says every directive, and keeps what it sees.
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A path's last part: the folders above it differ from build to build.
fn last(value: &str) -> String {
    if value.contains('/') && Path::new(value).is_absolute() {
        let parts: Vec<_> = Path::new(value).components().rev().take(1).collect();
        return format!(".../{}", parts[0].as_os_str().to_string_lossy());
    }
    value.to_owned()
}

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    let names = ["DEBUG", "HOST", "OPT_LEVEL", "OUT_DIR", "PROFILE", "RUSTC", "RUSTDOC", "TARGET"];
    // Of the user and the machine, or free to differ.
    let theirs = ["CARGO_HOME", "CARGO_MAKEFLAGS", "CARGO_TARGET_DIR"];
    let mut seen: Vec<(String, String)> = std::env::vars()
        .filter(|(name, _)| {
            names.contains(&name.as_str())
                || name.starts_with("DEP_")
                || name.starts_with("CARGO") && !theirs.contains(&name.as_str())
        })
        .collect();
    seen.sort();
    let mut text = String::new();
    for (name, value) in &seen {
        writeln!(text, "{name}={:?}", last(value)).unwrap();
    }
    let jobs: u32 = std::env::var("NUM_JOBS").unwrap().parse().unwrap();
    writeln!(text, "there is at least one job: {}", jobs >= 1).unwrap();
    writeln!(text, "both, for the host: {}", both::FEATURES).unwrap();
    let here = std::env::current_dir().unwrap();
    writeln!(text, "in the package: {}", here.join("data/words.txt").exists()).unwrap();
    // What a dependency tells may be among its sources.
    let header = Path::new(&std::env::var_os("DEP_NATIVE_INCLUDE_DIR").unwrap()).join("native.h");
    writeln!(text, "header: {}", std::fs::read_to_string(header).unwrap().trim()).unwrap();
    std::fs::write(out.join("seen.txt"), text).unwrap();
    std::fs::write(out.join("generated.rs"), "pub const GENERATED: &str = \"generated\";\n").unwrap();

    println!("not a directive");
    println!("cargo::rerun-if-changed=data");
    println!("cargo:rerun-if-env-changed=NOTHING");
    println!("cargo::rustc-check-cfg=cfg(chosen, values(\"yes\"))");
    println!("cargo:rustc-cfg=chosen=\"yes\"");
    println!("cargo::rustc-env=TOLD=a = b");
    println!("  cargo:rustc-env=TRIMMED=end  ");
    println!("cargo::rustc-link-arg=-Wl,--defsym=for_all=0x111");
    println!("cargo::rustc-link-arg-bins=-Wl,--defsym=for_bins=0x222");
    println!("cargo::rustc-link-arg-bin=one=-Wl,--defsym=for_one=0x333");
    println!("cargo:rustc-link-arg-bin=two-words=-Wl,--defsym=for_two=0x444");
    println!("cargo::rustc-link-arg-cdylib=--not-an-argument");
    println!("cargo::rustc-flags=-l m -L /nowhere");
    println!("cargo:told_by_coverage=to nobody");
    println!("cargo::warning=one that nobody needs to see");
}
