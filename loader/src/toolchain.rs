//! The Rust toolchain and the host's linker, identified by content but recognised by stamps.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uk_action::{Digest, HostPath, Shown};
use uk_diagnostic::{Code, Diagnostic};
use uk_planner::lower::{Host, Tool};
use uk_store::{Cancel, Store};

use crate::memo::{Place, Watch, recall, recall_watched, remember};
use crate::needs::Digests;
use crate::{Project, Result, cc, needs};

/// Programs of a toolchain that a build can use.
const TOOLS: [&str; 3] = ["rustc", "cargo", "rustdoc"];

/// What `rustc` says of itself in a project's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rustc {
    sysroot: PathBuf,
    triple: String,
    release: String,
}

/// What a toolchain is: its digest and what it compiles for.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Identified {
    identity: Digest,
    cfg: Vec<(String, String)>,
    /// What of its folder it consists of, relative to it.
    parts: Vec<PathBuf>,
    /// What its programs, and those that it makes, need of the host to run.
    libraries: Vec<PathBuf>,
}

/// What the host builds a project with.
///
/// # Errors
/// `UK0404` without a usable toolchain, `UK0405` without a linker.
pub fn host(project: &Project, store: &Store) -> Result<Host> {
    let rustc = rustc(project, store.cancel())?;
    let (Identified { identity, cfg, parts, libraries }, watch) = identify(&rustc, store)?;
    let host = libraries.into_iter().map(HostPath::same).collect();
    let shown = Arc::new(Shown { parts, host, files: watch.into_host_files() });
    let rust = Tool { label: format!("rustc {}", rustc.release), path: rustc.sysroot, identity, shown };
    let cc::Drivers { link, compile } = cc::identify(store)?;
    Ok(Host { triple: rustc.triple, rust, cc: link, c: compile, cfg })
}

/// The toolchain's programs, for asking cargo with what the build will use.
pub(crate) fn programs(host: &Host) -> (PathBuf, PathBuf) {
    let bin = host.rust.path.join("bin");
    let cargo = bin.join("cargo");
    (if cargo.exists() { cargo } else { PathBuf::from("cargo") }, bin.join("rustc"))
}

fn rustc(project: &Project, cancel: &Cancel) -> Result<Rustc> {
    let program =
        std::env::var_os("RUSTC").map(PathBuf::from).or_else(|| on_path("rustc")).ok_or_else(|| {
            Diagnostic::error(Code::NoToolchain, "there is no `rustc` on the PATH")
                .help("install Rust (https://rustup.rs), or name its compiler in the variable `RUSTC`")
        })?;
    let memo = project.state().join("rustc.json");
    if let Some(known) = recall(Place::File(&memo), &program) {
        return Ok(known);
    }
    // Which toolchain rustup's proxy picks depends on these.
    let mut watch = Watch::default();
    for name in ["PATH", "RUSTC", "RUSTUP_TOOLCHAIN", "RUSTUP_HOME", "HOME"] {
        watch.variable(name);
    }
    watch.file(&program);
    let home = |name, below: &str| {
        std::env::var_os("HOME")
            .map(|h| Path::new(&h).join(below))
            .filter(|_| std::env::var_os(name).is_none())
    };
    let rustup =
        std::env::var_os("RUSTUP_HOME").map(PathBuf::from).or_else(|| home("RUSTUP_HOME", ".rustup"));
    watch.file(rustup.unwrap_or_default().join("settings.toml"));
    for folder in project.folder.ancestors() {
        watch.file(folder.join("rust-toolchain.toml"));
        watch.file(folder.join("rust-toolchain"));
    }
    let sysroot = PathBuf::from(ask(cancel, &program, &["--print=sysroot"], &project.folder)?.trim());
    // Asked without rustup's proxy, which would take as long again.
    let version = ask(cancel, &sysroot.join("bin/rustc"), &["-vV"], &project.folder)?;
    let field = |name: &str| version.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim().to_owned());
    let (Some(triple), Some(release)) = (field("host:"), field("release:")) else {
        return Err(unusable(&program, "`rustc -vV` names no host and release"));
    };
    let known = Rustc { sysroot: sysroot.canonicalize().unwrap_or(sysroot), triple, release };
    watch.file(known.sysroot.join("bin/rustc"));
    remember(Place::File(&memo), &program, watch, &known);
    Ok(known)
}

