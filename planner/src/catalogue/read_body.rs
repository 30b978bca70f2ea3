//! Which crate an implementation is: `crate`, `use`, `choose`, `target`.

use uk_backends::Target;
use uk_diagnostic::{Code, Diagnostic};

use super::read::checked_path;
use super::{Arm, Body, Choice, Crate, Use};
use crate::manifest::{Within, arguments, binding, repeated_bindings};
use crate::read::{Name, Reader};
use crate::syntax::{Node, Scalar};

/// The nodes that say it.
pub(super) const BODIES: &[&str] = &["crate", "use", "choose", "target", "targets"];

/// The body among the children of `node`; other children are the caller's when `mixed`.
pub(super) fn body(node: &Node<'_>, reader: &mut Reader<'_, '_>, mixed: bool) -> Option<Body> {
    let children = node.children.as_deref().unwrap_or_default();
    let mut found: Option<(&Node<'_>, Body)> = None;
    let mut targets: Vec<(Vec<Target>, Body)> = Vec::new();
    let mut seen = false;
    for child in children {
        let one = match &*child.name.text {
            "crate" => krate(child, reader.faults).map(Body::Crate),
            "use" => use_(child, reader.faults).map(Body::Use),
            "choose" => choose(child, reader.faults).map(Body::Choose),
            "target" | "targets" => {
                seen = true;
                if let Some((first, _)) = &found {
                    reader.faults.push(two_bodies(first, child));
                }
                target_arm(child, &mut targets, reader.faults);
                continue;
            }
            _ if mixed => continue,
            _ => {
                reader.unknown_child(child, BODIES);
                continue;
            }
        };
        seen = true;
        match (&found, one) {
            (Some((first, _)), _) => reader.faults.push(two_bodies(first, child)),
            (None, one) => found = one.map(|body| (child, body)),
        }
    }
    if !seen {
        let message = format!("`{}` doesn't say which crate it is", node.name.text);
        let help =
            "add `targets all { crate NAME connect=\"crate::connect\" }`, or `use`, `target` or `choose`";
        reader.fault_help(Code::MissingValue, message, node.span, "here", help);
    }
    match (found, targets.is_empty()) {
        (Some((_, body)), true) => Some(body),
        (None, false) => Some(Body::Choose(Choice::Target(targets))),
        _ => None,
    }
}

fn two_bodies(first: &Node<'_>, second: &Node<'_>) -> Diagnostic {
    let message = format!("`{}` and `{}` both say which crate it is", first.name.text, second.name.text);
    Diagnostic::error(Code::DuplicateNode, message)
        .label(second.name.span, "the second")
        .label(first.name.span, "the first")
        .help("put one `crate`, `use` or `choose` into each `target ... { }`")
}

fn krate(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Crate> {
    let mut reader = Reader::new(node, "crate NAME connect=\"crate::connect\"", faults);
    let package = reader.name("the name of a crate");
    let connect =
        reader.required_text("connect", "the function that makes a device: `connect=\"crate::connect\"`");
    let connect = connect.filter(|path| checked_path(path, "a function", &mut reader));
    let teardown = reader.property_text("teardown");
    let teardown = teardown.filter(|path| checked_path(path, "a function", &mut reader));
    reader.no_children();
    reader.done_with_properties();
    Some(Crate { package: package?, connect: connect?, teardown, span: node.span })
}

fn use_(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Use> {
    let mut reader = Reader::new(node, "use IMPLEMENTATION param=value { requirement device }", faults);
    let implementation = reader.text("an implementation");
    let arguments = arguments(&mut reader, true);
    let bindings: Vec<_> =
        reader.children().iter().filter_map(|c| binding(c, Within::Use, reader.faults)).collect();
    repeated_bindings(bindings.iter(), "`use`", &mut reader);
    reader.done();
    Some(Use { implementation: implementation?, arguments, bindings, span: node.span })
}

/// `target unix virtio { BODY }` or `targets all { BODY }`, added to the arms.
fn target_arm(node: &Node<'_>, arms: &mut Vec<(Vec<Target>, Body)>, faults: &mut Vec<Diagnostic>) {
    let usage = "target unix { crate NAME connect=\"crate::connect\" }";
    let mut reader = Reader::new(node, usage, faults);
    let mut targets = Vec::new();
    let mut written: Vec<Name> = reader.text("a target").into_iter().collect();
    while let Some(value) = reader.optional_argument() {
        written.extend(reader.as_text(value, "a target"));
    }
    for name in &written {
        let named = if name.text == "all" {
            Target::ALL.to_vec()
        } else {
            match crate::target::target(&name.text, Some(name.span)) {
                Ok(target) => vec![target],
                Err(fault) => {
                    reader.faults.push(fault);
                    continue;
                }
            }
        };
        for target in named {
            if targets.contains(&target) || arms.iter().any(|a| a.0.contains(&target)) {
                let message = format!("the target `{target}` has two bodies");
                let help = "leave it out of one of them";
                reader.fault_help(Code::DuplicateNode, message, name.span, "the second is here", help);
            } else {
                targets.push(target);
            }
        }
    }
    let body = body(node, &mut reader, false);
    reader.done_with_properties();
    arms.extend(body.map(|body| (targets, body)));
}

fn choose(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Choice> {
    let mut reader = Reader::new(node, "choose (key)NAME { option { use IMPLEMENTATION } }", faults);
    let on = reader.argument("what it switches on: `(key)NAME` or `target`");
    let choice = match on.map(|value| (&value.annotation, &value.scalar, value.span)) {
        Some((None, Scalar::String(text), _)) if text == "target" => {
            let mut arms = Vec::new();
            for child in reader.children() {
                target_named_arm(child, &mut arms, reader.faults);
            }
            Some(Choice::Target(arms))
        }
        Some((Some(annotation), Scalar::String(text), span)) if annotation.text == "key" => {
            let arms = reader.children().iter().filter_map(|c| option_arm(c, reader.faults)).collect();
            Some(Choice::Key { key: Name { text: text.clone().into_owned(), span }, arms })
        }
        Some((_, _, span)) => {
            reader.fault(
                Code::UnexpectedValue,
                "a choice goes by a key or by the target",
                span,
                "not by this",
            );
            None
        }
        None => None,
    };
    reader.done_with_properties();
    choice
}

/// `fat { BODY }`.
fn option_arm(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Arm> {
    let mut reader = Reader::new(node, "OPTION { use IMPLEMENTATION }", faults);
    let option = Name { text: node.name.text.clone().into_owned(), span: node.name.span };
    let body = body(node, &mut reader, false);
    reader.done_with_properties();
    Some(Arm { option, body: body? })
}

/// `unix { BODY }` inside `choose target`.
fn target_named_arm(node: &Node<'_>, arms: &mut Vec<(Vec<Target>, Body)>, faults: &mut Vec<Diagnostic>) {
    let mut reader = Reader::new(node, "unix { use IMPLEMENTATION }", faults);
    let body = body(node, &mut reader, false);
    reader.done_with_properties();
    let targets = match &*node.name.text {
        "all" => Target::ALL.to_vec(),
        name => match crate::target::target(name, Some(node.name.span)) {
            Ok(target) => vec![target],
            Err(fault) => return faults.push(fault),
        },
    };
    if let Some(target) = targets.iter().find(|t| arms.iter().any(|a| a.0.contains(t))) {
        let message = format!("the target `{target}` has two bodies");
        let fault =
            Diagnostic::error(Code::DuplicateNode, message).label(node.name.span, "the second is here");
        return faults.push(fault.help("leave it out of one of them"));
    }
    arms.extend(body.map(|body| (targets, body)));
}
