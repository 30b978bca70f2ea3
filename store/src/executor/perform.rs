//! One action, on a thread of the pool.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use uk_action::{Action, ActionId, Class, Command, Digest, Graph, HostFile, Kind, Produced};

use super::{Builtins, Event, How, Observer, Options, Tokens};
use crate::cancel::Cancel;
use crate::failure::{Fault, Reason};
use crate::files::Stamp;
use crate::layout::Store;
use crate::recent::Outputs;
use crate::record::Record;
use crate::sandbox::{Reached, Sandbox, Sealed};
use crate::status::{all_there, known_outputs, producers};
use crate::why;

/// An action whose inputs' bytes are all in the store.
pub(super) struct Task {
    pub(super) action: ActionId,
    pub(super) key: Digest,
    /// The digests of its inputs that are in the key.
    pub(super) digests: Vec<Digest>,
    /// For each input that another action makes, what it is.
    pub(super) inputs: Vec<Option<Produced>>,
}

/// A good end.
pub(super) struct Performed {
    pub(super) outputs: Outputs,
    /// How long it ran; `None` when it turned out to be known.
    pub(super) ran: Option<Duration>,
}

/// What every action needs to run.
pub(super) struct Worker<'a> {
    pub(super) graph: &'a Graph,
    pub(super) store: &'a Store,
    pub(super) options: &'a Options,
    pub(super) builtins: &'a dyn Builtins,
    pub(super) observer: &'a dyn Observer,
    pub(super) cancel: &'a Cancel,
    /// How strictly processes are kept to their inputs.
    pub(super) class: Class,
    /// One is held for every action that runs; what it runs itself takes further ones.
    pub(super) tokens: &'a Tokens,
    /// Copies of sources that others could change.
    pub(super) sealed: Sealed<'a>,
    /// Takes sandboxes that nobody needs any more.
    pub(super) discard: Sender<Sandbox<'a>>,
}

/// Why there are no outputs: called off, or a reason with the log's end.
enum Stop {
    Cancelled,
    Failed(Reason, Vec<u8>, Box<Reached>),
}

impl<R: Into<Reason>> From<R> for Stop {
    fn from(reason: R) -> Self {
        Self::Failed(reason.into(), Vec::new(), Box::default())
    }
}

