//! Inputs brought into a sandbox.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Component, Path};

use uk_action::{
    Action, Class, Command, EntryKind, Graph, Kind, LocalTree, OutputKind, Produced, Seal, Shown, Source,
};

use super::sealed::tree_of;
use super::{Sandbox, Sealed, Workplace};
use crate::StoreError;
use crate::copy::{CopyError, copy_hashed};
use crate::error::During;
use crate::failure::Reason;

/// The largest archive, in bytes, that is unpacked in memory; files of sources are about eight times as long as their archive.
const SMALL_ARCHIVE: u64 = 2 << 20;

impl Sandbox<'_> {
    /// Puts the inputs where the action wants them, and makes the folders of its outputs. `produced` has an element for
    /// each input, which counts where the input is an output of another action.
    pub(crate) fn stage(
        &mut self,
        graph: &Graph,
        action: &Action,
        produced: &[Option<Produced>],
        sealed: &Sealed<'_>,
    ) -> Result<(), Reason> {
        check_paths(graph, action)?;
        for (input, produced) in action.inputs.iter().zip(produced) {
            let to = self.root.join(&*input.path);
            make_parent(&to)?;
            match (&input.source, produced) {
                (Source::Fixed(fixed), _) => match &fixed.seal {
                    Seal::Trusted => self.stage_fixed(&fixed.path, &input.path)?,
                    Seal::Archive(sum) if self.unpacks(&fixed.path)? => {
                        fs::create_dir_all(&to).during("make", &to)?;
                        let writable = is_workplace(action, &input.path);
                        self.view.unpack(&input.path, &fixed.path, sum, writable);
                        if writable {
                            self.workplace = Some(Workplace::Unpacked(None));
                        }
                    }
                    seal if is_workplace(action, &input.path) => {
                        sealed.copy(&fixed.path, seal, &to)?;
                        self.workplace = Some(Workplace::Copy(input.path.to_string(), tree_of(&to)?));
                    }
                    seal if self.class == Class::Namespaces => {
                        self.refer(&sealed.shared(&fixed.path, seal)?, &input.path, true)?;
                    }
                    // Others could write to a copy that several have.
                    seal => sealed.copy(&fixed.path, seal, &to)?,
                },
                (Source::Local(tree), _) => {
                    stage_local(tree, &to)?;
                    if is_workplace(action, &input.path) {
                        self.workplace = Some(Workplace::Copy(input.path.to_string(), tree.tree.clone()));
                    } else {
                        self.view.protect(&input.path);
                    }
                }
                (Source::Output { action, index }, Some(produced)) => {
                    let from = graph.get(*action);
                    match &from.command {
                        Command::Given { path, shown, .. } => self.stage_given(path, shown, &input.path)?,
                        _ => {
                            let kind = from.outputs[*index as usize].kind;
                            self.stage_object(produced, kind, &input.path)?;
                        }
                    }
                }
                (Source::Output { .. }, None) => unreachable!("an input is staged before it is known"),
            }
        }
        for output in &action.outputs {
            let path = self.root.join(&output.path);
            match output.kind {
                OutputKind::Tree => fs::create_dir_all(&path).during("make", &path)?,
                OutputKind::File | OutputKind::Text => make_parent(&path)?,
            }
        }
        Ok(())
    }

    /// Whether an archive is unpacked behind the walls, where that costs no file of the host. A large one would take too
    /// much memory, and is unpacked once for all.
    fn unpacks(&self, archive: &Path) -> Result<bool, Reason> {
        let size = || {
            let found = fs::metadata(archive);
            found
                .map(|found| found.len())
                .map_err(|source| Reason::Unreadable { path: archive.to_owned(), source })
        };
        Ok(self.class == Class::Namespaces && size()? <= SMALL_ARCHIVE)
    }

    fn stage_object(&mut self, produced: &Produced, kind: OutputKind, place: &str) -> Result<(), StoreError> {
        let to = self.root.join(place);
        match kind {
            OutputKind::Tree => self.store.copy_tree(produced.digest, &to)?,
            OutputKind::Text => {
                let text = self.with_root(&self.store.read(produced.digest)?);
                fs::write(&to, text).during("write", &to)?;
            }
            // Objects have no executable bit, so a program is copied.
            OutputKind::File if produced.executable => self.store.copy_out(produced.digest, &to, 0o555)?,
            OutputKind::File => return self.refer(&self.store.blob_path(produced.digest), place, false),
        }
        self.view.protect(place);
        Ok(())
    }

    /// Makes a file or folder of the host appear at `place`: shown there, or by a link to it.
    fn refer(&mut self, from: &Path, place: &str, folder: bool) -> Result<(), StoreError> {
        let to = self.root.join(place);
        if self.class != Class::Namespaces {
            self.view.open(from.to_owned());
            return symlink(from, &to).during("write", &to);
        }
        if folder {
            fs::create_dir_all(&to).during("make", &to)?;
        } else {
            File::create(&to).during("make", &to)?;
        }
        self.view.show(place, from.to_owned());
        Ok(())
    }

    /// A folder becomes a real one with links to what is in it, where links are used: a process that has it for its
    /// working directory is told the sandbox's path when it asks where it is, not the host's.
    fn stage_fixed(&mut self, from: &Path, place: &str) -> Result<(), Reason> {
        let unreadable = |source| Reason::Unreadable { path: from.to_owned(), source };
        let folder = fs::metadata(from).map_err(unreadable)?.is_dir();
        if !folder || self.class == Class::Namespaces {
            return Ok(self.refer(from, place, folder)?);
        }
        let to = self.root.join(place);
        fs::create_dir(&to).during("make", &to)?;
        for entry in fs::read_dir(from).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let to = to.join(entry.file_name());
            symlink(entry.path(), &to).during("write", &to)?;
        }
        self.view.open(from.to_owned());
        Ok(())
    }

    /// A tool: at its own place on the host where it needs to be there, else in the sandbox.
    fn stage_given(&mut self, from: &Path, shown: &Shown, place: &str) -> Result<(), Reason> {
        self.view.show_host(shown);
        let to = self.root.join(place);
        let at_home = shown.host.iter().any(|host| from.starts_with(&host.at));
        if at_home || self.class != Class::Namespaces {
            if !at_home {
                let parts = shown.parts.iter().map(|part| from.join(part));
                let whole = Some(from.to_owned()).filter(|_| shown.parts.is_empty());
                parts.chain(whole).for_each(|path| self.view.open(path));
            }
            return Ok(symlink(from, &to).during("write", &to)?);
        }
        let is_folder = |path: &Path| {
            let found = fs::metadata(path);
            found.map(|f| f.is_dir()).map_err(|source| Reason::Unreadable { path: path.to_owned(), source })
        };
        if shown.parts.is_empty() {
            return Ok(self.refer(from, place, is_folder(from)?)?);
        }
        for part in &shown.parts {
            let (from, place) = (from.join(part), format!("{place}/{}", part.display()));
            make_parent(&self.root.join(&place))?;
            let folder = is_folder(&from)?;
            self.refer(&from, &place, folder)?;
        }
        Ok(())
    }
}

