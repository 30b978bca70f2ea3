//! `uk new`: a project that builds, runs and passes its test at once.

use std::fs;
use std::path::{Path, PathBuf};

use uk_diagnostic::{Code, Diagnostic};
use uk_loader::{Project, Sdk, typed};
use uk_planner::manifest::is_keyword;
use uk_planner::names;
use uk_store::Cancel;

use crate::failure::Failure;
use crate::session;
use crate::ui::Ui;

/// The files of a project, by path, with `{name}`, `{crate}` and `{version}` to be filled in.
const FILES: [(&str, &str); 4] = [
    ("Cargo.toml", include_str!("template/Cargo.toml.in")),
    ("unikernel.kdl", include_str!("template/unikernel.kdl.in")),
    ("src/lib.rs", include_str!("template/lib.rs.in")),
    (".gitignore", "/target/\n/dist/\n/.uk/\n"),
];

/// Makes the folder `path`, whose last part is the unikernel's name.
pub fn run(folder: &Path, path: &Path, cancel: &Cancel, ui: Ui) -> Result<(), Failure> {
    if !folder.is_dir() {
        let message = format!("there is no folder `{}`", folder.display());
        return Err(Diagnostic::error(Code::NoManifest, message)
            .help("name one that is there with `-C FOLDER`, or leave that out")
            .into());
    }
    let root = folder.join(path);
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else {
        let message = format!("`{}` isn't the name of a new folder", path.display());
        return Err(Diagnostic::error(Code::InvalidName, message)
            .help("name a folder that isn't there yet, as in `uk new my-server`")
            .into());
    };
    let name = &*name;
    if let Some(fault) = names::fault(name) {
        return Err(Diagnostic::error(
            Code::InvalidName,
            format!("`{name}` can't name a unikernel: {fault}"),
        )
        .help("choose another, as in `uk new my-server`")
        .into());
    }
    let taken = Sdk::names()
        .chain(["alloc", "core", "keys", "proc-macro", "std", "test"])
        .any(|taken| names::same(taken, name));
    if taken {
        return Err(Diagnostic::error(
            Code::InvalidName,
            format!("`{name}` can't name a crate: a crate or module that images use has that name"),
        )
        .help(format!("choose another, as in `uk new {name}-server`"))
        .into());
    }
    if is_keyword(&names::canonical(name)) {
        return Err(Diagnostic::error(
            Code::InvalidName,
            format!("`{name}` can't name a crate: it is a word of Rust"),
        )
        .help(format!("choose another, as in `uk new {name}-server`"))
        .into());
    }
    // Made beside its place and renamed: a project is there whole or not at all.
    let beside = root.with_file_name(format!(".{name}.new-{}", std::process::id()));
    let made = write(&beside, name).and_then(|()| fs::rename(&beside, &root));
    if let Err(error) = made {
        let _ = fs::remove_dir_all(&beside);
        let place = root.display();
        let fault = match fs::symlink_metadata(&root) {
            Ok(_) => Diagnostic::error(Code::InvalidName, format!("`{place}` exists already"))
                .help("name a folder that isn't there yet"),
            Err(_) => Diagnostic::error(Code::NotWritable, format!("`{place}` can't be made: {error}"))
                .help("name a folder in one that is there and that you may write to"),
        };
        return Err(fault.into());
    }
    session::link_sdk(&[&Project::at(&root)?], cancel)?;
    ui.note(&format!("made {}; next: `uk -C {} run`", root.display(), typed(&root)));
    Ok(())
}

fn write(root: &Path, name: &str) -> std::io::Result<()> {
    for (file, text) in FILES {
        let path: PathBuf = root.join(file);
        fs::create_dir_all(path.parent().unwrap_or(root))?;
        let text = text
            .replace("{name}", name)
            .replace("{crate}", &names::canonical(name))
            .replace("{version}", Sdk::VERSION);
        fs::write(path, text)?;
    }
    Ok(())
}
