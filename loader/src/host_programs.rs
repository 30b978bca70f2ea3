//! Programs of the host that hooks run, named by their content and that of the libraries that they need.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use uk_action::{Digest, HostPath};
use uk_diagnostic::{Code, Diagnostic};
use uk_planner::lower::Tool;
use uk_store::Store;

use crate::cc::Part;
use crate::memo::{Place, Watch, recall_watched, remember};
use crate::needs::{Digests, libraries};
use crate::{Result, shown};

/// Where programs are looked for by name, in this order; the planner gives hooks the same `PATH`.
const FOLDERS: [&str; 4] = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
/// The longest first line of a script, in bytes, as Linux has it.
const LINE: u64 = 256;

/// The program `name` of the host, or the one at that absolute path, and what interprets it if it is a script.
///
/// # Errors
/// `UK0608` if there is none, or it can't be read.
pub fn host_programs(name: &str, store: &Store) -> Result<Vec<Tool>> {
    let path = find(name).ok_or_else(|| {
        absent(name, "").help(format!(
            "install it; programs are looked for in {}. A file of the project is written with a `/`: `\"./tool\"`",
            FOLDERS.join(", ")
        ))
    })?;
    let mut all = vec![tool(&path, store)?];
    all.extend(interpreters(&path, store)?);
    Ok(all)
}

fn find(name: &str) -> Option<PathBuf> {
    match name.starts_with('/') {
        true => Some(PathBuf::from(name)).filter(|path| path.is_file()),
        false => FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file()),
    }
}

fn absent(name: &str, who: &str) -> Diagnostic {
    let message = format!("there is no program `{}` on this machine{who}", name.escape_debug());
    Diagnostic::error(Code::HookFailed, message)
}

/// What interprets the script at `path`; nothing if it is none.
///
/// # Errors
/// As [`host_programs`].
pub fn interpreters(path: &Path, store: &Store) -> Result<Vec<Tool>> {
    let mut head = Vec::new();
    // What can't be read is told where it is fingerprinted.
    let _ = File::open(path).and_then(|file| file.take(LINE).read_to_end(&mut head));
    let line = head.split(|byte| *byte == b'\n').next().and_then(|line| line.strip_prefix(b"#!"));
    let Some(line) = line.and_then(|line| std::str::from_utf8(line).ok()) else { return Ok(Vec::new()) };
    let mut words = line.split_whitespace();
    let Some(first) = words.next() else { return Ok(Vec::new()) };
    let mut all = vec![interpreter(path, first, store)?];
    if Path::new(first).file_name().is_some_and(|name| name == "env")
        && let Some(name) = words.find(|word| !word.starts_with('-') && !word.contains('='))
    {
        all.push(interpreter(path, name, store)?);
    }
    Ok(all)
}

/// An interpreter of `script`, which is no script itself.
fn interpreter(script: &Path, name: &str, store: &Store) -> Result<Tool> {
    let path = find(name).ok_or_else(|| {
        let who = format!(", which the first line of `{}` names to run it", shown(script));
        absent(name, &who).help("install it, or name another there: `#!/bin/sh`")
    })?;
    tool(&path, store)
}

fn tool(path: &Path, store: &Store) -> Result<Tool> {
    let memo = format!("program-{}.json", Digest::of(path.as_os_str().as_encoded_bytes()).short());
    let question = path.to_owned();
    let (part, watch) = match recall_watched::<PathBuf, Part>(Place::Store(store, &memo), &question) {
        Some(known) => known,
        None => {
            let mut watch = Watch::default();
            watch.file(path);
            let needed = libraries(store.cancel(), &[path.to_owned()])?;
            needed.iter().for_each(|library| watch.file(library));
            let shown: BTreeSet<HostPath> = needed.iter().chain([&question]).map(HostPath::same).collect();
            let part = Part::of(&shown, &mut Digests::default()).map_err(|error| {
                Diagnostic::error(
                    Code::HookFailed,
                    format!("the program `{}` can't be used: {error}", path.display()),
                )
            })?;
            store.cancel().check()?;
            remember(Place::Store(store, &memo), &question, watch.clone(), &part);
            (part, watch)
        }
    };
    let label = path.file_name().unwrap_or_default().display().to_string();
    Ok(Tool {
        label,
        path: path.to_owned(),
        identity: part.identity,
        shown: part.shown(watch.into_host_files()),
    })
}