/// Whether the input at `place` is the sources of a build script's package. Some scripts make files there that they remove
/// again, as compilers do that they ask something, or write what is there already: they get a copy of their own, and must
/// leave it as it was.
fn is_workplace(action: &Action, place: &str) -> bool {
    let Command::Run { cwd, .. } = &action.command else { return false };
    action.kind == Kind::RunScript && Path::new(cwd).starts_with(place)
}

/// Paths must lie in the sandbox, and no path behind a link: what is put there would end up at the link's other end.
fn check_paths(graph: &Graph, action: &Action) -> Result<(), Reason> {
    let linked = |source: &Source| match source {
        Source::Fixed(_) => true,
        Source::Local(_) => false,
        Source::Output { action, index } => {
            let from = graph.get(*action);
            matches!(from.command, Command::Given { .. })
                || from.outputs[*index as usize].kind == OutputKind::File
        }
    };
    let inputs = action.inputs.iter().map(|input| (&*input.path, linked(&input.source)));
    let outputs = action.outputs.iter().map(|output| (output.path.as_str(), false));
    let mut paths = inputs.chain(outputs).collect::<Vec<_>>();
    let inside = |path: &str| {
        let path = Path::new(path);
        path.components().all(|part| matches!(part, Component::Normal(_))) && path.components().count() > 0
    };
    if let Some((path, _)) = paths.iter().find(|(path, _)| !inside(path)) {
        return Err(Reason::Layout { path: (*path).to_owned() });
    }
    paths.sort_by(|(a, _), (b, _)| Path::new(a).cmp(Path::new(b)));
    // In this order everything below a link stands directly behind it.
    let below_link = paths.windows(2).find(|pair| pair[0].1 && Path::new(pair[1].0).starts_with(pair[0].0));
    match below_link {
        Some(pair) => Err(Reason::Layout { path: pair[1].0.to_owned() }),
        None => Ok(()),
    }
}

fn make_parent(path: &Path) -> Result<(), StoreError> {
    match path.parent() {
        Some(folder) => fs::create_dir_all(folder).during("make", folder),
        None => Ok(()),
    }
}

/// Copies the user's files, each checked against the digest that the keys were made from.
fn stage_local(tree: &LocalTree, to: &Path) -> Result<(), Reason> {
    fs::create_dir_all(to).during("make", to)?;
    for entry in tree.tree.entries() {
        let (from, to) = (tree.root.join(&entry.path), to.join(&entry.path));
        make_parent(&to)?;
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::UnexpectedEof => Reason::SourceChanged { path: from.clone() },
            _ => Reason::Unreadable { path: from.clone(), source: error },
        };
        let same = match &entry.kind {
            EntryKind::Link { target } => {
                symlink(target, &to).during("write", &to)?;
                fs::read_link(&from).map_err(unreadable)?.as_os_str() == target.as_str()
            }
            EntryKind::File { digest, executable } => {
                let mode = if *executable { 0o777 } else { 0o666 };
                let mut source = File::open(&from).map_err(unreadable)?;
                let copy = OpenOptions::new().write(true).create_new(true).mode(mode).open(&to);
                let mut copy = copy.during("write", &to)?;
                match copy_hashed(&mut source, &mut copy, &to, false) {
                    Ok((copied, _)) => copied == *digest,
                    Err(CopyError::Read(error)) => return Err(unreadable(error)),
                    Err(CopyError::Write(error)) => return Err(StoreError::io("write", &to, error).into()),
                }
            }
        };
        if !same {
            return Err(Reason::SourceChanged { path: from });
        }
    }
    Ok(())
}
