//! Whether the lines of `attach { ... }` say what a runner must know.

use uk_diagnostic::{Code, Diagnostic};
use uk_keys::Value;

use super::{Implementation, Role, Step};
use crate::manifest::{Argument, ArgumentValue};
use crate::names;

/// The arguments of each kind of attachment, with the types that they may have; the first must be there.
const FILE: &[(&str, &[&str])] = &[
    ("path", &["path", "string"]),
    ("read-only", &["bool"]),
    ("sector-size", &["u16", "u32", "u64", "size"]),
];
const FOLDER: &[(&str, &[&str])] = &[("path", &["path", "string"])];
const TAP: &[(&str, &[&str])] = &[("name", &["string"])];

pub(super) fn check(implementation: &Implementation, step: &Step, faults: &mut Vec<Diagnostic>) {
    if step.role != Role::Attach {
        return;
    }
    let known = match step.tool.text.as_str() {
        "file" => FILE,
        "folder" => FOLDER,
        _ => TAP,
    };
    for argument in &step.arguments {
        match known.iter().find(|(name, _)| argument.name.is(name)) {
            Some((_, types)) => check_type(implementation, argument, types, faults),
            None => {
                let message = format!("`{}` has no property `{}`", step.tool, argument.name);
                let fault =
                    Diagnostic::error(Code::UnknownProperty, message).label(argument.name.span, "here");
                let all = || known.iter().map(|(name, _)| *name);
                faults.push(match names::nearest(&argument.name.text, all()) {
                    Some(near) => fault.help(format!("did you mean `{near}`?")),
                    None => fault.help(format!("it has {}", names::list(all()))),
                });
            }
        }
    }
    let (needed, _) = known[0];
    match step.arguments.iter().find(|a| a.name.is(needed)).map(|a| &a.value) {
        None => faults.push(
            Diagnostic::error(Code::MissingValue, format!("`{}` needs `{needed}`", step.tool))
                .label(step.tool.span, "it is missing here")
                .help(format!("write `{} {needed}=(param)NAME`", step.tool)),
        ),
        Some(ArgumentValue::Param(name)) => {
            let param = implementation.params.iter().find(|p| p.name.is(&name.text));
            if let Some(param) = param.filter(|p| p.optional && p.default.is_none()) {
                let message = format!("what is attached must be known, and `{name}` may have no value");
                faults.push(
                    Diagnostic::error(Code::InvalidReference, message)
                        .label(name.span, "here")
                        .label(param.name.span, "declared here")
                        .help(format!("give `{name}` a `default`, or take `optional=#true` away")),
                );
            }
        }
        Some(_) => {}
    }
}

/// A reference to nothing is told elsewhere.
fn check_type(
    implementation: &Implementation,
    argument: &Argument,
    types: &[&str],
    faults: &mut Vec<Diagnostic>,
) {
    let (ty, span) = match &argument.value {
        ArgumentValue::Literal(literal) => {
            let ty = match literal.untyped() {
                Value::Bool(_) => "bool",
                Value::Int(_) => "u64",
                _ => "string",
            };
            (Some(ty), literal.span)
        }
        ArgumentValue::Param(name) => {
            (implementation.params.iter().find(|p| p.name.is(&name.text)).map(|p| p.ty.name()), name.span)
        }
        ArgumentValue::Build(name) => (Some("path"), name.span),
        ArgumentValue::Key(name) => {
            (implementation.keys.iter().find(|k| k.name.is(&name.text)).map(|k| k.ty.name()), name.span)
        }
    };
    if let Some(ty) = ty.filter(|ty| !types.contains(ty)) {
        let message = format!("`{}` is a `{}`, and this is a `{ty}`", argument.name, types[0]);
        faults.push(
            Diagnostic::error(Code::WrongType, message)
                .label(span, "here")
                .help(format!("a {} can stand here", names::list(types.iter().copied()))),
        );
    }
}
