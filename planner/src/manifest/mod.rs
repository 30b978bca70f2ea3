//! What a `unikernel.kdl` says, typed. Names aren't looked up here: that takes a catalogue.

mod device;
mod entry;
mod hook;
mod read;

pub use entry::Entry;
pub use hook::{Hook, Output, Program, Run, Size, Step};

pub(crate) use device::{Within, argument_value, arguments, binding, repeated_bindings};
pub use entry::is_keyword;
pub(crate) use entry::is_path;
pub(crate) use read::{language, newer_alone};

use uk_diagnostic::{Diagnostic, SourceId, Span};

use crate::hooks::Hooks;
use crate::key::Key;
use crate::read::Name;
use crate::syntax;
use crate::value::Literal;

/// The version of the language that this `uk` reads.
pub const LANGUAGE: u32 = 1;

/// A whole manifest.
#[derive(Debug, Clone)]
pub enum Manifest {
    /// One unikernel.
    Unikernel(Unikernel),
    /// A list of folders that hold manifests.
    Workspace(Workspace),
}

/// `workspace { member "examples/*" }`.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Folders relative to the manifest's own; `*` stands for any part of one name.
    pub members: Vec<Name>,
    /// The workspace's line.
    pub span: Span,
}

/// `unikernel NAME` and what stands beside it.
#[derive(Debug, Clone)]
pub struct Unikernel {
    /// Its name; artifacts carry it.
    pub name: Name,
    /// The keys of the application.
    pub keys: Vec<Key>,
    /// Declared devices.
    pub devices: Vec<Device>,
    /// What runs, in order.
    pub jobs: Vec<Job>,
    /// What is made beside the build, in order.
    pub hooks: Hooks,
    /// Further source files of the application, as globs relative to the manifest.
    pub includes: Vec<Name>,
    /// Names whose declaration has a fault: what refers to them is no further fault.
    pub(crate) broken: Vec<Name>,
    /// Whether there was any fault: then a device may only seem to be unused.
    pub(crate) incomplete: bool,
    /// The `unikernel` line.
    pub span: Span,
}

/// `device NAME IMPLEMENTATION name=value { REQUIREMENT DEVICE }`.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its name.
    pub name: Name,
    /// The implementation's name.
    pub implementation: Name,
    /// Params and keys.
    pub arguments: Vec<Argument>,
    /// What it is built on.
    pub bindings: Vec<Binding>,
    /// The device's line.
    pub span: Span,
}

/// `name=value` of a device.
#[derive(Debug, Clone)]
pub struct Argument {
    /// The param or key.
    pub name: Name,
    /// What it gets.
    pub value: ArgumentValue,
}

/// A value, or a name that stands for one.
#[derive(Debug, Clone)]
pub enum ArgumentValue {
    /// A plain value.
    Literal(Literal),
    /// `(key)NAME`.
    Key(Name),
    /// `(param)NAME`: in catalogues only.
    Param(Name),
    /// `(build)NAME`, the path of data: in catalogues only.
    Build(Name),
}

impl ArgumentValue {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            ArgumentValue::Literal(literal) => literal.span,
            ArgumentValue::Key(name) | ArgumentValue::Param(name) | ArgumentValue::Build(name) => name.span,
        }
    }
}

/// `REQUIREMENT DEVICE as=INTERFACE`.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The left word.
    pub requirement: Name,
    /// The right word.
    pub device: Name,
    /// The interface where it isn't the left word.
    pub interface: Option<Name>,
    /// In a catalogue, the params of a device that is made for this binding alone.
    pub arguments: Vec<Argument>,
    /// The line.
    pub span: Span,
}

/// `job NAME entry="crate::function" { ... }`.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its name.
    pub name: Name,
    /// The function that runs.
    pub entry: Entry,
    /// Its arguments, in order.
    pub arguments: Vec<JobArgument>,
    /// The job's line.
    pub span: Span,
}

/// A line of a job.
#[derive(Debug, Clone)]
pub enum JobArgument {
    /// `keys`: the values of the application's keys.
    Keys(Span),
    /// A device.
    Binding(Binding),
}

impl Manifest {
    /// Reads the text of `source`, or says everything that is wrong with it.
    pub fn parse(source: SourceId, text: &str) -> Result<Manifest, Vec<Diagnostic>> {
        match Manifest::parse_partial(source, text) {
            (Some(manifest), faults) if faults.is_empty() => Ok(manifest),
            (_, faults) => Err(faults),
        }
    }

    /// Reads what can be read, so that later stages can say in the same run what is wrong with the rest. Nothing may
    /// be built when there is a fault. After a syntax fault there is no manifest: too much would follow from it.
    pub fn parse_partial(source: SourceId, text: &str) -> (Option<Manifest>, Vec<Diagnostic>) {
        let (nodes, faults) = syntax::parse(source, text);
        if !faults.is_empty() {
            return (None, faults);
        }
        read::manifest(source, &nodes)
    }
}
