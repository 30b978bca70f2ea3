//! The C compiler driver, which links what runs on the host, with the start files and libraries that it brings along.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use uk_action::{Digest, Entry, EntryKind, Tree};
use uk_diagnostic::{Code, Diagnostic};
use uk_planner::lower::Tool;
use uk_store::Store;

use crate::Result;
use crate::memo::{Place, Watch, recall, remember};
use crate::toolchain::{ask, hash};

/// Where actions look for programs; see `PATH` in the planner's `base_env`.
const FOLDERS: [&str; 2] = ["/usr/bin", "/bin"];
/// Programs that the driver starts.
const PROGRAMS: [&str; 3] = ["collect2", "ld", "as"];
/// Files that a Rust link on Linux can take from the host: start files, libc and the compiler's own library.
const FILES: [&str; 19] = [
    "crt1.o",
    "Scrt1.o",
    "rcrt1.o",
    "crti.o",
    "crtn.o",
    "crtbegin.o",
    "crtbeginS.o",
    "crtend.o",
    "crtendS.o",
    "libc.so",
    "libc.so.6",
    "libc_nonshared.a",
    "libm.so.6",
    "libgcc.a",
    "libgcc_s.so",
    "libgcc_s.so.1",
    "libpthread.a",
    "libdl.a",
    "librt.a",
];

/// The driver, by the content of all that it brings along.
pub(crate) fn identify(store: &Store) -> Result<Tool> {
    let found = FOLDERS.iter().map(|folder| Path::new(folder).join("cc")).find(|program| program.is_file());
    let program = found.ok_or_else(|| {
        Diagnostic::error(
            Code::NoLinker,
            "there is no `cc` in `/usr/bin`: build scripts, macros and `unix` programs need it to link",
        )
        .help("install one: `apt-get install gcc libc6-dev`, `dnf install gcc`, or what your system calls it")
    })?;
    let memo = Place::Store(store, "cc.json");
    let question = program.clone();
    if let Some((label, identity)) = recall::<PathBuf, (String, Digest)>(memo, &question) {
        return Ok(Tool { label, path: program, identity });
    }
    let mut watch = Watch::default();
    watch.file(&program);
    let root = Path::new("/");
    let version = ask(&program, &["--version"], root)?;
    let mut files = vec![program.canonicalize().unwrap_or_else(|_| program.clone())];
    let search = ask(&program, &["-print-search-dirs"], root)?;
    let folders = |kind: &str| -> Vec<PathBuf> {
        let line = search.lines().find_map(|l| l.strip_prefix(kind)).unwrap_or_default();
        line.trim_start_matches('=').split(':').chain(FOLDERS).map(PathBuf::from).collect()
    };
    let mut before = BTreeSet::new();
    for (names, folders) in [(&PROGRAMS[..], folders("programs: ")), (&FILES[..], folders("libraries: "))] {
        for name in names {
            // As the driver does it: the first folder that has it. What it doesn't have, it doesn't link.
            let found = folders.iter().position(|folder| folder.join(name).exists());
            files.extend(found.and_then(|at| folders[at].join(name).canonicalize().ok()));
            // A file that appears in a folder before would be taken instead.
            before.extend(folders[..found.unwrap_or(folders.len())].iter().cloned());
        }
    }
    before.into_iter().for_each(|folder| watch.file(folder));
    files.sort();
    files.dedup();
    let mut entries = Vec::new();
    for path in files {
        watch.file(&path);
        let digest = hash(&path).map_err(|error| {
            Diagnostic::error(
                Code::NoLinker,
                format!("`{}` of the host's linker can't be read: {error}", path.display()),
            )
        })?;
        let inside = path.display().to_string().trim_start_matches('/').to_owned();
        entries.push(Entry { path: inside, kind: EntryKind::File { digest, executable: false } });
    }
    let tree = Tree::new(entries).map_err(|error| Diagnostic::error(Code::NoLinker, error.to_string()))?;
    let label = format!("cc ({})", version.lines().next().unwrap_or_default());
    remember(memo, &question, watch, &(label.clone(), tree.digest()));
    Ok(Tool { label, path: program, identity: tree.digest() })
}
