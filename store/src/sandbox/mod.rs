//! Where a process or a builtin runs: a folder with the declared inputs and room for the outputs.
//!
//! The class of this sandbox is [`uk_action::Class::Folder`]: a folder of its own and a clean environment. Nothing in it
//! leads back into the store by name, except symbolic links to objects that are read-only.

mod collect;
mod stage;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use uk_action::{Action, Arg, Command, Digest};

use crate::StoreError;
use crate::cancel::{Cancel, Ended};
use crate::error::During;
use crate::failure::Reason;
use crate::layout::Store;
use crate::scratch::Temporary;

/// More of a log than this isn't kept in memory, nor cleaned of the sandbox's path.
const LONG_LOG: u64 = 16 << 20;
/// The part of a log that a failure carries.
const LOG_END: usize = 1 << 20;

/// A sandbox. Dropping it removes its folder.
pub(crate) struct Sandbox<'a> {
    store: &'a Store,
    root: Temporary,
    log: Temporary,
}

impl<'a> Sandbox<'a> {
    /// An empty one.
    pub(crate) fn new(store: &'a Store) -> Result<Self, StoreError> {
        let scratch = store.scratch()?;
        let root = scratch.name();
        fs::create_dir(&root).during("make", &root)?;
        Ok(Self { store, root, log: scratch.name() })
    }

    /// Its absolute path.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Runs the action's process to its end.
    pub(crate) fn run(
        &self,
        action: &Action,
        cancel: &Cancel,
        timeout: Option<Duration>,
    ) -> Result<Ended, Reason> {
        let Command::Run { argv, env, cwd, stdout, arg_files, env_files } = &action.command else {
            unreachable!("`{}` has no process", action.label)
        };
        let (Some(program), args) = (argv.first(), argv.get(1..).unwrap_or_default()) else {
            return Err(Reason::NotStarted {
                program: String::new(),
                source: std::io::Error::new(std::io::ErrorKind::InvalidInput, "it has no program"),
            });
        };
        let program_path = self.root.join(self.expand(program));
        let mut process = Process::new(&program_path);
        process.args(args.iter().map(|arg| self.expand(arg)));
        for file in arg_files {
            process.args(self.lines(file)?);
        }
        // What tools write to a temporary folder goes away with the sandbox.
        let tmp = self.root.join(TMP);
        fs::create_dir(&tmp).during("make", &tmp)?;
        process.env_clear().env("TMPDIR", tmp);
        for (name, value) in env {
            process.env(name, self.expand(value));
        }
        for file in env_files {
            for line in self.lines(file)? {
                let line = line.into_vec();
                let at = line.iter().position(|byte| *byte == b'=').unwrap_or(line.len());
                let value = line.get(at + 1..).unwrap_or_default();
                process.env(OsString::from_vec(line[..at].to_vec()), OsString::from_vec(value.to_vec()));
            }
        }
        let cwd = self.root.join(cwd);
        fs::create_dir_all(&cwd).during("make", &cwd)?;
        process.current_dir(cwd).stdin(Stdio::null());

        // Files, not pipes: nobody has to read along, and a process left behind can't hold anybody up.
        let log = OpenOptions::new().append(true).create(true).open(&self.log).during("write", &self.log)?;
        let out = match stdout {
            None => log.try_clone().during("write", &self.log)?,
            Some(path) => {
                let path = self.root.join(path);
                File::create(&path).during("write", &path)?
            }
        };
        process.stdout(out).stderr(log);
        cancel.run(&mut process, timeout).map_err(|source| Reason::NotStarted {
            program: match program {
                Arg::Text(text) => text.clone(),
                Arg::Path { path, .. } => path.clone(),
            },
            source,
        })
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
            Arg::Text(text) => text.into(),
            Arg::Path { before, path, after } => {
                let mut text = OsString::from(before);
                text.push(&*self.root);
                if !path.is_empty() {
                    text.push("/");
                    text.push(path);
                }
                text.push(after);
                text
            }
        }
    }

    /// The lines of an input, without empty ones.
    fn lines(&self, input: &str) -> Result<Vec<OsString>, StoreError> {
        let path = self.root.join(input);
        let text = fs::read(&path).during("read", &path)?;
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines.map(|line| OsString::from_vec(line.to_vec())).collect())
    }

    /// `text` with [`Action::SANDBOX`] for this sandbox's path.
    fn without_root(&self, text: &[u8]) -> Vec<u8> {
        replace(text, self.root.as_os_str().as_bytes(), Action::SANDBOX.as_bytes())
    }

    /// `text` with this sandbox's path for [`Action::SANDBOX`].
    fn with_root(&self, text: &[u8]) -> Vec<u8> {
        replace(text, Action::SANDBOX.as_bytes(), self.root.as_os_str().as_bytes())
    }
}

/// The folder in a sandbox that TMPDIR names.
const TMP: &str = ".tmp";

fn read_end(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-(LOG_END as i64)))?;
    let mut end = Vec::with_capacity(LOG_END);
    file.read_to_end(&mut end)?;
    Ok(end)
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
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
