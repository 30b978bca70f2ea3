//! What went wrong in a build.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use uk_action::{ActionId, Class, Graph, Kind};
use uk_diagnostic::{Code, Diagnostic};

use crate::{Cancel, Reached, Refusal, Report, StoreError};

/// A build that did not make all of its roots.
#[derive(Debug)]
pub struct Failure {
    /// The actions that failed, in the order in which they did; none when the build was called off before any.
    pub faults: Vec<Fault>,
    /// Whether it was called off.
    pub cancelled: bool,
    /// What was done all the same.
    pub report: Report,
    /// How many actions were not begun, or not ended, because of this.
    pub skipped: usize,
}

impl Failure {
    /// The faults as people see them; [`Code::Interrupted`] alone when the build was called off.
    pub fn diagnostics(&self, graph: &Graph) -> Vec<Diagnostic> {
        if self.cancelled {
            return vec![Cancel::diagnostic()];
        }
        self.faults.iter().map(|fault| fault.diagnostic(graph)).collect()
    }
}

/// An action that failed, and why.
#[derive(Debug)]
pub struct Fault {
    /// The action.
    pub action: ActionId,
    /// Why.
    pub reason: Reason,
    /// Where the whole log is, if the action printed anything.
    pub log_path: Option<PathBuf>,
    /// What it printed, the end of it when that was much; [`uk_action::Action::SANDBOX`] stands for its sandbox.
    pub log: Vec<u8>,
    /// What it was refused, where that could be seen.
    pub reached: Box<Reached>,
}

