//! Inputs brought into a sandbox.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Component, Path};

use uk_action::{Action, Command, EntryKind, Graph, LocalTree, OutputKind, Produced, Source};

use super::Sandbox;
use crate::StoreError;
use crate::copy::{CopyError, copy_hashed};
use crate::error::During;
use crate::failure::Reason;

impl Sandbox<'_> {
    /// Puts the inputs where the action wants them, and makes the folders of its outputs. `produced` has an element for
    /// each input, which counts where the input is an output of another action.
    pub(crate) fn stage(
        &self,
        graph: &Graph,
        action: &Action,
        produced: &[Option<Produced>],
    ) -> Result<(), Reason> {
        check_paths(graph, action)?;
        for (input, produced) in action.inputs.iter().zip(produced) {
            let to = self.root.join(&input.path);
            make_parent(&to)?;
            match (&input.source, produced) {
                (Source::Fixed { path, .. }, _) => stage_fixed(path, &to)?,
                (Source::Local(tree), _) => stage_local(tree, &to)?,
                (Source::Output { action, index }, Some(produced)) => {
                    let from = graph.get(*action);
                    match &from.command {
                        Command::Given { path, .. } => symlink(path, &to).during("write", &to)?,
                        _ => self.stage_object(produced, from.outputs[*index as usize].kind, &to)?,
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

    fn stage_object(&self, produced: &Produced, kind: OutputKind, to: &Path) -> Result<(), StoreError> {
        match kind {
            OutputKind::Tree => self.store.copy_tree(produced.digest, to),
            OutputKind::Text => {
                let text = self.with_root(&self.store.read(produced.digest)?);
                fs::write(to, text).during("write", to)
            }
            // Objects have no executable bit, so a program is copied.
            OutputKind::File if produced.executable => self.store.copy_out(produced.digest, to, 0o555),
            OutputKind::File => symlink(self.store.blob_path(produced.digest), to).during("write", to),
        }
    }
}

/// Paths must lie in the sandbox, and no path behind a link: what is put there would end up at the link's other end.
fn check_paths(graph: &Graph, action: &Action) -> Result<(), Reason> {
    let linked = |source: &Source| match source {
        Source::Fixed { .. } => true,
        Source::Local(_) => false,
        Source::Output { action, index } => {
            let from = graph.get(*action);
            matches!(from.command, Command::Given { .. })
                || from.outputs[*index as usize].kind == OutputKind::File
        }
    };
    let inputs = action.inputs.iter().map(|input| (input.path.as_str(), linked(&input.source)));
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

/// A folder becomes a real one with links to what is in it: a process that has it for its working directory is told the
/// sandbox's path when it asks where it is, not the host's.
fn stage_fixed(from: &Path, to: &Path) -> Result<(), Reason> {
    let unreadable = |source| Reason::Unreadable { path: from.to_owned(), source };
    if !fs::metadata(from).map_err(unreadable)?.is_dir() {
        return Ok(symlink(from, to).during("write", to)?);
    }
    fs::create_dir(to).during("make", to)?;
    for entry in fs::read_dir(from).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let to = to.join(entry.file_name());
        symlink(entry.path(), &to).during("write", &to)?;
    }
    Ok(())
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
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput => {
                Reason::SourceChanged { path: from.clone() }
            }
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
