//! The nodes of a `device.kdl`.

use uk_backends::Target;
use uk_diagnostic::{Code, Diagnostic};

use super::{
    Arm, Body, BuildStep, Catalogue, Choice, Crate, Document, Implementation, Interface, Param, Requirement,
    Use,
};
use crate::key::Key;
use crate::manifest::{arguments, binding, is_path, language, repeated_bindings};
use crate::names;
use crate::read::{Name, Reader, duplicate, unknown_node};
use crate::syntax::{self, Node, Scalar};
use crate::value::{Literal, Type};

const NODES: &[&str] = &["language", "interface", "implementation"];
const PARTS: &[&str] =
    &["doc", "param", "requires", "key", "build", "crate", "use", "choose", "target", "targets"];
const BODIES: &[&str] = &["crate", "use", "choose", "target", "targets"];

pub(super) fn document(document: &Document<'_>, catalogue: &mut Catalogue, faults: &mut Vec<Diagnostic>) {
    let (nodes, syntax) = syntax::parse(document.source, document.text);
    faults.extend(syntax);
    for node in &nodes {
        match &*node.name.text {
            "language" => language(node, faults),
            "interface" => {
                if let Some(interface) = interface(node, document.package, faults) {
                    add_interface(catalogue, interface, faults);
                }
            }
            "implementation" => {
                if let Some(implementation) = implementation(node, document.package, faults) {
                    add_implementation(catalogue, implementation, faults);
                }
            }
            _ => unknown_node(node, "in a catalogue", NODES, faults),
        }
    }
}

fn add_interface(catalogue: &mut Catalogue, new: Interface, faults: &mut Vec<Diagnostic>) {
    let name = names::canonical(&new.name.text).into_owned();
    if let Some(first) = catalogue.interface_names.get(&name).map(|i| &catalogue.interfaces[*i]) {
        faults.push(declared_twice("interface", (&first.name, &first.package), (&new.name, &new.package)));
        return;
    }
    catalogue.interface_names.insert(name, catalogue.interfaces.len());
    catalogue.interfaces.push(new);
}

fn add_implementation(catalogue: &mut Catalogue, new: Implementation, faults: &mut Vec<Diagnostic>) {
    let name = names::canonical(&new.name.text).into_owned();
    if let Some(first) = catalogue.implementation_names.get(&name).map(|i| &catalogue.implementations[*i]) {
        faults.push(declared_twice(
            "implementation",
            (&first.name, &first.package),
            (&new.name, &new.package),
        ));
        return;
    }
    catalogue.implementation_names.insert(name, catalogue.implementations.len());
    catalogue.implementations.push(new);
}

fn declared_twice(what: &str, first: (&Name, &str), second: (&Name, &str)) -> Diagnostic {
    if first.1 == second.1 {
        return duplicate(&format!("{what}s"), first.0, second.0);
    }
    let message =
        format!("the crates `{}` and `{}` both declare the {what} `{}`", first.1, second.1, second.0);
    Diagnostic::error(Code::DuplicateCatalogueName, message)
        .label(second.0.span, format!("declared by `{}`", second.1))
        .label(first.0.span, format!("declared by `{}`", first.1))
        .help("depend on one of the two crates only, or ask one's authors to choose another name")
}

fn interface(node: &Node<'_>, package: &str, faults: &mut Vec<Diagnostic>) -> Option<Interface> {
    let mut reader = Reader::new(node, "interface NAME trait=\"crate::Trait\" doc=\"...\"", faults);
    let name = reader.name("the name of an interface");
    let trait_path = reader.required_text("trait", "a trait: `trait=\"crate::Trait\"`");
    let trait_path = trait_path.filter(|path| checked_path(path, "a trait", &mut reader));
    let doc = reader.property_text("doc").map_or_else(String::new, |d| d.text);
    reader.no_children();
    reader.done_with_properties().then_some(())?;
    Some(Interface {
        name: name?,
        trait_path: trait_path?,
        doc,
        package: package.to_owned(),
        span: node.span,
    })
}

fn checked_path(path: &Name, what: &str, reader: &mut Reader<'_, '_>) -> bool {
    if is_path(&path.text) {
        return true;
    }
    let message = format!("`{}` isn't a path to {what}", path.text.escape_debug());
    let help = "write the crate's name as Rust code has it, `::`, and the rest, as `uk_time::connect`";
    reader.fault_help(Code::InvalidEntry, message, path.span, "here", help);
    false
}