/// Why an action failed.
#[derive(Debug)]
pub enum Reason {
    /// Its process ended with a status other than zero, or by a signal.
    Exit(ExitStatus),
    /// Its process took longer than allowed.
    TimedOut(Duration),
    /// Its process could not be started.
    NotStarted {
        /// The program, as the action calls it.
        program: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Its sandbox could not be put up.
    NoWalls {
        /// Which sandbox.
        class: Class,
        /// What could not be done, an infinitive.
        what: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The system has no descriptors or threads left to run anything with.
    NoMeans(std::io::Error),
    /// A builtin said no.
    Builtin(String),
    /// It ended well without making what it declares.
    MissingOutput {
        /// The output's path in the sandbox.
        path: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It ended well, but its sources aren't what they were.
    SourcesWritten {
        /// A file that is new, another or gone: its path in the sandbox.
        path: String,
    },
    /// A source file isn't what it was when the build began.
    SourceChanged {
        /// The file.
        path: PathBuf,
    },
    /// A tool was replaced meanwhile.
    ToolChanged {
        /// A file of it.
        path: PathBuf,
    },
    /// A source that others can write isn't what its identity says.
    Unlike {
        /// Where it is.
        path: PathBuf,
        /// Whether it is an archive; a folder otherwise.
        archive: bool,
        /// How that shows.
        cause: Box<str>,
    },
    /// A source file can't be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A path of the action that lies outside of its sandbox or below a linked input: a fault of whoever made the action.
    Layout {
        /// The path.
        path: String,
    },
    /// The store.
    Store(StoreError),
}

impl From<StoreError> for Reason {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Fault {
    /// Its entry in the error index.
    pub fn code(&self, graph: &Graph) -> Code {
        match (&self.reason, self.reached.last) {
            (Reason::Exit(_), Some(Refusal::Read)) => return Code::Undeclared,
            (Reason::Exit(_), Some(Refusal::Write)) => return Code::WroteOutside,
            (Reason::Exit(_), Some(Refusal::Network)) => return Code::WantedNetwork,
            (Reason::TimedOut(_), _) => return Code::TookTooLong,
            _ => {}
        }
        match &self.reason {
            Reason::Exit(_) | Reason::TimedOut(_) | Reason::Builtin(_) | Reason::NotStarted { .. } => {
                match graph.get(self.action).kind {
                    Kind::RunScript | Kind::ReadScript => Code::BuildScriptFailed,
                    _ => Code::ActionFailed,
                }
            }
            Reason::MissingOutput { .. } => Code::MissingOutput,
            Reason::SourcesWritten { .. } => Code::WroteOutside,
            Reason::Layout { .. } | Reason::NoMeans(_) => Code::ActionFailed,
            Reason::NoWalls { .. } => Code::SandboxFailed,
            Reason::SourceChanged { .. } => Code::SourceChanged,
            Reason::ToolChanged { .. } => Code::ToolChanged,
            Reason::Unlike { .. } => Code::ChecksumMismatch,
            Reason::Unreadable { .. } => Code::UnreadableSource,
            Reason::Store(error) => error.code(),
        }
    }

    /// The fault as people see it. The log isn't in it: what matters there depends on what ran.
    pub fn diagnostic(&self, graph: &Graph) -> Diagnostic {
        let action = graph.get(self.action);
        let label = &action.label;
        let (message, help) = match &self.reason {
            Reason::Store(error) => return error.diagnostic(),
            Reason::Exit(status) => (format!("`{label}` failed: {status}"), None),
            Reason::TimedOut(limit) => (
                format!("`{label}` was ended after {} s", limit.as_secs()),
                Some("give it more time with `--timeout SECONDS` if it only is slow".to_owned()),
            ),
            Reason::NotStarted { program, source } => {
                (format!("`{label}` could not be started: `{program}`: {source}"), None)
            }
            Reason::NoWalls { class, what, source } => (
                format!(
                    "`{label}` can't be run in a sandbox of the class `{}`: can't {what}: {source}",
                    class.name()
                ),
                Some("let `uk` choose the sandbox: unset `UK_SANDBOX`; or choose a weaker one".to_owned()),
            ),
            Reason::NoMeans(source) => (
                format!("`{label}` can't be begun: {source}"),
                Some("raise the limit of processes and threads: `ulimit -u 4096`".to_owned()),
            ),
            Reason::Builtin(text) => (format!("`{label}` failed: {text}"), None),
            Reason::MissingOutput { path, what } => {
                (format!("`{label}` ended well, but `{path}` {what}"), None)
            }
            Reason::SourcesWritten { path } => (
                format!("the build script of `{label}` changed its package's sources: `{path}`"),
                advice(Refusal::Write, action.kind).map(str::to_owned),
            ),
            Reason::SourceChanged { path } => (
                format!("`{}` changed while `{label}` was being built", path.display()),
                Some("run the command again".to_owned()),
            ),
            Reason::ToolChanged { path } => (
                format!("`{}` was replaced while `{label}` was being built with it", path.display()),
                Some("run the command again when the update is done".to_owned()),
            ),
            Reason::Unlike { path, archive, cause } => (
                format!("`{label}` isn't built: `{}` can't be used: {cause}", path.display()),
                Some(if *archive {
                    "remove it, and cargo fetches it again; who changed it?".to_owned()
                } else {
                    "a vendored crate: `cargo vendor` writes it again; a checkout of git: remove it, and cargo makes it \
                     again; who changed it?"
                        .to_owned()
                }),
            ),
            Reason::Unreadable { path, source } => {
                (format!("`{label}` needs `{}`, which can't be read: {source}", path.display()), None)
            }
            Reason::Layout { path } => {
                (format!("`{label}` has the path `{path}`, which can't be put into its sandbox"), None)
            }
        };
        let mut diagnostic = Diagnostic::error(self.code(graph), message);
        if let Some(span) = action.span {
            diagnostic = diagnostic.label(span, "needed by this line");
        }
        let reached = &self.reached;
        for (what, list) in [
            ("it looked for what this machine has and it doesn't declare", &reached.read),
            ("it wanted to write where it may not", &reached.written),
            ("it wanted to reach", &reached.network),
        ] {
            if !list.is_empty() {
                let list: Vec<String> = list.iter().map(|path| format!("`{}`", path.display())).collect();
                diagnostic = diagnostic.note(format!("{what}: {}", list.join(", ")));
            }
        }
        let help = help.or_else(|| advice(reached.last?, action.kind).map(str::to_owned));
        let help =
            help.or_else(|| Some(format!("the whole log is in `{}`", self.log_path.as_ref()?.display())));
        match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

/// What to do about a refusal.
fn advice(last: Refusal, kind: Kind) -> Option<&'static str> {
    Some(match last {
        // What is declared is for build scripts alone.
        Refusal::Read if matches!(kind, Kind::Compile | Kind::CompileScript | Kind::Link) => {
            "a compiler and its macros see the package's files, its dependencies and the toolchains: put the file into the \
             package"
        }
        Refusal::Read => {
            "a build step sees its package's files, its dependencies and the toolchains: put the file into the package; \
             what build scripts need of this machine can be declared in the variable `UK_HOST_PATHS`"
        }
        Refusal::Write => "a build script writes to `OUT_DIR` and to its temporary folder, and nowhere else",
        Refusal::Network => "build steps have no network: bring what they would fetch in the package",
    })
}
