//! Build steps.

use std::path::PathBuf;
use std::sync::Arc;

use uk_diagnostic::Span;

use crate::source::{Input, Shown};
use crate::{Digest, Encode, Hash, Sink};

/// What a step is for: what people are shown, and part of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A compiler, linker or other tool of the host.
    Toolchain,
    /// A generated source file.
    Generate,
    /// A crate compiled to a library.
    Compile,
    /// A build script compiled to a program.
    CompileScript,
    /// A build script run.
    RunScript,
    /// What a build script printed, turned into compiler arguments.
    ReadScript,
    /// The generated main, compiled and linked.
    Link,
    /// An image made from a linked program.
    Pack,
    /// Data for a device, made of a folder's files.
    Data,
    /// A program that a hook runs.
    Hook,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 10] = [
        Kind::Toolchain,
        Kind::Generate,
        Kind::Compile,
        Kind::CompileScript,
        Kind::RunScript,
        Kind::ReadScript,
        Kind::Link,
        Kind::Pack,
        Kind::Data,
        Kind::Hook,
    ];

    /// The word that people see.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Toolchain => "toolchain",
            Kind::Generate => "generate",
            Kind::Compile => "compile",
            Kind::CompileScript => "compile-script",
            Kind::RunScript => "run-script",
            Kind::ReadScript => "read-script",
            Kind::Link => "link",
            Kind::Pack => "pack",
            Kind::Data => "data",
            Kind::Hook => "hook",
        }
    }

    /// The number in the encoding; never reused for another meaning.
    fn number(self) -> u32 {
        match self {
            Kind::Toolchain => 0,
            Kind::Generate => 1,
            Kind::Compile => 2,
            Kind::CompileScript => 3,
            Kind::RunScript => 4,
            Kind::ReadScript => 5,
            Kind::Link => 6,
            Kind::Pack => 7,
            Kind::Data => 8,
            Kind::Hook => 9,
        }
    }
}

/// A word of a command line or an environment value. Graphs hold millions of them, so a copy shares what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// As it stands.
    Text(Arc<str>),
    /// With a path in it that depends on where the sandbox stands.
    Path(Arc<PathArg>),
}

/// `before`, the absolute path of the sandbox's `path`, `after`. Only the three texts are encoded, so a key never depends on
/// where a sandbox stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathArg {
    /// Text before the path.
    pub before: Box<str>,
    /// Path in the sandbox; empty for its root.
    pub path: Box<str>,
    /// Text after the path.
    pub after: Box<str>,
}

impl Arg {
    /// The absolute path of the sandbox's `path`.
    pub fn path(path: impl Into<Box<str>>) -> Self {
        Self::path_in("", path, "")
    }

    /// The absolute path of the sandbox's `path` between two texts.
    pub fn path_in(
        before: impl Into<Box<str>>,
        path: impl Into<Box<str>>,
        after: impl Into<Box<str>>,
    ) -> Self {
        Arg::Path(Arc::new(PathArg { before: before.into(), path: path.into(), after: after.into() }))
    }
}

impl<T: Into<Arc<str>>> From<T> for Arg {
    fn from(text: T) -> Self {
        Arg::Text(text.into())
    }
}

/// How an action makes its outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Nothing runs: the one output is a file or folder of the host, trusted to be what `identity` says (a toolchain).
    Given {
        /// Where it is. Not encoded.
        path: PathBuf,
        /// What it is.
        identity: Digest,
        /// How a sandbox shows it. Not encoded: the identity covers all that is shown.
        shown: Arc<Shown>,
    },
    /// The one output is a file with these bytes.
    Write(Arc<[u8]>),
    /// A process in a sandbox.
    Run {
        /// Program and arguments; the program is a path in the sandbox.
        argv: Vec<Arg>,
        /// The whole environment, sorted by name.
        env: Vec<(String, Arg)>,
        /// Working directory in the sandbox; empty for its root.
        cwd: String,
        /// Output path that standard output goes to; else it is part of the log.
        stdout: Option<String>,
        /// Inputs whose lines are further arguments, appended in order.
        arg_files: Vec<String>,
        /// Inputs whose lines are further `NAME=VALUE` of the environment.
        env_files: Vec<String>,
    },
    /// A pure function of the inputs that the executor's caller provides, by name.
    Builtin {
        /// Its name.
        name: &'static str,
        /// Raised when it would make other outputs from the same inputs.
        version: u32,
        /// Its arguments.
        args: Vec<String>,
    },
}

/// How strictly a process is kept to its declared inputs. Part of the key of every [`Command::Run`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// A folder of its own and a clean environment; the host's files can be seen.
    Folder,
    /// The same, and the kernel's Landlock lets it open only what it declares.
    Landlock,
    /// A root, processes, users and a network of its own: nothing is there but what it declares.
    Namespaces,
}

impl Class {
    /// Every class, the strictest first.
    pub const ALL: [Class; 3] = [Class::Namespaces, Class::Landlock, Class::Folder];

    /// The class that people call `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// The word that people see.
    pub fn name(self) -> &'static str {
        match self {
            Class::Folder => "folder",
            Class::Landlock => "landlock",
            Class::Namespaces => "namespaces",
        }
    }

    /// The number in the encoding; never reused for another meaning.
    fn number(self) -> u32 {
        match self {
            Class::Folder => 0,
            Class::Landlock => 1,
            Class::Namespaces => 2,
        }
    }
}

