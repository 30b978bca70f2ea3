//! Hooks: files that are made beside the build and belong to the user afterwards.

use uk_diagnostic::{Code, Diagnostic, Span};
use uk_keys::Value;

use crate::paths;
use crate::read::{Name, Reader};
use crate::syntax::Node;
use crate::value::{Literal, Type};

/// `hook NAME { ... }`.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Its name.
    pub name: Name,
    /// What it does, in order.
    pub steps: Vec<Step>,
    /// The hook's line.
    pub span: Span,
}

/// One line of a hook. Paths are relative to the manifest, without `.`, `..` or empty parts.
#[derive(Debug, Clone)]
pub enum Step {
    /// `image PATH sectors=N` or `image PATH size=...`.
    Image {
        /// The file.
        path: Name,
        /// How big it is made.
        size: Size,
    },
    /// `copy FROM TO`.
    Copy {
        /// The file that exists.
        from: Name,
        /// The file that is made.
        to: Name,
    },
    /// `mkdir PATH`.
    Mkdir {
        /// The folder.
        path: Name,
    },
    /// `run PROGRAM ARGUMENT... { input PATH; tool NAME; output PATH }`.
    Run(Run),
}

/// A program that makes files.
#[derive(Debug, Clone)]
pub struct Run {
    /// The program.
    pub program: Program,
    /// Its arguments.
    pub arguments: Vec<Name>,
    /// The files and folders of the project that it reads.
    pub inputs: Vec<Name>,
    /// The programs of the host that it calls by name.
    pub tools: Vec<Name>,
    /// What it makes.
    pub outputs: Vec<Output>,
    /// The line.
    pub span: Span,
}

/// Where a program is.
#[derive(Debug, Clone)]
pub enum Program {
    /// A file of the project: it is written with a `/`.
    Project(Name),
    /// A program of the host, by name or by its absolute path.
    Host(Name),
}

/// What a program makes.
#[derive(Debug, Clone)]
pub struct Output {
    /// Where.
    pub path: Name,
    /// Whether it is a folder with all that is in it: it is written with a `/` at the end.
    pub folder: bool,
}

impl Step {
    /// The paths that it makes.
    pub fn makes(&self) -> Vec<&Name> {
        match self {
            Step::Image { path, .. } | Step::Mkdir { path } => vec![path],
            Step::Copy { to, .. } => vec![to],
            Step::Run(run) => run.outputs.iter().map(|output| &output.path).collect(),
        }
    }

    /// The paths of the project that it reads.
    pub fn reads(&self) -> Vec<&Name> {
        match self {
            Step::Image { .. } | Step::Mkdir { .. } => Vec::new(),
            Step::Copy { from, .. } => vec![from],
            Step::Run(run) => {
                let program = match &run.program {
                    Program::Project(path) => Some(path),
                    Program::Host(_) => None,
                };
                program.into_iter().chain(&run.inputs).collect()
            }
        }
    }

    /// Its word.
    pub fn word(&self) -> &'static str {
        match self {
            Step::Image { .. } => "image",
            Step::Copy { .. } => "copy",
            Step::Mkdir { .. } => "mkdir",
            Step::Run(_) => "run",
        }
    }
}

/// Bytes of a sector.
const SECTOR: u64 = 512;
/// What a file can have, in bytes.
const MAX_BYTES: u64 = i64::MAX as u64;

impl Size {
    /// In bytes.
    pub fn bytes(self) -> u64 {
        match self {
            Size::Sectors(sectors) => sectors.saturating_mul(SECTOR),
            Size::Bytes(bytes) => bytes,
        }
    }
}

/// The size of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Sectors of 512 bytes.
    Sectors(u64),
    /// Bytes.
    Bytes(u64),
}

const STEPS: &[&str] = &["image", "copy", "mkdir", "run"];