impl Worker<'_> {
    /// Performs the action; an error without a fault means that it was called off.
    pub(super) fn perform(&self, task: &Task) -> Result<Performed, Option<Fault>> {
        let action = self.graph.get(task.action);
        let result = match &action.command {
            Command::Write(bytes) => self.write(task, action, bytes),
            _ => self.build(task, action),
        };
        let how = match &result {
            Ok(Performed { ran: Some(took), .. }) => How::Executed(*took),
            Ok(Performed { ran: None, .. }) => How::Cached,
            Err(_) => How::Failed,
        };
        self.observer.event(Event::Finished(task.action, how));
        result.map_err(|stop| match stop {
            // A process that was killed looks like one that failed.
            _ if self.cancel.is_cancelled() => None,
            Stop::Cancelled => None,
            Stop::Failed(reason, log, reached) => {
                let log_path = Some(self.store.log_path(task.key)).filter(|_| !log.is_empty());
                Some(Fault { action: task.action, reason, log_path, log, reached })
            }
        })
    }

    fn write(&self, task: &Task, action: &Action, bytes: &[u8]) -> Result<Performed, Stop> {
        self.observer.event(Event::Started(task.action));
        debug_assert_eq!(action.outputs.len(), 1, "`{}` writes one file", action.label);
        let begun = Instant::now();
        let digest = self.store.put_bytes(bytes)?;
        let outputs = [Produced { digest, size: bytes.len() as u64, executable: false }];
        Ok(Performed { outputs: outputs.into(), ran: Some(begun.elapsed()) })
    }

    /// Runs a failed process again and tells what it was refused.
    fn watch(&self, task: &Task, action: &Action, reason: &Reason, log: &[u8], took: Duration) -> Reached {
        if !matches!(reason, Reason::Exit(_)) || self.class == Class::Folder || !worth_watching(action, log) {
            return Reached::default();
        }
        let Ok(mut sandbox) = Sandbox::new(self.store, self.class) else { return Reached::default() };
        match sandbox.stage(self.graph, action, &task.inputs, &self.sealed) {
            Ok(()) => sandbox.watch(action, self.cancel, self.options, self.tokens, took),
            Err(_) => Reached::default(),
        }
    }

    /// A file of a tool of the action's that isn't as it was when the tool was identified.
    fn changed_tool(&self, action: &Action) -> Option<PathBuf> {
        let same = |file: &HostFile| {
            fs::metadata(&file.path).is_ok_and(|now| Stamp::of(&now).of_host(file.path.as_path()) == *file)
        };
        producers(action).find_map(|from| {
            let Command::Given { path, shown, .. } = &self.graph.get(from).command else { return None };
            let seen: HashSet<&Path> =
                shown.host.iter().map(|host| host.from.as_path()).chain([path.as_path()]).collect();
            // Folders that were only looked through are everybody's.
            let of_it = |file: &&HostFile| file.path.ancestors().any(|folder| seen.contains(folder));
            shown.files.iter().filter(of_it).find(|file| !same(file)).map(|file| file.path.clone())
        })
    }

    fn build(&self, task: &Task, action: &Action) -> Result<Performed, Stop> {
        // Another process may be at the same action: then its result is as good.
        let waits = || self.observer.event(Event::Waits(task.action));
        let Some(_lock) = self.store.lock_key(task.key, waits, || self.cancel.is_cancelled())? else {
            return Err(Stop::Cancelled);
        };
        if let Some(outputs) = known_outputs(action, task.key, self.store)
            && all_there(self.store, action, &outputs)
        {
            return Ok(Performed { outputs, ran: None });
        }

        self.observer.event(Event::Started(task.action));
        // A builtin reads what it is given, and nobody has to keep it from more.
        let class = match action.command {
            Command::Run { .. } => self.class,
            _ => Class::Folder,
        };
        let mut sandbox = Sandbox::new(self.store, class)?;
        sandbox.stage(self.graph, action, &task.inputs, &self.sealed)?;
        let begun = Instant::now();
        let (ended, took) = match &action.command {
            Command::Builtin { name, args, .. } => {
                let ended = self.builtins.run(name, args, sandbox.root()).map_err(Reason::Builtin);
                (ended, begun.elapsed())
            }
            _ => {
                let ended = sandbox.run(action, self.cancel, self.options, self.tokens)?;
                let result = match self.options.timeout {
                    _ if ended.status.success() => Ok(()),
                    Some(limit) if ended.timed_out => Err(Reason::TimedOut(limit)),
                    _ => Err(Reason::Exit(ended.status)),
                };
                (result, ended.took)
            }
        };
        if self.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        // Asked before anything is removed. A tool can say it only in its own words, and these were lost, too.
        let full = ended.is_err() && self.store.is_full();
        sandbox.log_stdout(action)?;
        let (log, end) = sandbox.keep_log(task.key)?;
        if full || (ended.is_err() && says_full(&end)) {
            let full = crate::StoreError::Full { path: self.store.root().to_owned() };
            return Err(Stop::Failed(full.into(), end, Box::default()));
        }
        let outputs = ended.and_then(|()| sandbox.collect(action));
        // Good or bad, it isn't what its key says.
        if let Some(path) = self.changed_tool(action) {
            return Err(Stop::Failed(Reason::ToolChanged { path }, end, Box::default()));
        }
        let outputs: Outputs = match outputs {
            Ok(outputs) => outputs.into(),
            Err(reason) => {
                if end.is_empty() {
                    // What ran has a log, or a record: else nobody could tell that it did.
                    self.store.place_bytes(&[], &self.store.log_path(task.key))?;
                }
                let reached = self.watch(task, action, &reason, &end, took);
                return Err(Stop::Failed(reason, end, Box::new(reached)));
            }
        };
        if self.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        // Should the receiver be gone, it is removed here.
        let _ = self.discard.send(sandbox);
        why::keep(self.store, self.graph, action, &task.digests, self.class, task.key)?;
        let record = Record::new(self.class, took, log, outputs);
        self.store.put_record(task.key, &record)?;
        Ok(Performed { outputs: record.outputs, ran: Some(took) })
    }
}

/// Whether a failed process may have missed something that it doesn't declare. A compiler mostly fails for what is in its
/// sources; to run that again costs a user who waits for a message.
fn worth_watching(action: &Action, log: &[u8]) -> bool {
    const SIGNS: [&str; 8] = [
        "No such file",
        "ermission denied",
        "Read-only file system",
        "(os error",
        "couldn't read",
        "cannot find",
        "panicked",
        "unreachable",
    ];
    let log = String::from_utf8_lossy(log);
    matches!(action.kind, Kind::RunScript | Kind::Hook) || SIGNS.iter().any(|sign| log.contains(sign))
}

/// Some tools remove what they could not finish, so that there is room again when they end.
fn says_full(log: &[u8]) -> bool {
    const TEXT: &[u8] = b"No space left on device";
    log.windows(TEXT.len()).any(|window| window == TEXT)
}
