//! An application's sources: as crates.io has them, with the lock file that they come with (else with the newest crates that
//! fit), or from beside this file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::applications::Application;

/// The folder of the application's sources, downloaded by cargo if it isn't there.
pub fn fetch(application: &Application, folder: &Path) -> Result<PathBuf, Failure> {
    let name = format!("{}-{}", application.name, application.version);
    let place = folder.join("sources").join(&name);
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/corpus").join(application.name);
    if here.is_dir() {
        copy(&here, &place).map_err(|error| format!("{}: {error}", place.display()))?;
        cargo(&["generate-lockfile", "--quiet", "--offline"], &place)?;
        return Ok(place);
    }
    if place.join("Cargo.lock").exists() {
        return Ok(place);
    }
    let io = |error: std::io::Error| format!("{}: {error}", place.display());
    let parent = place.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(io)?;
    // `cargo info` unpacks the package that it tells of.
    let package = format!("{}@{}", application.name, application.version);
    cargo(&["info", "--quiet", "--registry=crates-io", &package], parent)?;
    let unpacked = unpacked(&name).ok_or_else(|| format!("cargo didn't unpack `{name}`"))?;
    let half = parent.join(format!(".{name}.{}", std::process::id()));
    copy(&unpacked, &half).map_err(io)?;
    // Cargo's own marks, and settings for the author's machine.
    let _ = fs::remove_file(half.join(".cargo-ok"));
    let _ = fs::remove_dir_all(half.join(".cargo"));
    // Whatever workspace the folder may lie in has nothing to do with it.
    let manifest = half.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(io)?;
    if !text.contains("[workspace]") {
        fs::write(&manifest, format!("{text}\n[workspace]\n")).map_err(io)?;
    }
    // Old ones come without a lock file.
    if !half.join("Cargo.lock").exists() {
        cargo(&["generate-lockfile", "--quiet"], &half)?;
    }
    fs::rename(&half, &place).map_err(io)?;
    Ok(place)
}

fn cargo(args: &[&str], folder: &Path) -> Result<(), Failure> {
    let output = Command::new("cargo").args(args).current_dir(folder).output();
    let output = output.map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("`cargo {}` failed:\n{}", args[0], String::from_utf8_lossy(&output.stderr)));
    }
    Ok(())
}

fn unpacked(name: &str) -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")))?;
    let registries = fs::read_dir(home.join("registry/src")).ok()?;
    registries.filter_map(|r| Some(r.ok()?.path().join(name))).find(|p| p.join("Cargo.toml").exists())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
            continue;
        }
        // What is the same keeps its time, or cargo would build it again.
        let text = fs::read(entry.path())?;
        if !fs::read(&to).is_ok_and(|old| old == text) {
            fs::write(&to, text)?;
        }
    }
    Ok(())
}
