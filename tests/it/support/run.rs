//! Starting `uk`, and what it said.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use super::shared_store;

/// What one command may take, on a machine with much else to do.
const LIMIT: Duration = Duration::from_secs(600);

/// A command line to be run.
pub struct Uk {
    command: Command,
}

/// `uk ARGS` in `folder`, as from a user's shell, with the shared store.
pub fn uk<S: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = S>) -> Uk {
    let mut command = Command::new(env!("CARGO_BIN_EXE_uk"));
    command.args(args).current_dir(folder);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        // What the test's own cargo has set, and what a developer may have set for `uk`.
        let cargos = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_", "UK_"];
        let exactly =
            ["CARGO", "CARGO_TARGET_DIR", "CARGO_TARGET_TMPDIR", "LD_LIBRARY_PATH", "OUT_DIR", "NO_COLOR"];
        if cargos.iter().any(|start| name.starts_with(start)) || exactly.contains(&&*name) {
            command.env_remove(&*name);
        }
    }
    command.env("UK_STORE", shared_store());
    Uk { command }
}

impl Uk {
    /// With another store.
    pub fn store(self, store: &Path) -> Self {
        self.env("UK_STORE", store)
    }

    /// With a variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end.
    pub fn run(self) -> Ran {
        self.start().wait()
    }

    /// Starts it.
    pub fn start(self) -> Running {
        start(self.command)
    }

    /// On a machine that lets nobody trace a process.
    pub fn untraceable(mut self) -> Self {
        use std::os::unix::process::CommandExt;
        unsafe extern "C" {
            fn prctl(what: i32, a: usize, b: usize, c: usize, d: usize) -> i32;
        }
        // An instruction of a filter: code and jumps, value.
        let instruction =
            |code: u64, yes: u64, no: u64, value: u64| code | yes << 16 | no << 24 | value << 32;
        let ptrace = if cfg!(target_arch = "x86_64") { 101 } else { 117 };
        // Loads the call's number; answers EPERM where it is that, else lets it pass.
        let filter = [
            instruction(0x20, 0, 0, 0),
            instruction(0x15, 0, 1, ptrace),
            instruction(0x06, 0, 0, 0x5_0001),
            instruction(0x06, 0, 0, 0x7fff_0000),
        ];
        let refuse = move || {
            let program = [filter.len(), filter.as_ptr() as usize];
            // SAFETY: PR_SET_NO_NEW_PRIVS takes numbers; PR_SET_SECCOMP the filter's length and place, which outlive it.
            let refused =
                unsafe { prctl(38, 1, 0, 0, 0) == 0 && prctl(22, 2, program.as_ptr() as usize, 0, 0) == 0 };
            if refused { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        };
        // SAFETY: two system calls, and nothing of the parent's.
        unsafe { self.command.pre_exec(refuse) };
        self
    }

    /// The same through another program: `PROGRAM ARGS uk ...`, with the same folder and environment.
    pub fn through(self, program: &str, args: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(args).arg(self.command.get_program()).args(self.command.get_args());
        command.current_dir(self.command.get_current_dir().expect("it has one"));
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Self { command }
    }
}

/// Runs any program to its end.
pub fn program(command: Command) -> Ran {
    start(command).wait()
}

fn start(mut command: Command) -> Running {
    use std::os::unix::process::CommandExt;
    let shown = format!("{command:?}");
    let output = TempDir::with_prefix("uk-it-said-").expect("a temporary folder can be made");
    let file = |name: &str| File::create(output.path().join(name)).expect("files can be made");
    command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr")).process_group(0);
    let child = command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
    Running { child, output, shown, begun: Instant::now() }
}

/// A process that runs. It is ended with the test.
pub struct Running {
    child: Child,
    output: TempDir,
    shown: String,
    begun: Instant,
}

impl Running {
    /// Sends a signal to the process, not to what it has started.
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Sends a signal to the process and all that it has started.
    pub fn signal_all(&self, signal: Signal) {
        rustix::process::kill_process_group(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Waits for the end.
    pub fn wait(mut self) -> Ran {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                break status;
            }
            assert!(
                self.begun.elapsed() < LIMIT,
                "still running: {}\n{}{}",
                self.shown,
                self.said("stdout"),
                self.said("stderr")
            );
            std::thread::sleep(Duration::from_millis(5));
        };
        Ran { status, stdout: self.said("stdout"), stderr: self.said("stderr"), shown: self.shown.clone() }
    }

    /// What it has said so far on `stdout` or `stderr`.
    pub fn said(&self, name: &str) -> String {
        let bytes = fs::read(self.output.path().join(name)).unwrap_or_default();
        String::from_utf8(bytes).expect("it prints UTF-8")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // `uk` ends what it has started; the others are in the same group.
            let pid = Pid::from_child(&self.child);
            let _ = rustix::process::kill_process_group(pid, Signal::TERM);
            std::thread::sleep(Duration::from_secs(2));
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    shown: String,
}

impl Ran {
    /// It ended well.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.ends(0)
    }

    /// It ended with `code`.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }

    /// It failed with these diagnostics, by code and in order, and no others; gives what it said.
    #[track_caller]
    pub fn fails(self, code: i32, diagnostics: &[&str]) -> String {
        let this = self.ends(code);
        assert_eq!(this.codes(), diagnostics, "{this}");
        assert!(this.stdout.is_empty(), "a failure prints nothing on standard output: {this}");
        this.stderr
    }

    /// The codes of the diagnostics that it printed.
    pub fn codes(&self) -> Vec<&str> {
        let code = |line: &&str| line.len() == 6 && line.starts_with("UK0");
        self.stderr.lines().filter(code).collect()
    }

    /// What it executed: a kind and a label, as `compile log 0.4.35`, in the order of their ends.
    pub fn executed(&self) -> Vec<String> {
        self.stderr.lines().filter_map(progress).collect()
    }

    /// Whether it executed something that starts with `what`.
    pub fn did(&self, what: &str) -> bool {
        self.executed().iter().any(|done| done.starts_with(what))
    }

    /// The summary: how many were executed, how many cached.
    #[track_caller]
    pub fn counts(&self) -> (usize, usize) {
        let line = self.stderr.lines().find_map(summary);
        line.unwrap_or_else(|| panic!("no summary: {self}"))
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}\n-- stdout\n{}\n-- stderr\n{}", self.shown, self.status, self.stdout, self.stderr)
    }
}

/// `N executed, M cached in TIME`.
fn summary(line: &str) -> Option<(usize, usize)> {
    let (executed, rest) = line.split_once(" executed, ")?;
    let (cached, _) = rest.split_once(" cached in ")?;
    Some((executed.parse().ok()?, cached.parse().ok()?))
}

/// A plain progress line, `KIND LABEL TIME`, without its time.
fn progress(line: &str) -> Option<String> {
    const KINDS: [&str; 9] = [
        "compile",
        "compile-script",
        "run-script",
        "read-script",
        "generate",
        "link",
        "pack",
        "hook",
        "data",
    ];
    let (kind, rest) = line.split_once(' ')?;
    if !KINDS.contains(&kind) {
        return None;
    }
    let mut words: Vec<&str> = rest.split_whitespace().collect();
    // `4 ms`, `5.6 s`, `2 min 3 s`.
    words.truncate(words.len().checked_sub(2)?);
    if words.last() == Some(&"min") {
        words.truncate(words.len().checked_sub(2)?);
    }
    Some(format!("{kind} {}", words.join(" ")))
}