fn implementation(node: &Node<'_>, package: &str, faults: &mut Vec<Diagnostic>) -> Option<Implementation> {
    let usage =
        "implementation NAME provides=INTERFACE { targets all { crate NAME connect=\"crate::connect\" } }";
    let mut reader = Reader::new(node, usage, faults);
    let name = reader.name("the name of an implementation");
    let provides = reader.required_text("provides", "the interface that it provides: `provides=time`");
    let exclusive = reader.flag("exclusive");
    let mut doc = reader.property_text("doc").map(|d| d.text);
    let (mut params, mut requires, mut keys, mut build) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for child in reader.children() {
        match &*child.name.text {
            "doc" => doc = doc.or(doc_text(child, reader.faults)),
            "param" => params.extend(param(child, reader.faults)),
            "requires" => requires.extend(requirements(child, reader.faults)),
            "key" => keys.extend(Key::read(child, reader.faults)),
            "build" => build.extend(build_steps(child, reader.faults)),
            other if BODIES.contains(&other) => {}
            _ => reader.unknown_child(child, PARTS),
        }
    }
    let body = body(node, &mut reader, true);
    let declared = params.iter().map(|p: &Param| &p.name).chain(keys.iter().map(|k| &k.name));
    unique("params or keys", declared, reader.faults);
    unique("requirements", requires.iter().map(|r: &Requirement| &r.name), reader.faults);
    reader.done_with_properties();
    let doc = doc.unwrap_or_default();
    let (package, span) = (package.to_owned(), node.span);
    Some(Implementation {
        name: name?,
        provides: provides?,
        exclusive,
        doc,
        params,
        requires,
        keys,
        build,
        body: body?,
        package,
        span,
    })
}

fn unique<'n>(what: &str, names: impl Iterator<Item = &'n Name>, faults: &mut Vec<Diagnostic>) {
    let mut seen: Vec<&Name> = Vec::new();
    for name in names {
        match seen.iter().find(|first| first.is(&name.text)) {
            Some(first) => faults.push(duplicate(what, first, name)),
            None => seen.push(name),
        }
    }
}

fn doc_text(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<String> {
    let mut reader = Reader::new(node, "doc \"What it is.\"", faults);
    let text = reader.text("a text");
    reader.no_children();
    reader.done_with_properties();
    text.map(|t| t.text)
}

fn param(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Param> {
    let mut reader = Reader::new(node, "param NAME type=string", faults);
    let name = reader.name("the name of a param");
    let ty = Type::read(&mut reader);
    let default = reader.property("default");
    let optional = reader.flag("optional");
    let exclusive = reader.flag("exclusive");
    let doc = reader.property_text("doc").map_or_else(String::new, |d| d.text);
    let mut typed = None;
    if let (Some(value), Some(ty)) = (default, &ty) {
        reader.refuse_annotation(value);
        match Literal::new(&value.scalar, value.span).typed(ty, "the default") {
            Ok(value) => typed = Some(value),
            Err(fault) => reader.faults.push(fault),
        }
        if optional {
            let message = "a param with a default is never missing, so it can't be optional";
            reader.fault_help(
                Code::InvalidKey,
                message,
                value.span,
                "here",
                "delete `optional` or the default",
            );
        }
    }
    reader.done_with_properties();
    Some(Param { name: name?, ty: ty?, default: typed, optional, exclusive, doc })
}

fn requirements(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Vec<Requirement> {
    let mut reader = Reader::new(node, "requires NAME as=INTERFACE default=IMPLEMENTATION", faults);
    let mut found: Vec<Name> = reader.name("the name of a requirement").into_iter().collect();
    while let Some(value) = reader.optional_argument() {
        let name = reader.as_text(value, "a requirement");
        found.extend(name.and_then(|n| reader.checked(n, "the name of a requirement")));
    }
    let interface = reader.property_text("as");
    let default = reader.property_text("default");
    if let (Some(property), [_, second, ..]) = (interface.as_ref().or(default.as_ref()), found.as_slice()) {
        let message = "`as` and `default` belong to one requirement, and this line has several";
        let span = property.span;
        let help = format!("give `{second}` and the others lines of their own");
        reader.fault_help(Code::UnexpectedValue, message, span, "here", help);
    }
    reader.no_children();
    reader.done_with_properties();
    found
        .into_iter()
        .map(|name| Requirement {
            interface: interface.clone().unwrap_or_else(|| name.clone()),
            default: default.clone(),
            name,
        })
        .collect()
}

fn build_steps(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Vec<BuildStep> {
    let reader = Reader::new(node, "build { crunch dir=(param)dir }", faults);
    let mut steps = Vec::new();
    for child in reader.children() {
        let tool = Name { text: child.name.text.clone().into_owned(), span: child.name.span };
        let mut line = Reader::new(child, "crunch dir=(param)dir", reader.faults);
        let arguments = arguments(&mut line, true);
        line.no_children();
        line.done();
        steps.push(BuildStep { tool, arguments });
    }
    reader.done_with_properties();
    steps
}

/// The body among the children of `node`; other children are the caller's when `mixed`.
fn body(node: &Node<'_>, reader: &mut Reader<'_, '_>, mixed: bool) -> Option<Body> {
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
    reader.no_children();
    reader.done_with_properties();
    Some(Crate { package: package?, connect: connect?, span: node.span })
}

fn use_(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Use> {
    let mut reader = Reader::new(node, "use IMPLEMENTATION param=value { requirement device }", faults);
    let implementation = reader.text("an implementation");
    let arguments = arguments(&mut reader, true);
    let bindings: Vec<_> =
        reader.children().iter().filter_map(|c| binding(c, false, reader.faults)).collect();
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
