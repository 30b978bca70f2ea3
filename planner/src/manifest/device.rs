//! Devices and jobs, and what is given to them; catalogues give devices arguments and bindings, too.

use std::collections::HashMap;

use uk_diagnostic::{Code, Diagnostic};

use super::{Argument, ArgumentValue, Binding, Device, Entry, Job, JobArgument};
use crate::names;
use crate::read::{Name, Reader};
use crate::syntax::{Node, Scalar, Value};
use crate::value::Literal;

pub(super) fn device(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Device> {
    let mut reader =
        Reader::new(node, "device NAME IMPLEMENTATION param=value { requirement device }", faults);
    let name = reader.name("the name of a device");
    let implementation = name.as_ref().and_then(|_| reader.text("an implementation"));
    let arguments = arguments(&mut reader, false);
    let bindings: Vec<Binding> =
        reader.children().iter().filter_map(|c| binding(c, Within::Device, reader.faults)).collect();
    let complete = bindings.len() == reader.children().len();
    repeated_bindings(bindings.iter(), "device", &mut reader);
    (reader.done() && complete).then_some(())?;
    Some(Device { name: name?, implementation: implementation?, arguments, bindings, span: node.span })
}

/// The properties of a device or a `use`: names from the catalogue, values plain or referring.
pub(crate) fn arguments(reader: &mut Reader<'_, '_>, in_catalogue: bool) -> Vec<Argument> {
    let mut arguments: Vec<Argument> = Vec::new();
    for property in reader.other_properties() {
        let name = Name { text: property.name.text.clone().into_owned(), span: property.name.span };
        if let Some(first) = arguments.iter().find(|a| a.name.is(&name.text)) {
            let fault = Diagnostic::error(Code::DuplicateNode, format!("`{name}` is written twice"))
                .label(name.span, "the second")
                .label(first.name.span, "the first")
                .help("delete one of the two");
            reader.faults.push(fault);
            reader.faulty = true;
            continue;
        }
        if let Some(value) = argument_value(reader, &property.value, in_catalogue) {
            arguments.push(Argument { name, value });
        }
    }
    arguments
}

pub(crate) fn argument_value(
    reader: &mut Reader<'_, '_>,
    value: &Value<'_>,
    in_catalogue: bool,
) -> Option<ArgumentValue> {
    let Some(annotation) = &value.annotation else {
        return Some(ArgumentValue::Literal(Literal::new(&value.scalar, value.span)));
    };
    let Scalar::String(text) = &value.scalar else {
        let message =
            format!("`({})` needs a name after it, and this is {}", annotation.text, value.scalar.noun());
        reader.fault(Code::WrongType, message, value.span, "here");
        return None;
    };
    let name = Name { text: text.clone().into_owned(), span: value.span };
    match &*annotation.text {
        "key" => Some(ArgumentValue::Key(name)),
        "param" if in_catalogue => Some(ArgumentValue::Param(name)),
        "build" if in_catalogue => Some(ArgumentValue::Build(name)),
        other => {
            let message = format!("`({})` means nothing here", other.escape_debug());
            let help = if in_catalogue {
                "`(key)NAME` refers to a key of this implementation, `(param)NAME` to a param, `(build)NAME` to data"
            } else {
                "`(key)NAME` refers to a key of this manifest"
            };
            reader.fault_help(Code::UnexpectedValue, message, annotation.span, "here", help);
            None
        }
    }
}

/// Where a line that binds a device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Within {
    /// `REQUIREMENT DEVICE as=INTERFACE`.
    Job,
    /// `REQUIREMENT DEVICE`.
    Device,
    /// `REQUIREMENT DEVICE` or `REQUIREMENT IMPLEMENTATION param=value`.
    Use,
}

/// `REQUIREMENT DEVICE`.
pub(crate) fn binding(node: &Node<'_>, within: Within, faults: &mut Vec<Diagnostic>) -> Option<Binding> {
    let usage = match within {
        Within::Job => "REQUIREMENT DEVICE as=INTERFACE",
        Within::Device => "REQUIREMENT DEVICE",
        Within::Use => "REQUIREMENT DEVICE, or REQUIREMENT IMPLEMENTATION param=value",
    };
    let mut reader = Reader::new(node, usage, faults);
    let requirement = Name { text: node.name.text.clone().into_owned(), span: node.name.span };
    let requirement = reader.checked(requirement, "the name of a requirement");
    let device = reader.text("a device");
    let interface = if within == Within::Job { reader.property_text("as") } else { None };
    reader.no_children();
    let (arguments, good) = match within {
        Within::Use => (arguments(&mut reader, true), reader.done()),
        Within::Job | Within::Device => {
            let named = device.as_ref().map_or("IMPLEMENTATION", |device| &device.text);
            let help = format!(
                "values belong to a device's own line: write `device NAME {named} ...`, and bind `NAME` here"
            );
            (Vec::new(), reader.done_with_properties_or(Some(&help)))
        }
    };
    good.then_some(())?;
    Some(Binding { requirement: requirement?, device: device?, interface, arguments, span: node.span })
}

/// One requirement is bound once.
pub(crate) fn repeated_bindings<'b>(
    bindings: impl Iterator<Item = &'b Binding>,
    what: &str,
    reader: &mut Reader<'_, '_>,
) {
    let mut bindings = bindings.peekable();
    let Some(first) = bindings.next() else { return };
    if bindings.peek().is_none() {
        return;
    }
    let mut seen = HashMap::from([(names::canonical(&first.requirement.text), &first.requirement)]);
    for binding in bindings {
        if let Some(first) = seen.get(&names::canonical(&binding.requirement.text)) {
            let message = format!("this {what} binds `{}` twice", binding.requirement);
            let help = if what == "job" {
                let Binding { requirement, device, interface, .. } = binding;
                let interface = interface.as_ref().unwrap_or(requirement);
                format!(
                    "give the second another name, and say its interface: `other-{requirement} {device} as={interface}`"
                )
            } else {
                "delete one of the two".to_owned()
            };
            let fault = Diagnostic::error(Code::DuplicateNode, message)
                .label(binding.requirement.span, "the second")
                .label(first.span, "the first")
                .help(help);
            reader.faults.push(fault);
        } else {
            seen.insert(names::canonical(&binding.requirement.text), &binding.requirement);
        }
    }
}

pub(super) fn job(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Job> {
    let mut reader = Reader::new(node, "job NAME entry=\"crate::function\" { requirement device }", faults);
    let name = reader.name("the name of a job");
    let entry = reader.required_text("entry", "an entry: `entry=\"crate::function\"`");
    let entry = entry.and_then(|written| match Entry::new(&written) {
        Ok(entry) => Some(entry),
        Err(fault) => {
            reader.faults.push(fault);
            None
        }
    });
    let mut arguments = Vec::new();
    for child in reader.children() {
        if child.name.text == "keys" {
            let mut line = Reader::new(child, "keys", reader.faults);
            line.no_children();
            line.done_with_properties();
            arguments.push(JobArgument::Keys(child.span));
        } else {
            arguments.extend(binding(child, Within::Job, reader.faults).map(JobArgument::Binding));
        }
    }
    let bindings = arguments.iter().filter_map(|a| match a {
        JobArgument::Binding(binding) => Some(binding),
        JobArgument::Keys(_) => None,
    });
    repeated_bindings(bindings, "job", &mut reader);
    reader.done_with_properties();
    Some(Job { name: name?, entry: entry?, arguments, span: node.span })
}
