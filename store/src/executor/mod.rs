//! Realising a graph.
//!
//! One thread, the caller's, knows the state of every action and decides; a rayon pool performs actions and reports. So
//! the state needs no locks, and a graph with nothing to do starts no thread.

mod memory;
mod perform;
mod run;
mod schedule;
mod tokens;

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use uk_action::{Action, ActionId, Command, Digest, Graph, Produced, Source};
use uk_sandbox::NotUnpacked;

use crate::cancel::Cancel;
use crate::failure::{Failure, Fault, Reason};
use crate::layout::Store;
use crate::recent;
use crate::sandbox::Sealed;
use crate::status::{Node, resolve};
use crate::why;
use memory::SHARE;
use perform::Worker;
use run::{Means, run};
use schedule::Schedule;
pub(crate) use tokens::Tokens;

/// How to build.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many actions, and threads and processes of theirs that ask the job server, may run at once; 0 for
    /// [`usual_jobs`], which are counted only when something runs.
    pub jobs: usize,
    /// Whether, after a failure, everything is still built that doesn't need what failed. Otherwise no action is begun
    /// any more; those that run are ended properly, so that their work is kept.
    pub keep_going: bool,
    /// How long a process may take.
    pub timeout: Option<Duration>,
    /// Bytes of address space that a process may have.
    pub memory: Option<u64>,
    /// Tells how many bytes of memory the machine could give now, `None` where that can't be known. While actions run, no
    /// other begins with less than a GiB.
    pub free_memory: fn() -> Option<u64>,
    /// By how many seconds the date that processes see is ahead, where there are walls; 0 for the true one.
    pub ahead: u64,
}

impl Default for Options {
    /// A job a core, stop at the first failure, all the time in the world and the machine's memory.
    fn default() -> Self {
        Self { jobs: 0, keep_going: false, timeout: None, memory: None, free_memory: memory::free, ahead: 0 }
    }
}

/// One job a core, but on a machine with many cores and little memory one a GiB: compilers side by side would take each
/// other's.
pub fn usual_jobs() -> usize {
    let machine = rustix::system::sysinfo();
    let memory = (machine.totalram as u64).saturating_mul(machine.mem_unit.into());
    let shares = usize::try_from(memory / SHARE).unwrap_or(1).max(1);
    thread::available_parallelism().map_or(1, NonZero::get).min(shares)
}

/// The builtins of [`Command::Builtin`]: pure functions from files to files.
pub trait Builtins: Sync {
    /// Runs the builtin `name` in `sandbox`, where the action's inputs are and its outputs are to be.
    ///
    /// # Errors
    /// A text that ends the sentence "LABEL failed: ".
    fn run(&self, name: &str, args: &[String], sandbox: &Path) -> Result<(), String>;

    /// What [`uk_sandbox::Unpack`] does, for a [`uk_action::Seal::Archive`].
    ///
    /// # Errors
    /// [`NotUnpacked`].
    fn unpack(&self, archive: &Path, sum: &str, to: &Path) -> Result<(), NotUnpacked> {
        let _ = (archive, sum, to);
        Err(NotUnpacked::Unlike("nobody here knows such archives".to_owned()))
    }
}

/// Sees a build's progress. Called from several threads.
pub trait Observer: Sync {
    /// Something happened.
    fn event(&self, event: Event);
}

/// A step of a build's progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// How many actions can end; told once, before anything else. [`Command::Given`] isn't counted.
    Planned {
        /// How many.
        actions: usize,
    },
    /// There is something to do; told once, before the first action begins.
    Begun,
    /// Another process is at the same action, or the store looks at what it made: this one waits for the outcome.
    Waits(ActionId),
    /// An action has begun to run.
    Started(ActionId),
    /// An action has ended.
    Finished(ActionId, How),
}

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It ran, for so long.
    Executed(Duration),
    /// What it makes was known.
    Cached,
    /// It failed, or was called off.
    Failed,
}

/// What a build did.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// How many actions ran to a good end.
    pub executed: usize,
    /// How many were known.
    pub cached: usize,
    /// What every action makes, in the graph's order, as far as it is known.
    pub outputs: Vec<Option<Arc<[Produced]>>>,
    /// The key of every action's record, in the graph's order; `None` also for those that have no record.
    pub keys: Vec<Option<Digest>>,
    /// Whether any key or output is another than in the last build of the same roots, or that isn't known.
    pub changed: bool,
}

impl Report {
    /// What `action` makes.
    ///
    /// # Panics
    /// When that isn't known, which can't be for a root of a build that did not fail.
    pub fn outputs(&self, action: ActionId) -> &[Produced] {
        self.outputs[action.index()].as_deref().expect("a root's outputs are known after a build")
    }
}

