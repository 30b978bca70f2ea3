//! Where a process or a builtin runs: a folder with the declared inputs and room for the outputs, and walls around it.
//!
//! A sandbox's [`Class`] says what keeps a process from the rest of the machine. Behind [`Class::Namespaces`] inputs are
//! shown where they are, read-only, and the folder has the same path always. Otherwise symbolic links lead to objects that
//! are read-only, and nothing leads back into the store by name.

mod collect;
mod reached;
mod sealed;
mod stage;
mod view;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, ExitStatus, Stdio};

use uk_action::{Action, Arg, Class, Command, Digest, Kind, PathArg, Tree};
use uk_sandbox::{Fault, FaultKind, NOT_STARTED, Plan, Watch};

use crate::cancel::{Cancel, Ended};
use crate::error::During;
use crate::executor::Tokens;
use crate::failure::Reason;
use crate::layout::Store;
use crate::scratch::Temporary;
use crate::{Options, StoreError};
pub use reached::{Reached, Refusal};
pub(crate) use sealed::Sealed;
pub use sealed::seal_of;
use view::View;

/// More of a log than this isn't kept in memory, nor cleaned of the sandbox's path.
const LONG_LOG: u64 = 16 << 20;
/// The part of a log that a failure carries.
const LOG_END: usize = 1 << 20;

/// A sandbox. Dropping it removes its folder.
pub(crate) struct Sandbox<'a> {
    store: &'a Store,
    class: Class,
    root: Temporary,
    log: Temporary,
    /// What is shown to a process behind walls, besides the folder.
    view: View,
    /// A build script's sources.
    workplace: Option<Workplace>,
}

/// The sources of a build script's package, which must be as they were when the script has ended.
enum Workplace {
    /// A copy at that place in the sandbox, and what must be in it.
    Copy(String, Tree),
    /// Unpacked behind the walls; a path in the sandbox that was found to be other than it was.
    Unpacked(Option<String>),
}

impl<'a> Sandbox<'a> {
    /// An empty one.
    pub(crate) fn new(store: &'a Store, class: Class) -> Result<Self, StoreError> {
        let scratch = store.scratch()?;
        let root = scratch.name();
        fs::create_dir(&root).during("make", &root)?;
        Ok(Self { store, class, root, log: scratch.name(), view: View::default(), workplace: None })
    }

    /// Its absolute path on the host.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Its absolute path for what runs in it.
    fn inside(&self) -> &Path {
        match self.class {
            Class::Namespaces => Path::new(Action::SANDBOX),
            Class::Landlock | Class::Folder => &self.root,
        }
    }

    /// Runs the action's process to its end.
    pub(crate) fn run(
        &mut self,
        action: &Action,
        cancel: &Cancel,
        options: &Options,
        tokens: &Tokens,
    ) -> Result<Ended, Reason> {
        let clock = Some(options.ahead).filter(|seconds| *seconds > 0).map(Watch::Clock);
        self.run_watched(action, cancel, options, tokens, clock)
    }

