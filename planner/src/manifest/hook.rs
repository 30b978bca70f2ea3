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

/// One line of a hook. Paths are relative to the manifest.
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
    /// `run PROGRAM ARGUMENT... { input PATH; output PATH }`.
    Run {
        /// The program and its arguments.
        command: Vec<Name>,
        /// What it reads.
        inputs: Vec<Name>,
        /// What it makes.
        outputs: Vec<Name>,
    },
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
    if let Some(fault) = paths::outside(&path.text, path.span) {
        reader.faults.push(fault);
        reader.faulty = true;
    }
    Some(path)
}

fn image(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Step> {
    let mut reader = Reader::new(node, "image disk.img sectors=100000", faults);
    let path = path(&mut reader, "the path of an image");
    let sectors = reader.integer("sectors");
    let size = reader.property("size");
    let size = match (sectors, size) {
        (Some((sectors, span)), None) => match u64::try_from(sectors).ok().filter(|n| *n > 0 && *n < 1 << 55)
        {
            Some(sectors) => Some(Size::Sectors(sectors)),
            None => {
                reader.fault(
                    Code::InvalidKeyValue,
                    format!("an image can't have {sectors} sectors"),
                    span,
                    "here",
                );
                None
            }
        },
        (None, Some(value)) => {
            reader.refuse_annotation(value);
            match Literal::new(&value.scalar, value.span).typed(&Type::size(), "`size`") {
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
    let mut reader = Reader::new(node, "run PROGRAM ARGUMENT... { input PATH; output PATH }", faults);
    let mut command: Vec<Name> = reader.text("a program").into_iter().collect();
    while let Some(value) = reader.optional_argument() {
        command.extend(reader.as_text(value, "an argument"));
    }
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for child in reader.children() {
        let list = match &*child.name.text {
            "input" => &mut inputs,
            "output" => &mut outputs,
            _ => {
                reader.unknown_child(child, &["input", "output"]);
                continue;
            }
        };
        let mut line = Reader::new(child, "input PATH", reader.faults);
        list.extend(path(&mut line, "a path"));
        line.no_children();
        line.done_with_properties();
    }
    reader.done_with_properties();
    (!command.is_empty()).then_some(Step::Run { command, inputs, outputs })
}