/// Builds `roots` and everything that they need and that isn't known. Afterwards the roots' outputs are in the store.
///
/// # Errors
/// [`Failure`] tells what failed, and what was done all the same.
pub fn realise(
    graph: &Graph,
    roots: &[ActionId],
    store: &Store,
    options: &Options,
    builtins: &dyn Builtins,
    observer: &dyn Observer,
    cancel: &Cancel,
) -> Result<Report, Failure> {
    let class = store.class();
    let resolved = resolve(graph, roots, store, class);
    let counted = |id: ActionId| !matches!(graph.get(id).command, Command::Given { .. });
    let selected = graph.iter().map(|(id, _)| id).filter(|id| resolved.selected[id.index()] && counted(*id));
    let selected = selected.collect::<Vec<_>>();
    observer.event(Event::Planned { actions: selected.len() });
    for id in selected.iter().filter(|id| resolved.nodes[id.index()].outputs.is_some()) {
        observer.event(Event::Finished(*id, How::Cached));
    }

    let recent = resolved.recent;
    let mut schedule = Schedule::new(graph, store, class, resolved.nodes, observer, false);
    roots.iter().for_each(|root| schedule.want(*root));
    let (executed, faults) = if schedule.has_ready() {
        if !store.check_class() {
            // The machine isn't what it was: other walls, other keys.
            return realise(graph, roots, store, options, builtins, observer, cancel);
        }
        cancel.listen();
        observer.event(Event::Begun);
        // What was seen is looked at again, now that it can't go away any more.
        let nodes = std::mem::take(&mut schedule.nodes);
        protect(graph, &nodes, store);
        schedule = Schedule::new(graph, store, class, nodes, observer, true);
        roots.iter().for_each(|root| schedule.want(*root));
        // Removing a sandbox can take a disk longer than making it: nobody waits for that but the end.
        let (discard, discarded) = mpsc::channel();
        let jobs = if options.jobs == 0 { usual_jobs() } else { options.jobs };
        let mut means = None;
        thread::scope(|scope| {
            // Before the pool, which takes all threads that it can get.
            let discarding =
                thread::Builder::new().spawn_scoped(scope, move || discarded.into_iter().for_each(drop));
            match discarding.and_then(|_| Means::get(jobs, selected.len())) {
                Ok(got) => {
                    let means = means.insert(got);
                    let (tokens, sealed) = (&means.tokens, Sealed::new(store, builtins));
                    let worker = Worker {
                        graph,
                        store,
                        options,
                        builtins,
                        observer,
                        cancel,
                        class,
                        tokens,
                        sealed,
                        discard,
                    };
                    run(&mut schedule, &worker, means)
                }
                Err(source) => {
                    // Nothing comes any more for the thread to wait for.
                    drop(discard);
                    let first = schedule.next().map(|task| Fault {
                        action: task.action,
                        reason: Reason::NoMeans(source),
                        log_path: None,
                        log: Vec::new(),
                        reached: Box::default(),
                    });
                    (Vec::new(), first.into_iter().collect())
                }
            }
        })
    } else {
        (Vec::new(), Vec::new())
    };

    let nodes = schedule.into_nodes();
    let cancelled = cancel.is_cancelled();
    let entries = nodes.iter().filter_map(|node| Some((node.key.as_ref()?, node.outputs.as_ref()?)));
    let changed = !recent.is(entries);
    // Only hints, too, and a store that can only be read has no use for them.
    if changed || !executed.is_empty() {
        let _ = why::save(store, graph, roots, &nodes, &executed);
    }
    let known = selected.iter().filter(|id| nodes[id.index()].outputs.is_some()).count();
    let skipped = selected.len() - known;
    let report = Report {
        keys: nodes.iter().map(|node| node.key).collect(),
        executed: executed.len(),
        cached: known.saturating_sub(executed.len()),
        outputs: nodes.into_iter().map(|node| node.outputs).collect(),
        changed,
    };
    if changed && !cancelled {
        let _ = recent::save(store, graph, roots, &report);
    }
    if faults.is_empty() && !cancelled {
        debug_assert_eq!(skipped, 0, "nothing is left over without a reason");
        Ok(report)
    } else {
        Err(Failure { skipped: skipped.saturating_sub(faults.len()), faults, cancelled, report })
    }
}

/// Keeps what is known of a graph, and what it uses of the store besides, from garbage collection.
fn protect(graph: &Graph, nodes: &[Node], store: &Store) {
    let keys = nodes.iter().filter_map(|node| node.key);
    let outputs = nodes.iter().filter_map(|node| node.outputs.as_deref()).flatten().map(|made| made.digest);
    let fixed = graph.iter().flat_map(|(_, action)| fixed_trees(action, store));
    // Where the store can't be written, nothing can be built either, and that is told by what tries.
    let _ = store.protect(keys.chain(outputs).chain(fixed));
}

/// The digests of the fixed trees in the store (its `sdk/DIGEST`) that an action uses.
pub(crate) fn fixed_trees(action: &Action, store: &Store) -> impl Iterator<Item = Digest> {
    action.inputs.iter().filter_map(|input| match &input.source {
        Source::Fixed(fixed) => {
            fixed.path.strip_prefix(store.root()).ok()?.iter().nth(1)?.to_str()?.parse::<Digest>().ok()
        }
        Source::Local(_) | Source::Output { .. } => None,
    })
}