    /// The same, watched.
    fn run_watched(
        &mut self,
        action: &Action,
        cancel: &Cancel,
        options: &Options,
        tokens: &Tokens,
        watch: Option<Watch>,
    ) -> Result<Ended, Reason> {
        let step = self.step(action)?;
        let Command::Run { stdout, .. } = &action.command else {
            unreachable!("`{}` has no process", action.label)
        };
        // Files, not pipes: nobody has to read along, and a process left behind can't hold anybody up.
        let log = OpenOptions::new().append(true).create(true).open(&self.log).during("write", &self.log)?;
        let out = match stdout {
            None => log.try_clone().during("write", &self.log)?,
            Some(path) => {
                let path = self.root.join(path);
                File::create(&path).during("write", &path)?
            }
        };
        let program = step.program.clone();
        let not_started = |source| Reason::NotStarted { program: program.clone(), source };
        let launcher = self.store.launcher_command().filter(|_| self.class != Class::Folder);
        let Some(mut launcher) = launcher else {
            let mut process = Process::new(step.argv.first().ok_or_else(no_program)?);
            process.args(&step.argv[1..]).env_clear().envs(step.env).current_dir(self.root.join(&step.cwd));
            process.stdin(Stdio::null()).stdout(out).stderr(log);
            return cancel.run(&mut process, &[], options.timeout).map_err(not_started);
        };
        let fault = self.store.scratch()?.name();
        let plan = Plan {
            walls: self.walls(action)?,
            argv: step.argv,
            env: step.env,
            cwd: step.cwd,
            memory: options.memory,
            // Not part of its environment: how many jobs there are changes nothing that it makes.
            jobs: shares_jobs(action.kind).then(|| tokens.ends()),
            fault: fault.to_owned(),
            watch,
        };
        launcher.stdin(Stdio::piped()).stdout(out).stderr(log);
        let ended = cancel.run(&mut launcher, &plan.to_bytes(), options.timeout).map_err(not_started)?;
        if ended.status.code() != Some(NOT_STARTED.into()) {
            return Ok(ended);
        }
        let Some(Fault { kind, what, error }) = Fault::read(&fault) else { return Ok(ended) };
        Err(match kind {
            FaultKind::Walls => Reason::NoWalls { class: self.class, what, source: error },
            FaultKind::Program => not_started(error),
            FaultKind::Unlike => {
                Reason::Unlike { path: what.into(), archive: true, cause: error.to_string().into() }
            }
            FaultKind::Unreadable => Reason::Unreadable { path: what.into(), source: error },
            FaultKind::Changed => {
                let path = Path::new(&what);
                let path = path.strip_prefix(self.inside()).unwrap_or(path).display().to_string();
                self.workplace = Some(Workplace::Unpacked(Some(path)));
                // The step itself ended well.
                return Ok(Ended { status: ExitStatus::default(), ..ended });
            }
        })
    }

    /// The action's process: words, environment, working directory, as it will see them.
    fn step(&self, action: &Action) -> Result<Step, Reason> {
        let Command::Run { argv, env, cwd, arg_files, env_files, .. } = &action.command else {
            unreachable!("`{}` has no process", action.label)
        };
        let (first, rest) = argv.split_first().ok_or_else(no_program)?;
        let program = match first {
            Arg::Text(text) => text.to_string(),
            Arg::Path(arg) => arg.path.to_string(),
        };
        let mut words = vec![self.inside().join(self.expand(first)).into_os_string()];
        words.extend(rest.iter().map(|arg| self.expand(arg)));
        for file in arg_files {
            words.extend(self.lines(file)?);
        }
        // What tools write to a temporary folder goes away with the sandbox.
        let tmp = self.root.join(TMP);
        fs::create_dir(&tmp).during("make", &tmp)?;
        let tmp = if self.class == Class::Namespaces { "/tmp".into() } else { tmp.into_os_string() };
        let mut variables = BTreeMap::from([(OsString::from("TMPDIR"), tmp)]);
        variables.extend(env.iter().map(|(name, value)| (name.into(), self.expand(value))));
        for file in env_files {
            for line in self.lines(file)? {
                let line = line.into_vec();
                let at = line.iter().position(|byte| *byte == b'=').unwrap_or(line.len());
                let value = line.get(at + 1..).unwrap_or_default();
                variables.insert(OsString::from_vec(line[..at].to_vec()), OsString::from_vec(value.to_vec()));
            }
        }
        let here = self.root.join(cwd);
        fs::create_dir_all(&here).during("make", &here)?;
        Ok(Step { program, argv: words, env: variables.into_iter().collect(), cwd: self.inside().join(cwd) })
    }

