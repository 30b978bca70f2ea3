//! What a failed action tried to reach, found by running it once more and watching.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use uk_action::{Action, Class, Source};
use uk_sandbox::{Seen, SeenKind, Watch};

use super::Sandbox;
use crate::Options;
use crate::cancel::Cancel;
use crate::executor::Tokens;

/// So many are told of each kind, the last ones: they are the nearest to the failure.
const MOST: usize = 8;
/// How long watching may take beyond what the action took, at most.
const PATIENCE: Duration = Duration::from_secs(60);
/// What every program looks for and can do without.
const NOISE: [&str; 8] = [
    "/dev",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/proc",
    "/sys",
    "/usr/lib/locale",
    "/usr/share/locale",
    "/usr/lib/x86_64-linux-gnu/gconv",
];

/// What an action was refused that this machine has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reached {
    /// Files and folders of the host that it doesn't declare.
    pub read: Vec<PathBuf>,
    /// Places that it may not write: of the host, or relative to its sandbox.
    pub written: Vec<PathBuf>,
    /// Internet addresses.
    pub network: Vec<PathBuf>,
    /// What it was refused last.
    pub last: Option<Refusal>,
}

/// A kind of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// To read what it doesn't declare.
    Read,
    /// To write outside of its outputs.
    Write,
    /// To reach anybody.
    Network,
}

impl Sandbox<'_> {
    /// Runs the action in this fresh sandbox, watched, for about as long as it `took`. Nothing is kept but what it tried.
    pub(crate) fn watch(
        &mut self,
        action: &Action,
        cancel: &Cancel,
        options: &Options,
        tokens: &Tokens,
        took: Duration,
    ) -> Reached {
        let Ok(file) = self.store.scratch().map(|scratch| scratch.name()) else { return Reached::default() };
        let limit = (took * 20 + Duration::from_secs(5)).min(took + PATIENCE);
        let options = Options { timeout: Some(limit), ..options.clone() };
        // However it ends, and if it can't be watched at all: what was seen counts.
        let _ = self.run_watched(action, cancel, &options, tokens, Some(Watch::Refusals(file.to_owned())));
        self.judge(action, &Seen::read(&fs::read(&*file).unwrap_or_default()))
    }

    fn judge(&self, action: &Action, seen: &[Seen]) -> Reached {
        let mut reached = Reached::default();
        for Seen { kind, what } in seen {
            let (list, found, last) = match kind {
                SeenKind::Network => (&mut reached.network, Some(what.clone()), Refusal::Network),
                SeenKind::Read => (&mut reached.read, self.undeclared(action, what), Refusal::Read),
                SeenKind::Write => (&mut reached.written, self.protected(what), Refusal::Write),
            };
            if let Some(found) = found.filter(|found| !list.contains(found)) {
                list.push(found);
                reached.last = Some(last);
            }
        }
        for list in [&mut reached.read, &mut reached.written, &mut reached.network] {
            list.drain(..list.len().saturating_sub(MOST));
        }
        reached
    }

    /// The host's path of what an action looked for in vain, if the host has it.
    fn undeclared(&self, action: &Action, path: &Path) -> Option<PathBuf> {
        let host = match path.strip_prefix(self.inside()) {
            Ok(inside) => {
                // A path that leaves a folder of the user's: there it leads somewhere.
                let mut sources = action.inputs.iter().filter_map(|input| match &input.source {
                    Source::Local(tree) => Some((Path::new(&*input.path), &tree.root)),
                    Source::Output { .. } | Source::Fixed(_) => None,
                });
                let (rest, root) =
                    sources.find_map(|(place, root)| Some((inside.strip_prefix(place).ok()?, root)))?;
                clean(&root.join(rest))
            }
            Err(_) => clean(path),
        };
        let noise = NOISE.iter().any(|noise| host.starts_with(noise)) || host.starts_with(self.store.root());
        // Looking at `/usr` on the way to `/usr/x` is no wish for `/usr`.
        let above = self.class == Class::Landlock && host.parent().is_none_or(|p| p == Path::new("/"));
        let there = !noise && !above && fs::symlink_metadata(&host).is_ok();
        there.then_some(host)
    }

    /// A place that an action may not write, as people know it.
    fn protected(&self, path: &Path) -> Option<PathBuf> {
        match path.strip_prefix(self.inside()) {
            Ok(inside) => Some(clean(inside)),
            Err(_) => {
                let place = clean(path);
                let there = place.parent().is_some_and(|folder| folder.is_dir());
                (there && !NOISE.iter().any(|noise| place.starts_with(noise))).then_some(place)
            }
        }
    }
}

/// The path without `.` and `..`.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
}