/// Whether an output is one file or a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputKind {
    /// A file. Whether it is executable is kept.
    File,
    /// A folder with all that is in it; it may be empty or missing.
    Tree,
    /// A text file in which the sandbox's own path is replaced by [`Action::SANDBOX`]; put back when it is an input.
    Text,
}

/// An output, declared before the action runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Path in the sandbox.
    pub path: String,
    /// File, folder or text.
    pub kind: OutputKind,
}

/// What an output came out as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Produced {
    /// Digest of the content; of a tree, its encoding's.
    pub digest: Digest,
    /// Length of that content in bytes.
    pub size: u64,
    /// Whether a file may be executed.
    pub executable: bool,
}

impl Produced {
    /// What an action that has this as an input puts into its key: the digest, or one of its own for a program, since
    /// the same bytes without the executable bit are another input.
    pub fn identity(&self) -> Digest {
        struct Program(Digest);
        impl Encode for Program {
            fn encode<S: Sink>(&self, sink: &mut S) {
                sink.record("uk-program", 1);
                sink.digest("content", &self.0);
            }
        }
        if self.executable { Hash::of(&Program(self.digest)) } else { self.digest }
    }
}

/// A build step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What it is for.
    pub kind: Kind,
    /// What people call it (`uk-time 0.1.0`). Not encoded.
    pub label: String,
    /// The manifest line that it comes from. Not encoded.
    pub span: Option<Span>,
    /// How it is done.
    pub command: Command,
    /// What it sees.
    pub inputs: Vec<Input>,
    /// What it makes.
    pub outputs: Vec<Output>,
}

impl Action {
    /// Stands for the sandbox's absolute path in [`OutputKind::Text`] outputs. Where a sandbox has a root of its own, this
    /// is its path indeed.
    pub const SANDBOX: &'static str = "/.uk-sandbox";

    /// The key: the digest of the encoding with the digests of the inputs, one for each, in order, and how strictly it
    /// is kept to them.
    pub fn key(&self, inputs: &[Digest], class: Class) -> Digest {
        debug_assert_eq!(inputs.len(), self.inputs.len(), "one digest an input");
        Hash::of(&Resolved { action: self, inputs, class })
    }

    /// The action with its inputs' digests, to be encoded by any sink.
    pub fn resolved<'a>(&'a self, inputs: &'a [Digest], class: Class) -> impl Encode + 'a {
        Resolved { action: self, inputs, class }
    }
}

struct Resolved<'a> {
    action: &'a Action,
    inputs: &'a [Digest],
    class: Class,
}

impl Encode for Arg {
    fn encode<S: Sink>(&self, sink: &mut S) {
        match self {
            Arg::Text(text) => {
                sink.variant("arg", "text", 0);
                sink.text("text", text);
            }
            Arg::Path(arg) => {
                sink.variant("arg", "path", 1);
                sink.text("before", &arg.before);
                sink.text("path", &arg.path);
                sink.text("after", &arg.after);
            }
        }
    }
}

fn texts<S: Sink>(sink: &mut S, field: &'static str, texts: &[String]) {
    sink.sequence(field, texts.len());
    for text in texts {
        sink.text(field, text);
    }
}

impl Encode for Command {
    fn encode<S: Sink>(&self, sink: &mut S) {
        match self {
            Command::Given { path: _, identity, shown: _ } => {
                sink.variant("command", "given", 0);
                sink.digest("identity", identity);
            }
            Command::Write(bytes) => {
                sink.variant("command", "write", 1);
                sink.bytes("content", bytes);
            }
            Command::Run { argv, env, cwd, stdout, arg_files, env_files } => {
                sink.variant("command", "run", 2);
                sink.sequence("argv", argv.len());
                argv.iter().for_each(|a| a.encode(sink));
                sink.sequence("env", env.len());
                for (name, value) in env {
                    sink.text("name", name);
                    value.encode(sink);
                }
                sink.text("cwd", cwd);
                sink.sequence("stdout", usize::from(stdout.is_some()));
                stdout.iter().for_each(|s| sink.text("stdout", s));
                texts(sink, "arg-files", arg_files);
                texts(sink, "env-files", env_files);
            }
            Command::Builtin { name, version, args } => {
                sink.variant("command", "builtin", 3);
                sink.text("name", name);
                sink.number("version", u64::from(*version));
                texts(sink, "args", args);
            }
        }
    }
}

impl Encode for Resolved<'_> {
    fn encode<S: Sink>(&self, sink: &mut S) {
        let action = self.action;
        sink.record("uk-action", 1);
        sink.variant("kind", action.kind.name(), action.kind.number());
        action.command.encode(sink);
        if let Command::Run { .. } = action.command {
            sink.variant("class", self.class.name(), self.class.number());
        }
        sink.sequence("inputs", action.inputs.len());
        for (input, digest) in action.inputs.iter().zip(self.inputs) {
            sink.text("path", &input.path);
            sink.digest("digest", digest);
        }
        sink.sequence("outputs", action.outputs.len());
        for output in &action.outputs {
            sink.text("path", &output.path);
            match output.kind {
                OutputKind::File => sink.variant("kind", "file", 0),
                OutputKind::Tree => sink.variant("kind", "tree", 1),
                OutputKind::Text => sink.variant("kind", "text", 2),
            }
        }
    }
}
