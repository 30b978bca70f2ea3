//! The C compiler driver, which links what runs on the host and compiles what build scripts bring along, with the programs,
//! start files, libraries and headers that it uses.

mod headers;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uk_action::{Digest, HostFile, HostPath, Shown};
use uk_diagnostic::{Code, Diagnostic};
use uk_planner::lower::Tool;
use uk_store::{Cancel, Store};

use crate::Result;
use crate::memo::{Place, Watch, recall_watched, remember};
use crate::needs::{Digests, Unusable, contents, libraries};
use crate::toolchain::{answer, ask};

/// Where actions look for programs; see `PATH` in the planner's `base_env`.
const FOLDERS: [&str; 2] = ["/usr/bin", "/bin"];
/// Programs that the driver starts to link.
const LINKING: [&str; 3] = ["collect2", "ld", "as"];
/// Programs that build scripts which compile C start, beside the driver.
const COMPILING: [&str; 9] = ["c++", "gcc", "g++", "ar", "ranlib", "nm", "strip", "objcopy", "objdump"];
/// Programs that the driver starts to compile.
const PASSES: [&str; 4] = ["cc1", "cc1plus", "lto1", "lto-wrapper"];
/// Files that a Rust link on Linux can take from the host: start files, libc and the compiler's own libraries.
const FILES: [&str; 31] = [
    "crt1.o",
    "Scrt1.o",
    "rcrt1.o",
    "gcrt1.o",
    "crti.o",
    "crtn.o",
    "crtbegin.o",
    "crtbeginS.o",
    "crtend.o",
    "crtendS.o",
    "libc.so",
    "libc.so.6",
    "libc_nonshared.a",
    "libm.so",
    "libm.so.6",
    "libmvec.so.1",
    "libgcc.a",
    "libgcc_s.so",
    "libgcc_s.so.1",
    "libpthread.a",
    "libpthread.so.0",
    "libdl.a",
    "libdl.so.2",
    "librt.a",
    "librt.so.1",
    "libutil.a",
    "libutil.so.1",
    "libresolv.so",
    "libresolv.so.2",
    "libstdc++.so",
    "libstdc++.so.6",
];
/// Paths of the host that the user lets build scripts see, separated by colons.
pub(crate) const PATHS: &str = "UK_HOST_PATHS";

/// The driver for linking, and with all that compiling C takes, each by the content of what it brings along.
pub(crate) struct Drivers {
    /// Links.
    pub link: Tool,
    /// Compiles and links.
    pub compile: Tool,
}

/// What is remembered of them.
#[derive(Serialize, Deserialize)]
struct Known {
    label: String,
    link: Part,
    compile: Part,
}

/// A tool's content and what a sandbox shows of it: where it is looked for, and where it is.
#[derive(Serialize, Deserialize)]
pub(crate) struct Part {
    pub identity: Digest,
    pub host: Vec<(PathBuf, PathBuf)>,
}

impl Part {
    /// Names `shown` by what it holds; `known` has the files read before.
    pub fn of(shown: &BTreeSet<HostPath>, known: &mut Digests) -> std::result::Result<Self, Unusable> {
        let identity = contents(shown, known)?.digest();
        let host = shown.iter().map(|host| (host.at.clone(), host.from.clone())).collect();
        Ok(Self { identity, host })
    }

    /// What a sandbox shows; `files` are those that it was identified by.
    pub fn shown(self, files: Vec<HostFile>) -> Arc<Shown> {
        let host = self.host.into_iter().map(|(at, from)| HostPath { at, from }).collect();
        Arc::new(Shown { parts: Vec::new(), host, files })
    }
}

/// Finds the driver and all that belongs to it.
pub(crate) fn identify(store: &Store) -> Result<Drivers> {
    let found = FOLDERS.iter().map(|folder| Path::new(folder).join("cc")).find(|program| program.is_file());
    let program = found.ok_or_else(|| {
        Diagnostic::error(
            Code::NoLinker,
            "there is no `cc` in `/usr/bin`: build scripts, macros and `unix` programs need it to link",
        )
        .help("install one: `apt-get install gcc libc6-dev`, `dnf install gcc`, or what your system calls it")
    })?;
    let memo = Place::Store(store, "cc.json");
    let extra = std::env::var(PATHS).unwrap_or_default();
    let question = (program.clone(), extra.clone());
    let (known, watch) = match recall_watched::<(PathBuf, String), Known>(memo, &question) {
        Some(known) => known,
        None => {
            let mut watch = Watch::default();
            let known = look(store.cancel(), &program, &extra, &mut watch)?;
            store.cancel().check()?;
            remember(memo, &question, watch.clone(), &known);
            (known, watch)
        }
    };
    let Known { label, link, compile } = known;
    let tool = |label, part: Part, files| Tool {
        label,
        path: program.clone(),
        identity: part.identity,
        shown: part.shown(files),
    };
    let files = watch.into_host_files();
    let compile = tool(format!("{label}, headers"), compile, files.clone());
    Ok(Drivers { compile, link: tool(label, link, files) })
}