impl Hook {
    pub(crate) fn read(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Hook> {
        let mut reader = Reader::new(node, "hook NAME { image disk.img sectors=100000 }", faults);
        let name = reader.name("the name of a hook");
        let mut steps = Vec::new();
        if reader.children().is_empty() {
            reader.fault(Code::MissingValue, "a hook without steps does nothing", node.span, "here");
        }
        for child in reader.children() {
            match &*child.name.text {
                "image" => steps.extend(image(child, reader.faults)),
                "copy" => steps.extend(copy(child, reader.faults)),
                "mkdir" => steps.extend(mkdir(child, reader.faults)),
                "run" => steps.extend(run(child, reader.faults)),
                _ => reader.unknown_child(child, STEPS),
            }
        }
        reader.done_with_properties();
        Some(Hook { name: name?, steps, span: node.span })
    }
}

/// The next argument, a path in the project.
fn path(reader: &mut Reader<'_, '_>, what: &str) -> Option<Name> {
    let path = reader.text(what)?;
    inside(reader, path)
}

/// `path` in its one form, if it stays in the project.
fn inside(reader: &mut Reader<'_, '_>, path: Name) -> Option<Name> {
    if let Some(fault) = paths::outside(&path.text, path.span) {
        reader.faults.push(fault);
        reader.faulty = true;
        return None;
    }
    Some(Name { text: paths::normal(&path.text), span: path.span })
}

fn image(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Step> {
    let mut reader = Reader::new(node, "image disk.img sectors=100000", faults);
    let path = path(&mut reader, "the path of an image");
    let sectors = reader.integer("sectors");
    let size = reader.property("size");
    let size = match (sectors, size) {
        (Some((sectors, span)), None) => {
            let possible = u64::try_from(sectors).ok().filter(|n| (1..=MAX_BYTES / SECTOR).contains(n));
            if possible.is_none() {
                no_size(&mut reader, &format!("{sectors} sectors"), span);
            }
            possible.map(Size::Sectors)
        }
        (None, Some(value)) => {
            reader.refuse_annotation(value);
            match Literal::new(&value.scalar, value.span).typed(&Type::size(), "`size`") {
                Ok(Value::Size(bytes)) if bytes > MAX_BYTES => {
                    no_size(&mut reader, &format!("{bytes} bytes"), value.span);
                    None
                }
                Ok(Value::Size(bytes)) => Some(Size::Bytes(bytes)),
                Ok(_) => None,
                Err(fault) => {
                    reader.faults.push(fault);
                    None
                }
            }
        }
        (Some(_), Some(value)) => {
            let message = "an image has one size: `sectors` or `size`, not both";
            reader.fault(Code::UnexpectedValue, message, value.span, "one too many");
            None
        }
        (None, None) => {
            reader.fault(Code::MissingValue, "an image needs a size", node.span, "it is missing here");
            None
        }
    };
    reader.no_children();
    reader.done_with_properties();
    Some(Step::Image { path: path?, size: size? })
}

/// That an image can't be so big, or so small.
fn no_size(reader: &mut Reader<'_, '_>, size: &str, span: Span) {
    reader.fault_help(
        Code::InvalidKeyValue,
        format!("an image can't have {size}"),
        span,
        "here",
        format!(
            "a file has at most {MAX_BYTES} bytes: an image has from 1 to {} sectors",
            MAX_BYTES / SECTOR
        ),
    );
}

fn copy(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Step> {
    let mut reader = Reader::new(node, "copy FROM TO", faults);
    let from = path(&mut reader, "the path of a file");
    let to = from.as_ref().and_then(|_| path(&mut reader, "the path of the copy"));
    reader.no_children();
    reader.done_with_properties();
    Some(Step::Copy { from: from?, to: to? })
}

fn mkdir(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Step> {
    let mut reader = Reader::new(node, "mkdir PATH", faults);
    let path = path(&mut reader, "the path of a folder");
    reader.no_children();
    reader.done_with_properties();
    Some(Step::Mkdir { path: path? })
}

fn run(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Step> {
    let mut reader =
        Reader::new(node, "run PROGRAM ARGUMENT... { input PATH; tool NAME; output PATH }", faults);
    let program = reader.text("a program");
    let mut arguments = Vec::new();
    while let Some(value) = reader.optional_argument() {
        arguments.extend(reader.as_text(value, "an argument"));
    }
    let program = program.and_then(|program| match program.text.contains('/') {
        true if !program.text.starts_with('/') => inside(&mut reader, program).map(Program::Project),
        _ => Some(Program::Host(program)),
    });
    let (mut inputs, mut tools, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
    for child in reader.children() {
        let mut line = match &*child.name.text {
            "input" => Reader::new(child, "input PATH", reader.faults),
            "tool" => Reader::new(child, "tool NAME", reader.faults),
            "output" => Reader::new(child, "output PATH", reader.faults),
            _ => {
                reader.unknown_child(child, &["input", "tool", "output"]);
                continue;
            }
        };
        match &*child.name.text {
            "input" => inputs.extend(path(&mut line, "a path")),
            "tool" => tools.extend(tool(&mut line)),
            _ => outputs.extend(output(&mut line)),
        }
        line.no_children();
        line.done_with_properties();
    }
    if !reader.children().iter().any(|child| child.name.text == "output") {
        reader.fault(
            Code::MissingValue,
            "a `run` without an `output` makes nothing, so nothing would run it",
            node.span,
            "it is missing here",
        );
    }
    reader.done_with_properties();
    Some(Step::Run(Run { program: program?, arguments, inputs, tools, outputs, span: node.span }))
}

/// The name of a program of the host.
fn tool(reader: &mut Reader<'_, '_>) -> Option<Name> {
    let tool = reader.text("a program")?;
    if tool.text.is_empty() || tool.text.contains('/') {
        reader.fault(
            Code::UnexpectedValue,
            "a tool is a program of the host, by its name alone",
            tool.span,
            "here",
        );
        return None;
    }
    Some(tool)
}

fn output(reader: &mut Reader<'_, '_>) -> Option<Output> {
    let written = reader.text("a path")?;
    let folder = written.text.ends_with('/');
    Some(Output { path: inside(reader, written)?, folder })
}