    /// Adds to the log what a process wrote to its standard output, where that is an output of its own: the log is all that
    /// was printed, and what failed has no outputs.
    pub(crate) fn log_stdout(&self, action: &Action) -> Result<(), StoreError> {
        let Command::Run { stdout: Some(path), .. } = &action.command else { return Ok(()) };
        let Ok(mut said) = File::open(self.root.join(path)) else { return Ok(()) };
        let mut log =
            OpenOptions::new().append(true).create(true).open(&self.log).during("write", &self.log)?;
        std::io::copy(&mut said, &mut log).map(drop).during("write", &self.log)
    }

    /// Keeps what was printed, and gives its length and its end.
    pub(crate) fn keep_log(&mut self, key: Digest) -> Result<(u64, Vec<u8>), StoreError> {
        let place = self.store.log_path(key);
        let length = fs::metadata(&self.log).map_or(0, |found| found.len());
        if length == 0 {
            // The log of an earlier try isn't this one's.
            let _ = fs::remove_file(place);
            return Ok((0, Vec::new()));
        }
        if length > LONG_LOG {
            let end = read_end(&self.log).during("read", &self.log)?;
            let next = self.store.scratch()?.name();
            std::mem::replace(&mut self.log, next).place(&place)?;
            return Ok((length, end));
        }
        let mut text = self.without_root(&fs::read(&self.log).during("read", &self.log)?);
        self.store.place_bytes(&text, &place)?;
        let length = text.len() as u64;
        text.drain(..text.len().saturating_sub(LOG_END));
        Ok((length, text))
    }

    fn expand(&self, arg: &Arg) -> OsString {
        match arg {
            Arg::Text(text) => OsString::from(&**text),
            Arg::Path(arg) => {
                let PathArg { before, path, after } = &**arg;
                let mut text = OsString::from(&**before);
                text.push(self.inside());
                if !path.is_empty() {
                    text.push("/");
                    text.push(&**path);
                }
                text.push(&**after);
                text
            }
        }
    }

    /// The lines of an input, without empty ones.
    fn lines(&self, input: &str) -> Result<Vec<OsString>, StoreError> {
        let path = self.view.source(input).map_or_else(|| self.root.join(input), Path::to_owned);
        let text = fs::read(&path).during("read", &path)?;
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines.map(|line| OsString::from_vec(line.to_vec())).collect())
    }

    /// `text` with [`Action::SANDBOX`] for this sandbox's path.
    fn without_root(&self, text: &[u8]) -> Vec<u8> {
        replace(text, self.inside().as_os_str().as_bytes(), Action::SANDBOX.as_bytes())
    }

    /// `text` with this sandbox's path for [`Action::SANDBOX`].
    fn with_root(&self, text: &[u8]) -> Vec<u8> {
        replace(text, Action::SANDBOX.as_bytes(), self.inside().as_os_str().as_bytes())
    }
}

/// The folder in a sandbox that TMPDIR names.
const TMP: &str = ".tmp";

/// A process to be.
struct Step {
    /// The program as the action calls it.
    program: String,
    argv: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    cwd: PathBuf,
}

/// Whether an action of that kind may take jobs for threads and processes of its own: compilers and build scripts know how.
fn shares_jobs(kind: Kind) -> bool {
    matches!(kind, Kind::Compile | Kind::CompileScript | Kind::RunScript | Kind::Link)
}

fn no_program() -> Reason {
    let source = std::io::Error::new(std::io::ErrorKind::InvalidInput, "it has no program");
    Reason::NotStarted { program: String::new(), source }
}

fn read_end(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-(LOG_END as i64)))?;
    let mut end = Vec::with_capacity(LOG_END);
    file.read_to_end(&mut end)?;
    Ok(end)
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    if from == to {
        return text.to_vec();
    }
    let mut result = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == from[0]) {
        result.extend_from_slice(&rest[..at]);
        rest = match rest[at..].strip_prefix(from) {
            Some(behind) => {
                result.extend_from_slice(to);
                behind
            }
            None => {
                result.push(from[0]);
                &rest[at + 1..]
            }
        };
    }
    result.extend_from_slice(rest);
    result
}
