//! Building everything once more, elsewhere, to see whether it comes out the same.
//!
//! The second build has a store of its own, at a path of another length in the first one's `tmp/`; so sandboxes stand
//! elsewhere, though in namespaces no action sees where. It begins at least a second after the first has ended, and
//! behind walls with a date that is more than a year ahead, runs another number of actions at once, and has another
//! umask. Users, homes, locales, time zones and host names aren't shifted: an action's environment has none of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::Mode;
use uk_action::{ActionId, Command, Digest, Graph, OutputKind, Produced};

use crate::cancel::Cancel;
use crate::error::During;
use crate::executor::{Builtins, Observer, Options, Report, realise, usual_jobs};
use crate::failure::Failure;
use crate::layout::Store;
use crate::{StoreError, recent};

/// A clock that counts seconds shows another one then.
const LATER: Duration = Duration::from_millis(1100);

/// 400 days, 13 hours, 17 minutes and 29 seconds: another year, month, day, day of the week, hour, minute and second.
const AHEAD: u64 = ((400 * 24 + 13) * 60 + 17) * 60 + 29;

/// By how many seconds the date that actions see can be ahead in a second build, for [`Options::ahead`]; 0 where they can
/// only be told the true one. A trial: it costs some milliseconds.
pub fn ahead(store: &Store) -> u64 {
    if store.shifts_date(AHEAD) { AHEAD } else { 0 }
}

/// What came out of a second build.
#[derive(Debug)]
pub struct Checked {
    /// How many actions were compared.
    pub compared: usize,
    /// How many only write a text that they are known by, so that there is nothing to compare.
    pub written: usize,
    /// How many were not, since an input of theirs came out otherwise.
    pub apart: usize,
    /// What came out otherwise from the same inputs.
    pub unlike: Vec<Unlike>,
}

/// An output that came out otherwise.
#[derive(Debug)]
pub struct Unlike {
    /// Whose.
    pub action: ActionId,
    /// Which of its outputs, from 0.
    pub output: usize,
    /// Where the first is kept; a file or a folder. `None` when the store doesn't have it any more.
    pub first: Option<PathBuf>,
    /// Where the second is kept.
    pub second: Option<PathBuf>,
    /// Whether only one of the two may be executed.
    pub mode: bool,
}

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The second build failed.
    #[error("the second build failed")]
    Build(Box<Failure>),
    /// The store could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Builds `roots` again, as `options` say but for the number of jobs, and compares every output with that of `first`. What differs is taken out of the action cache,
/// so that nobody relies on it, and both of its outputs are kept in the store's `bad/`.
///
/// # Errors
/// When the second build fails or its store can't be written.
#[expect(clippy::too_many_arguments, reason = "those of `realise` and what it gave")]
pub fn check(
    graph: &Graph,
    roots: &[ActionId],
    first: &Report,
    store: &Store,
    options: &Options,
    builtins: &dyn Builtins,
    observer: &dyn Observer,
    cancel: &Cancel,
) -> Result<Checked, CheckError> {
    std::thread::sleep(LATER);
    let elsewhere = store.scratch()?.name();
    let place = elsewhere.join("another/place/of/the/store");
    fs::create_dir_all(&place).during("make", &place)?;
    let other = Store::open(&place)?.with_sandboxing(store.sandboxing());
    let jobs = match options.jobs {
        1 => 2,
        // Half as many, of all cores or of what was said.
        0 => usual_jobs().div_ceil(2),
        jobs => jobs.div_ceil(2),
    };
    let options = Options { jobs, ..options.clone() };
    let umask = rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let second = realise(graph, roots, &other, &options, builtins, observer, cancel);
    rustix::process::umask(umask);
    let second = second.map_err(|mut failure| {
        // Gone with the second store; their ends are kept.
        failure.faults.iter_mut().for_each(|fault| fault.log_path = None);
        CheckError::Build(Box::new(failure))
    })?;

    let mut checked = Checked { compared: 0, written: 0, apart: 0, unlike: Vec::new() };
    let mut bad = Vec::new();
    for (id, action) in graph.iter() {
        let place = id.index();
        let (Some(a), Some(b)) = (&first.outputs[place], &second.outputs[place]) else { continue };
        checked.written += usize::from(matches!(action.command, Command::Write(_)));
        // What doesn't run has no key, and nothing to compare.
        let (Some(key), Some(other_key)) = (first.keys[place], second.keys[place]) else { continue };
        if key != other_key {
            checked.apart += 1;
            continue;
        }
        checked.compared += 1;
        let before = checked.unlike.len();
        for (output, (one, two)) in a.iter().zip(b.iter()).enumerate().filter(|(_, (one, two))| one != two) {
            let folder = store.root().join("bad").join(format!("check-{}", key.short()));
            let kind = action.outputs[output].kind;
            let keep = |from: &Store, name: &str, made: &Produced| {
                keep(from, made, kind, &folder.join(format!("{name}-{}", output + 1)))
            };
            let (first, second) = (keep(store, "first", one), keep(&other, "second", two));
            checked.unlike.push(Unlike { action: id, output, first, second, mode: one.digest == two.digest });
        }
        if checked.unlike.len() > before {
            bad.push(key);
        }
    }
    quarantine(store, &bad)?;
    Ok(checked)
}

/// Copies an output to where people can look at it.
fn keep(store: &Store, made: &Produced, kind: OutputKind, to: &Path) -> Option<PathBuf> {
    // Of an earlier check.
    let _ = crate::scratch::remove(to);
    let kept = match kind {
        OutputKind::Tree => store.copy_tree(made.digest, to),
        OutputKind::File | OutputKind::Text => store.materialise_file(made.digest, to, made.executable),
    };
    kept.is_ok().then(|| to.to_owned())
}

/// Takes records out of the action cache, and what copies them.
fn quarantine(store: &Store, keys: &[Digest]) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let bad = store.root().join("bad");
    fs::create_dir_all(&bad).during("make", &bad)?;
    for key in keys {
        let record = store.record_path(*key);
        fs::rename(&record, store.unlike_path(*key)).during("move", &record)?;
    }
    let copies = fs::read_dir(store.root().join("recent")).into_iter().flatten().flatten();
    for copy in copies.map(|entry| entry.path()) {
        if recent::keys(&copy).is_none_or(|known| known.iter().any(|key| keys.contains(key))) {
            fs::remove_file(&copy).during("remove", &copy)?;
        }
    }
    Ok(())
}