/// What the toolchain is, and what was looked at.
fn identify(rustc: &Rustc, store: &Store) -> Result<(Identified, Watch)> {
    let memo = format!("rust-{}.json", Digest::of(rustc.sysroot.as_os_str().as_encoded_bytes()).short());
    if let Some(known) = recall_watched(Place::Store(store, &memo), rustc) {
        return Ok(known);
    }
    let root = &rustc.sysroot;
    let triple = Path::new("lib/rustlib").join(&rustc.triple);
    let files = |folder: &Path| -> Vec<PathBuf> {
        let listed = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        listed.map(|e| folder.join(e.file_name())).filter(|p| root.join(p).is_file()).collect()
    };
    // The compiler and its fellows, their libraries, and the target's; not documents and sources that come along.
    let programs = files(Path::new("bin")).into_iter().filter(|p| TOOLS.iter().any(|name| p.ends_with(name)));
    let programs: Vec<PathBuf> = programs.collect();
    let targets: Vec<PathBuf> = ["lib", "bin", "bin/gcc-ld"].iter().map(|f| triple.join(f)).collect();
    let mut watch = Watch::default();
    let watched = programs.iter().cloned().chain(files(Path::new("lib")));
    let watched = watched.chain(targets.iter().flat_map(|folder| files(folder)));
    let watched: Vec<PathBuf> = watched.map(|file| root.join(file)).collect();
    watched.iter().for_each(|file| watch.file(file));
    targets.iter().for_each(|folder| watch.file(root.join(folder)));
    let mut parts = programs.clone();
    parts.extend(files(Path::new("lib")));
    parts.push(triple.clone());
    parts.sort();

    let run = programs.iter().cloned().chain(targets[1..].iter().flat_map(|folder| files(folder)));
    let run: Vec<PathBuf> = run.map(|file| root.join(file)).collect();
    let mut libraries: Vec<PathBuf> =
        needs::libraries(store.cancel(), &run)?.into_iter().filter(|path| !path.starts_with(root)).collect();
    libraries.sort();
    libraries.iter().for_each(|file| watch.file(file));
    let inside = parts.iter().map(|part| HostPath { at: part.clone(), from: root.join(part) });
    let shown = inside.chain(libraries.iter().map(HostPath::same)).collect();
    let program = root.join("bin/rustc");
    let tree = needs::contents(&shown, &mut Digests::default())
        .map_err(|error| unusable(&program, &error.to_string()))?;
    let text = ask(store.cancel(), &program, &["--print=cfg", "--target", &rustc.triple], Path::new("/"))?;
    let known = Identified { identity: tree.digest(), cfg: cfg(&text), parts, libraries };
    store.cancel().check()?;
    remember(Place::Store(store, &memo), rustc, watch.clone(), &known);
    Ok((known, watch))
}

/// `CARGO_CFG_*` from what `rustc --print=cfg` says: a value for each name, several joined by commas, as cargo does.
fn cfg(text: &str) -> Vec<(String, String)> {
    let mut all: std::collections::BTreeMap<String, Vec<&str>> = std::collections::BTreeMap::new();
    for line in text.lines() {
        let (name, value) = line.split_once('=').unwrap_or((line, "\"\""));
        if name == "debug_assertions" {
            continue; // The release profile has none.
        }
        let values = all.entry(format!("CARGO_CFG_{}", name.to_uppercase().replace('-', "_"))).or_default();
        values.push(value.trim_matches('"'));
    }
    all.into_iter().map(|(name, values)| (name, values.join(","))).collect()
}

/// Standard output of a program that must succeed.
pub(crate) fn ask(cancel: &Cancel, program: &Path, args: &[&str], folder: &Path) -> Result<String> {
    answer(cancel, program, Command::new(program).args(args).current_dir(folder))?
        .map_err(|said| unusable(program, said.trim()))
}

/// What `program`, which `command` starts, answers; what it says where it refuses to, by an exit code. One that is ended by a
/// signal or can't be started gives no answer: asked again, it may.
pub(crate) fn answer(
    cancel: &Cancel,
    program: &Path,
    command: &mut Command,
) -> Result<std::result::Result<String, String>> {
    let output = cancel.output(command).map_err(|error| match error.kind() {
        std::io::ErrorKind::Interrupted => Box::new(Cancel::diagnostic()),
        _ => unusable(program, &error.to_string()),
    })?;
    match output.status.code() {
        Some(0) => match String::from_utf8(output.stdout) {
            Ok(text) => Ok(Ok(text)),
            Err(error) => Err(unusable(program, &error.to_string())),
        },
        Some(_) if output.stderr.trim_ascii().is_empty() => {
            Ok(Err(format!("it ended with {} and said nothing", output.status)))
        }
        Some(_) => Ok(Err(String::from_utf8_lossy(&output.stderr).into_owned())),
        None => Err(unusable(program, &format!("it was ended by {}", output.status))),
    }
}

/// The first executable of that name on the PATH.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(OsStr::new(name))).find(|program| program.is_file())
}

fn unusable(program: &Path, cause: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(
            Code::NoToolchain,
            format!("the toolchain of `{}` can't be used", program.display()),
        )
        .note(cause.to_owned())
        .help("check with `rustc -vV`; with rustup, `rustup show` tells which toolchain this folder has"),
    )
}
