//! The nodes of a `device.kdl`.

use uk_diagnostic::{Code, Diagnostic};

use super::read_body::{BODIES, body};
use super::{Build, Catalogue, Document, Implementation, Interface, Param, Requirement, Role, Step};
use crate::key::Key;
use crate::manifest::{arguments, is_path, language, newer_alone};
use crate::names;
use crate::read::{Name, Reader, duplicate, unknown_node};
use crate::syntax::{self, Node};
use crate::value::{Literal, Type};

const NODES: &[&str] = &["language", "interface", "implementation"];
const PARTS: &[&str] = &[
    "doc", "param", "requires", "key", "owns", "build", "attach", "crate", "use", "choose", "target",
    "targets",
];

pub(super) fn document(document: &Document<'_>, catalogue: &mut Catalogue, faults: &mut Vec<Diagnostic>) {
    let before = faults.len();
    let (nodes, syntax) = syntax::parse(document.source, document.text);
    faults.extend(syntax);
    for node in &nodes {
        match &*node.name.text {
            "language" => {
                language(node, "install a newer `uk`, or depend on an older version of this crate", faults)
            }
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
    newer_alone(faults, before);
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

pub(super) fn checked_path(path: &Name, what: &str, reader: &mut Reader<'_, '_>) -> bool {
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
    let (mut params, mut requires, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    let (mut owns, mut builds, mut steps) = (Vec::new(), Vec::new(), Vec::new());
    for child in reader.children() {
        match &*child.name.text {
            "doc" => doc = doc.or(doc_text(child, reader.faults)),
            "param" => params.extend(param(child, reader.faults)),
            "requires" => requires.extend(requirements(child, reader.faults)),
            "key" => keys.extend(Key::read(child, reader.faults)),
            "owns" => owns.extend(owned(child, reader.faults)),
            "build" => builds.extend(Build::read(child, reader.faults)),
            "attach" => steps.extend(read_steps(child, Role::Attach, reader.faults)),
            other if BODIES.contains(&other) => {}
            _ => reader.unknown_child(child, PARTS),
        }
    }
    let body = body(node, &mut reader, true);
    let declared = params.iter().map(|p: &Param| &p.name).chain(keys.iter().map(|k| &k.name));
    unique("params or keys", declared, reader.faults);
    unique("data", builds.iter().map(|b: &Build| &b.name), reader.faults);
    unique("requirements", requires.iter().map(|r: &Requirement| &r.name), reader.faults);
    unique("owned things", owns.iter(), reader.faults);
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
        owns,
        builds,
        steps,
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

/// `owns NAME...`: any names, which are the same in every catalogue.
fn owned(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Vec<Name> {
    const WHAT: &str = "the name of something that a machine has once";
    let mut reader = Reader::new(node, "owns serial-port", faults);
    let mut found: Vec<Name> = reader.name(WHAT).into_iter().collect();
    while let Some(value) = reader.optional_argument() {
        let name = reader.as_text(value, "what it owns");
        found.extend(name.and_then(|n| reader.checked(n, WHAT)));
    }
    reader.no_children();
    reader.done_with_properties();
    found
}

fn read_steps(node: &Node<'_>, role: Role, faults: &mut Vec<Diagnostic>) -> Vec<Step> {
    let (usage, line_usage) = match role {
        Role::Attach => {
            ("attach { file path=(param)file }", "file path=(param)file read-only=(param)read-only")
        }
    };
    let mut reader = Reader::new(node, usage, faults);
    let mut steps = Vec::new();
    for child in reader.children() {
        let tool = Name { text: child.name.text.clone().into_owned(), span: child.name.span };
        if role == Role::Attach && !Role::ATTACHMENTS.contains(&tool.text.as_str()) {
            reader.unknown_child(child, &Role::ATTACHMENTS);
            continue;
        }
        let mut line = Reader::new(child, line_usage, reader.faults);
        let arguments = arguments(&mut line, true);
        line.no_children();
        line.done();
        steps.push(Step { role, tool, arguments });
    }
    reader.done_with_properties();
    steps
}