fn look(cancel: &Cancel, program: &Path, extra: &str, watch: &mut Watch) -> Result<Known> {
    let root = Path::new("/");
    watch.file(program);
    let version = ask(cancel, program, &["--version"], root)?;
    let search = ask(cancel, program, &["-print-search-dirs"], root)?;
    let folders = |kind: &str| -> Vec<PathBuf> {
        let line = search.lines().find_map(|l| l.strip_prefix(kind)).unwrap_or_default();
        line.trim_start_matches('=').split(':').chain(FOLDERS).map(PathBuf::from).collect()
    };
    let (programs, libs) = (folders("programs: "), folders("libraries: "));
    let mut found = Found { watch, passed: BTreeSet::new() };
    let mut link = BTreeSet::from([program.to_owned()]);
    link.extend(found.first(&LINKING, &programs));
    link.extend(found.first(&FILES, &libs));
    // The compiler's own folders go with it whole: passes, plug-ins, start files, headers.
    let own = link.iter().filter(|path| path.ends_with("crtbegin.o") || path.ends_with("libgcc.a"));
    let mut own: BTreeSet<PathBuf> =
        own.filter_map(|path| path.canonicalize().ok()?.parent().map(Path::to_owned)).collect();
    for question in ["-print-prog-name=cc1", "-print-prog-name=collect2", "-print-resource-dir"] {
        // Not every driver knows each of them.
        let Ok(answer) = answer(cancel, program, Command::new(program).arg(question).current_dir(root))?
        else {
            continue;
        };
        let path = PathBuf::from(answer.trim());
        let folder = if question.ends_with("dir") { Some(&*path) } else { path.parent() };
        own.extend(folder.filter(|f| f.is_absolute() && !is_shared(f)).and_then(|f| f.canonicalize().ok()));
    }
    own.retain(|folder| !is_shared(folder));
    let passes: Vec<PathBuf> =
        own.iter().flat_map(|f| PASSES.map(|name| f.join(name))).filter(|p| p.is_file()).collect();
    let starts = |list: &BTreeSet<PathBuf>| -> Vec<PathBuf> {
        list.iter()
            .filter(|path| FOLDERS.iter().any(|f| path.starts_with(f)) || is_pass(path))
            .cloned()
            .collect()
    };
    link.extend(libraries(cancel, &starts(&link))?);
    link.extend(own.iter().cloned());

    let mut compile: BTreeSet<HostPath> = link.iter().map(HostPath::same).collect();
    let started: Vec<PathBuf> = found.first(&COMPILING, &programs).into_iter().collect();
    let needed = libraries(cancel, &started.iter().chain(&passes).cloned().collect::<Vec<_>>())?;
    compile.extend(started.into_iter().chain(needed).map(HostPath::same));
    let Found { passed, watch, .. } = found;
    // A file that appears in a folder before would be taken instead.
    passed.into_iter().for_each(|folder| watch.file(folder));
    for path in link.iter().chain(compile.iter().map(|host| &host.from)) {
        watch.file(path);
    }
    passes.iter().for_each(|path| watch.file(path));
    compile.extend(headers::collect(cancel, program, watch)?);
    compile.extend(named(cancel, extra, watch)?);

    let link: BTreeSet<HostPath> = link.iter().map(HostPath::same).collect();
    let mut read = Digests::default();
    let mut part = |shown: &BTreeSet<HostPath>| {
        Part::of(shown, &mut read).map_err(|error| {
            Diagnostic::error(Code::NoLinker, format!("the host's compiler can't be used: {error}"))
        })
    };
    let label = format!("cc ({})", version.lines().next().unwrap_or_default());
    Ok(Known { label, link: part(&link)?, compile: part(&compile)? })
}

/// A folder with more in it than one compiler.
fn is_shared(folder: &Path) -> bool {
    [
        "/",
        "/bin",
        "/lib",
        "/lib64",
        "/usr",
        "/usr/bin",
        "/usr/lib",
        "/usr/lib64",
        "/usr/libexec",
        "/usr/local",
    ]
    .iter()
    .any(|shared| folder == Path::new(shared))
        || folder.join("libc.so").exists()
}

fn is_pass(path: &Path) -> bool {
    path.file_name().is_some_and(|name| LINKING.iter().any(|known| name == *known))
}

struct Found<'w> {
    watch: &'w mut Watch,
    /// Folders that were looked into in vain.
    passed: BTreeSet<PathBuf>,
}

impl Found<'_> {
    /// As the driver does it: each from the first folder that has it. What it doesn't have, it doesn't use.
    fn first(&mut self, names: &[&str], folders: &[PathBuf]) -> BTreeSet<PathBuf> {
        let mut all = BTreeSet::new();
        for name in names {
            let at = folders.iter().position(|folder| folder.join(name).exists());
            // The driver names folders by way of its own: `/usr/lib/gcc/.../../..`.
            let folder = at.map(|at| folders[at].canonicalize().unwrap_or_else(|_| folders[at].clone()));
            all.extend(folder.map(|folder| folder.join(name)));
            self.passed.extend(folders[..at.unwrap_or(folders.len())].iter().cloned());
        }
        all
    }
}

/// What the user lets build scripts see, with the libraries that its programs need.
fn named(cancel: &Cancel, paths: &str, watch: &mut Watch) -> Result<BTreeSet<HostPath>> {
    let mut all = BTreeSet::new();
    for path in paths.split(':').filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        if !path.is_absolute() || !path.exists() {
            return Err(Box::new(
                Diagnostic::error(
                    Code::NoLinker,
                    format!("`{PATHS}` names `{}`, which isn't there", path.display()),
                )
                .help("name files and folders of this machine by absolute paths, separated by colons"),
            ));
        }
        watch.tree(&path);
        let libraries = libraries(cancel, std::slice::from_ref(&path))?;
        libraries.iter().for_each(|library| watch.file(library));
        all.extend(libraries.into_iter().chain([path]).map(HostPath::same));
    }
    Ok(all)
}
