//! A build from nothing: `uk build` of hello beside `cargo build --release` of the same generated package with the same
//! flags.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Scratch, cpu, ms, pairs, uk_in};
use crate::step::{self, Done, cargo};

pub(super) fn run() -> Done {
    let scratch = Scratch::new("cold")?;
    let hello = scratch.example("hello")?;
    let store = scratch.0.join("store");
    step::output(&mut uk_in(&hello, &store, &["build"]))?;
    let package = generated_package(&hello, &store)?;
    // Folders of their own for each build: ext4 without a journal searches for minutes for inodes that weren't just freed,
    // and nobody who builds from nothing has just removed thousands of files. `TMPDIR` moves them, to a tmpfs for one.
    let rounds = Cell::new(0);
    let fresh = |name: &str| {
        rounds.set(rounds.get() + 1);
        scratch.0.join(format!("{name}-{}", rounds.get()))
    };
    let uk = || -> Result<_, String> {
        remove(&hello.join(".uk"))?;
        remove(&hello.join("dist"))?;
        cpu(&mut uk_in(&hello, &fresh("store"), &["build"]))
    };
    let cargo = || -> Result<_, String> {
        let mut command = Command::new(cargo().get_program());
        // What the main of hello for unix names.
        command.args([
            "build",
            "--release",
            "--features",
            "uk-unix,uk-time",
            "--target",
            "x86_64-unknown-linux-gnu",
        ]);
        // The flags that uk gives besides those of the package's profile.
        command.env("RUSTFLAGS", "-Cforce-frame-pointers=yes -Cembed-bitcode=yes");
        cpu(command.current_dir(&package).env("CARGO_TARGET_DIR", fresh("target")))
    };
    let (uk, cargo) = pairs(9, uk, cargo)?;
    println!("cold build of hello for unix, CPU time of all processes, median of 9 pairs");
    println!("  uk     {:6.0} ms   (with asking cargo and identifying the toolchain)", ms(uk));
    println!(
        "  cargo  {:6.0} ms   (goal: uk <= 1.15 of it; uk / cargo = {:.3})",
        ms(cargo),
        ms(uk) / ms(cargo)
    );
    Ok(())
}

/// The package that a person would build with cargo alone: uk's synthetic root with the generated main as its program.
fn generated_package(hello: &Path, store: &Path) -> Result<std::path::PathBuf, String> {
    let root = hello.join(".uk/cargo/root");
    let package = hello.with_file_name("package");
    fs::create_dir_all(package.join("src")).map_err(|e| e.to_string())?;
    for file in ["Cargo.toml", "Cargo.lock"] {
        fs::copy(root.join(file), package.join(file)).map_err(|error| format!("{file}: {error}"))?;
    }
    let plan = step::output(&mut uk_in(hello, store, &["plan", "--format", "json"]))?;
    let plan: serde_json::Value = serde_json::from_str(&plan).map_err(|error| error.to_string())?;
    for file in ["main.rs", "keys.rs"] {
        let nodes = plan["nodes"].as_array().ok_or("the plan has no nodes")?;
        let node =
            nodes.iter().find(|n| n["label"] == file).ok_or_else(|| format!("the plan has no `{file}`"))?;
        let digest =
            node["outputs"][0]["digest"].as_str().ok_or_else(|| format!("`{file}` has no digest"))?;
        let path = store.join("cas").join(&digest[..2]).join(digest);
        fs::copy(&path, package.join("src").join(file))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(package)
}

fn remove(path: &Path) -> Done {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", path.display()))
        }
        _ => Ok(()),
    }
}
