//! `build NAME embed=#true { TOOL dir=(param)dir }`: data that are made of a folder's files.

use uk_diagnostic::{Code, Diagnostic, Span};

use super::check::reference;
use super::{Body, Implementation};
use crate::data::Tool;
use crate::manifest::{Argument, ArgumentValue, argument_value};
use crate::paths;
use crate::read::{Name, Reader};
use crate::syntax::Node;

/// Data that a device of an implementation needs.
#[derive(Debug, Clone)]
pub struct Build {
    /// What the implementation calls them; a file of them has it for an extension.
    pub name: Name,
    /// Whether they go into the image, and the crate's function gets their bytes. Else they are a file, and `(build)NAME` is
    /// its path.
    pub embed: bool,
    /// What makes them.
    pub tool: Tool,
    /// The folder: `dir`.
    pub folder: Argument,
    /// The line.
    pub span: Span,
}

impl Build {
    /// Reads the node.
    pub(super) fn read(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut reader = Reader::new(node, "build NAME { crunch dir=(param)dir }", faults);
        let name = reader.name("the name of the data");
        let embed = reader.flag("embed");
        let mut made = None;
        let children = reader.children();
        if children.is_empty() {
            let message = "this doesn't say what makes the data";
            let help = "add a block: `{ crunch dir=(param)dir }`, or `fat` or `tar`";
            reader.fault_help(Code::MissingValue, message, node.span, "here", help);
        }
        for (number, child) in children.iter().enumerate() {
            if number > 0 {
                let message = "data are made by one tool";
                let help = "write a `build` for each";
                reader.fault_help(Code::UnexpectedValue, message, child.name.span, "here", help);
            } else if let Some(tool) = Tool::ALL.into_iter().find(|tool| tool.name() == child.name.text) {
                made = folder(child, reader.faults).map(|folder| (tool, folder));
            } else {
                reader.unknown_child(child, &Tool::NAMES);
            }
        }
        let good = reader.done_with_properties();
        let (tool, folder) = made?;
        good.then_some(Build { name: name?, embed, tool, folder, span: node.span })
    }
}

fn folder(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Argument> {
    let mut reader = Reader::new(node, "crunch dir=(param)dir", faults);
    let Some(value) = reader.property("dir") else {
        let message = format!("`{}` needs the folder whose files it takes", node.name.text);
        reader.fault_help(Code::MissingValue, message, node.span, "here", "add `dir=(param)dir`");
        return None;
    };
    let value_read = argument_value(&mut reader, value, true);
    reader.no_children();
    reader.done_with_properties().then_some(())?;
    Some(Argument { name: Name { text: "dir".to_owned(), span: value.span }, value: value_read? })
}

/// Folders are known while building, and data that aren't in the image are given to somebody.
pub(super) fn check(implementation: &Implementation, faults: &mut Vec<Diagnostic>) {
    for build in &implementation.builds {
        reference(implementation, &build.folder, faults);
        let refused = |message: String, help: &str| {
            Diagnostic::error(Code::InvalidReference, message)
                .label(build.folder.value.span(), "here")
                .help(help.to_owned())
        };
        match &build.folder.value {
            ArgumentValue::Literal(literal) => {
                let path = crate::value::Type::path();
                match literal.typed(&path, "`dir`") {
                    Ok(value) => faults.extend(paths::check(&path, &value, literal.span)),
                    Err(fault) => faults.push(fault),
                }
            }
            ArgumentValue::Param(name) => {
                let param = implementation.params.iter().find(|p| p.name.is(&name.text));
                if param.is_some_and(|p| p.ty.name() != "path" || p.optional) {
                    faults.push(refused(
                        format!("a folder is a path that is always there, and `{name}` isn't"),
                        "give the param `type=path`, and no `optional`",
                    ));
                }
            }
            ArgumentValue::Key(name) => {
                let key = implementation.keys.iter().find(|k| k.name.is(&name.text));
                let fixed = |key: &crate::key::Key| {
                    key.ty.name() == "path"
                        && key.stage == uk_keys::Stage::Build
                        && (key.default.is_some() || key.required)
                };
                if key.is_some_and(|key| !fixed(key)) {
                    faults.push(refused(
                        format!("a folder is a path that is known while building, and `{name}` isn't"),
                        "give the key `type=path`, `stage=build` and a `default`",
                    ));
                }
            }
            ArgumentValue::Build(_) => faults.push(refused(
                "data are made of a folder, and other data are a file".to_owned(),
                "write `dir=(param)dir`",
            )),
        }
        if !build.embed && !is_used(implementation, &build.name) {
            let message = format!("nothing is given the data `{}`", build.name);
            faults.push(
                Diagnostic::error(Code::InvalidReference, message).label(build.span, "here").help(format!(
                    "give its path to a device, `file=(build){}`, or write `embed=#true` for the crate to get the bytes",
                    build.name
                )),
            );
        }
    }
}

/// Whether `(build)NAME` stands somewhere.
fn is_used(implementation: &Implementation, name: &Name) -> bool {
    let refers =
        |argument: &Argument| matches!(&argument.value, ArgumentValue::Build(other) if other.is(&name.text));
    if implementation.steps.iter().flat_map(|step| &step.arguments).any(refers) {
        return true;
    }
    let mut bodies = vec![&implementation.body];
    while let Some(body) = bodies.pop() {
        match body {
            Body::Crate(_) => {}
            Body::Choose(choice) => bodies.extend(choice.bodies()),
            Body::Use(used) => {
                let of_bindings = used.bindings.iter().flat_map(|binding| &binding.arguments);
                if used.arguments.iter().chain(of_bindings).any(refers) {
                    return true;
                }
            }
        }
    }
    false
}
