//! What must hold between the entries of a catalogue, whatever a manifest does with them.

use uk_diagnostic::{Code, Diagnostic};
use uk_keys::Stage;

use super::{Body, Catalogue, Choice, Crate, Implementation, Use};
use super::{attach, build};
use crate::manifest::{Argument, ArgumentValue};
use crate::names;
use crate::read::Name;

pub(super) fn check(catalogue: &Catalogue, faults: &mut Vec<Diagnostic>) {
    for implementation in catalogue.implementations() {
        known_interface(catalogue, &implementation.provides, faults);
        for requirement in &implementation.requires {
            known_interface(catalogue, &requirement.interface, faults);
            if let Some(default) = &requirement.default
                && let Some(found) = known_implementation(catalogue, default, faults)
                && !found.provides.is(&requirement.interface.text)
            {
                faults.push(mismatch(default, found, &requirement.interface));
            }
        }
        for step in &implementation.steps {
            step.arguments.iter().for_each(|argument| reference(implementation, argument, faults));
            attach::check(implementation, step, faults);
        }
        build::check(implementation, faults);
        let mut bodies = vec![&implementation.body];
        while let Some(body) = bodies.pop() {
            match body {
                Body::Crate(krate) => check_teardown(implementation, krate, faults),
                Body::Use(used) => check_use(catalogue, implementation, used, faults),
                Body::Choose(choice) => {
                    check_choice(implementation, choice, faults);
                    bodies.extend(choice.bodies());
                }
            }
        }
    }
    cycles(catalogue, faults);
}

/// An exclusive device belongs to its job, so nothing is left of it to be torn down.
fn check_teardown(implementation: &Implementation, krate: &Crate, faults: &mut Vec<Diagnostic>) {
    if let Some(teardown) = krate.teardown.as_ref().filter(|_| implementation.exclusive) {
        faults.push(
            Diagnostic::error(
                Code::UnexpectedValue,
                format!("`{}` is exclusive, so it can't have a `teardown`", implementation.name),
            )
            .label(teardown.span, "here")
            .help("an exclusive device is given to its job and ends there: implement `Drop` for it"),
        );
    }
}

fn known_interface(catalogue: &Catalogue, name: &Name, faults: &mut Vec<Diagnostic>) {
    if catalogue.interface(&name.text).is_none() {
        faults.push(unknown_interface(catalogue, name));
    }
}

/// Also for the interfaces that a job names.
pub(crate) fn unknown_interface(catalogue: &Catalogue, name: &Name) -> Diagnostic {
    let known = || catalogue.interfaces().iter().map(|i| i.name.text.as_str());
    let message = format!("there is no interface `{}`", name.text.escape_debug());
    Diagnostic::error(Code::UnknownInterface, message).label(name.span, "here").help(
        match names::nearest(&name.text, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the catalogue has {}", names::list(known())),
        },
    )
}

fn known_implementation<'c>(
    catalogue: &'c Catalogue,
    name: &Name,
    faults: &mut Vec<Diagnostic>,
) -> Option<&'c Implementation> {
    let found = catalogue.implementation(&name.text);
    if found.is_none() {
        let known = || catalogue.implementations().iter().map(|i| i.name.text.as_str());
        let message = format!("there is no implementation `{}`", name.text.escape_debug());
        faults.push(Diagnostic::error(Code::UnknownDevice, message).label(name.span, "here").help(
            match names::nearest(&name.text, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the catalogue has {}", names::list(known())),
            },
        ));
    }
    found
}

fn mismatch(name: &Name, found: &Implementation, wanted: &Name) -> Diagnostic {
    let message = format!("`{name}` provides `{}`, and `{wanted}` is wanted here", found.provides);
    Diagnostic::error(Code::InterfaceMismatch, message)
        .label(name.span, format!("wants `{wanted}`"))
        .label(found.provides.span, format!("provides `{}`", found.provides))
        .help(format!("name an implementation of `{wanted}`"))
}

fn check_use(catalogue: &Catalogue, outer: &Implementation, used: &Use, faults: &mut Vec<Diagnostic>) {
    for argument in &used.arguments {
        reference(outer, argument, faults);
    }
    let Some(inner) = known_implementation(catalogue, &used.implementation, faults) else { return };
    if !inner.provides.is(&outer.provides.text) {
        faults.push(mismatch(&used.implementation, inner, &outer.provides));
    }
    if inner.exclusive != outer.exclusive {
        let (yes, no) = if inner.exclusive { (inner, outer) } else { (outer, inner) };
        let message =
            format!("`{}` is exclusive and `{}` isn't, but one stands for the other", yes.name, no.name);
        faults.push(
            Diagnostic::error(Code::InvalidReference, message)
                .label(used.implementation.span, "here")
                .help(format!("give `{}` the property `exclusive=#true` too", no.name)),
        );
    }
    check_arguments(outer, inner, &used.arguments, faults);
    for binding in &used.bindings {
        let Some(requirement) = inner.requires.iter().find(|r| r.name.is(&binding.requirement.text)) else {
            faults.push(unknown_requirement(inner, &binding.requirement));
            continue;
        };
        if binding.arguments.is_empty() && outer.requires.iter().any(|r| r.name.is(&binding.device.text)) {
            continue;
        }
        // An implementation: one that is shared, or one for this binding alone, with these params.
        for argument in &binding.arguments {
            reference(outer, argument, faults);
        }
        if let Some(bound) = known_implementation(catalogue, &binding.device, faults)
            && !binding.arguments.is_empty()
        {
            if !bound.provides.is(&requirement.interface.text) {
                faults.push(mismatch(&binding.device, bound, &requirement.interface));
            }
            check_arguments(outer, bound, &binding.arguments, faults);
        }
    }
}

/// What `outer` gives the params and keys of `inner`.
fn check_arguments(
    outer: &Implementation,
    inner: &Implementation,
    arguments: &[Argument],
    faults: &mut Vec<Diagnostic>,
) {
    for argument in arguments {
        let param = inner.params.iter().find(|p| p.name.is(&argument.name.text)).map(|p| &p.ty);
        let key = inner.keys.iter().find(|k| k.name.is(&argument.name.text));
        let Some(wanted) = param.or(key.map(|k| &k.ty)) else {
            faults.push(unknown_argument(inner, &argument.name));
            continue;
        };
        match &argument.value {
            ArgumentValue::Literal(literal) => {
                faults.extend(literal.typed(wanted, format_args!("`{}`", argument.name)).err());
            }
            ArgumentValue::Build(name) if wanted.name() != "path" => {
                let message = format!("`{}` is a `{wanted}`, and data are a file", argument.name);
                faults.push(
                    Diagnostic::error(Code::InvalidReference, message)
                        .label(name.span, "here")
                        .help("give the path of data to a param of `type=path`"),
                );
            }
            ArgumentValue::Build(_) => {}
            ArgumentValue::Key(name) | ArgumentValue::Param(name) => {
                let given = outer.params.iter().find(|p| p.name.is(&name.text)).map(|p| &p.ty);
                let given = given.or(outer.keys.iter().find(|k| k.name.is(&name.text)).map(|k| &k.ty));
                if let Some(given) = given.filter(|given| !given.fits(wanted)) {
                    let message = format!("`{}` is a `{wanted}`, and `{name}` is a `{given}`", argument.name);
                    faults.push(
                        Diagnostic::error(Code::InvalidReference, message)
                            .label(name.span, "here")
                            .help("refer to something of the same type, whose values are all allowed here"),
                    );
                }
                let declared = outer.keys.iter().find(|k| k.name.is(&name.text));
                if let (Some(fixed), Some(given)) = (key, declared)
                    && fixed.stage == Stage::Build
                    && given.stage != Stage::Build
                {
                    let message =
                        format!("`{}` is fixed in the image, and the key `{name}` isn't", argument.name);
                    faults.push(
                        Diagnostic::error(Code::KeyStage, message)
                            .label(name.span, "given here")
                            .label(given.span, "declared here")
                            .help(format!("give the key `{name}` the property `stage=build`")),
                    );
                }
            }
        }
    }
}

/// A property that is neither a param nor a key of the implementation.
pub(crate) fn unknown_argument(implementation: &Implementation, name: &Name) -> Diagnostic {
    let params = implementation.params.iter().map(|p| p.name.text.as_str());
    let known: Vec<&str> = params.chain(implementation.keys.iter().map(|k| k.name.text.as_str())).collect();
    let message = format!("`{}` has no param `{}`", implementation.name, name.text.escape_debug());
    let fault = Diagnostic::error(Code::UnknownProperty, message).label(name.span, "here");
    match names::nearest(&name.text, known.iter().copied()) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => fault.help("it has none: delete this"),
        None => fault.help(format!("it has {}", names::list(known))),
    }
}

/// A binding to something that the implementation isn't built on.
pub(crate) fn unknown_requirement(implementation: &Implementation, name: &Name) -> Diagnostic {
    let known = || implementation.requires.iter().map(|r| r.name.text.as_str());
    let message = format!("`{}` doesn't require `{}`", implementation.name, name.text.escape_debug());
    let fault = Diagnostic::error(Code::UnknownRequirement, message).label(name.span, "here");
    match names::nearest(&name.text, known()) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None if implementation.requires.is_empty() => fault.help("it requires nothing: delete this line"),
        None => fault.help(format!("it requires {}", names::list(known()))),
    }
}

/// `(param)`, `(key)` and `(build)` refer to what the implementation itself declares.
pub(super) fn reference(outer: &Implementation, argument: &Argument, faults: &mut Vec<Diagnostic>) {
    let (what, name, known): (_, _, Vec<&str>) = match &argument.value {
        ArgumentValue::Literal(_) => return,
        ArgumentValue::Param(name) => {
            ("param", name, outer.params.iter().map(|p| p.name.text.as_str()).collect())
        }
        ArgumentValue::Key(name) => ("key", name, outer.keys.iter().map(|k| k.name.text.as_str()).collect()),
        ArgumentValue::Build(name) => {
            let files = outer.builds.iter().filter(|build| !build.embed);
            ("build", name, files.map(|build| build.name.text.as_str()).collect())
        }
    };
    if known.iter().any(|k| names::same(k, &name.text)) {
        return;
    }
    let message = format!("`{}` has no {what} `{name}`", outer.name);
    let fault = Diagnostic::error(Code::InvalidReference, message).label(name.span, "here");
    faults.push(match names::nearest(&name.text, known.iter().copied()) {
        Some(near) => fault.help(format!("did you mean `({what}){near}`?")),
        None if what == "build" => {
            fault.help(format!("declare it, without `embed`: `build {name} {{ tar dir=... }}`"))
        }
        None => fault.help(format!("declare it: `{what} {name} type=string`")),
    });
}

/// A choice by key has one arm for each option, and the key's value is known while building.
fn check_choice(outer: &Implementation, choice: &Choice, faults: &mut Vec<Diagnostic>) {
    let Choice::Key { key: name, arms } = choice else { return };
    let Some(key) = outer.keys.iter().find(|k| k.name.is(&name.text)) else {
        let message = format!("`{}` has no key `{name}` to choose by", outer.name);
        let help = format!("declare it: `key {name} type=enum default=... stage=build {{ option ... }}`");
        faults.push(Diagnostic::error(Code::InvalidReference, message).label(name.span, "here").help(help));
        return;
    };
    if key.stage != Stage::Build {
        let message = format!("a choice needs a key whose value is fixed in the image, and `{name}` isn't");
        faults.push(
            Diagnostic::error(Code::KeyStage, message)
                .label(name.span, "chosen here")
                .label(key.span, "declared here")
                .help(format!("give `{name}` the property `stage=build`")),
        );
    }
    if key.default.is_none() && !key.required {
        let message = format!("a choice needs a value to choose by, and the key `{name}` may have none");
        faults.push(
            Diagnostic::error(Code::UncoveredChoice, message)
                .label(name.span, "chosen here")
                .label(key.span, "declared here")
                .help(format!("give `{name}` a `default`, or `required=#true`")),
        );
    }
    let options: Vec<&str> = match key.ty.name() {
        "enum" => key.ty.options().iter().map(String::as_str).collect(),
        "bool" => vec!["true", "false"],
        _ => {
            let message = format!("a choice needs an enum or a bool, and `{name}` is a `{}`", key.ty);
            let fault = Diagnostic::error(Code::InvalidReference, message).label(name.span, "here");
            faults.push(
                fault.label(key.span, "declared here").help("give the key `type=enum` and its options"),
            );
            return;
        }
    };
    for (number, arm) in arms.iter().enumerate() {
        if !options.contains(&arm.option.text.as_str()) {
            let message = format!("`{name}` has no option `{}`", arm.option.text.escape_debug());
            let fault = Diagnostic::error(Code::UncoveredChoice, message).label(arm.option.span, "here");
            faults.push(match names::nearest(&arm.option.text, options.iter().copied()) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault.help(format!("its options are {}", names::list(options.iter().copied()))),
            });
        }
        if let Some(first) = arms[..number].iter().find(|a| a.option.text == arm.option.text) {
            faults.push(crate::read::duplicate("arms", &first.option, &arm.option));
        }
    }
    let missing: Vec<&str> =
        options.into_iter().filter(|o| !arms.iter().any(|a| a.option.text == *o)).collect();
    if !missing.is_empty() {
        let list = names::list(missing.iter().copied());
        let message = format!("the choice by `{name}` doesn't say what to do for {list}");
        let help = format!("add `{} {{ use IMPLEMENTATION }}`", missing[0]);
        faults.push(Diagnostic::error(Code::UncoveredChoice, message).label(name.span, "here").help(help));
    }
}

/// Implementations that stand for each other, in a circle. Each circle is told once.
fn cycles(catalogue: &Catalogue, faults: &mut Vec<Diagnostic>) {
    let mut graph = petgraph::graph::DiGraph::<(), Name>::new();
    let nodes: Vec<_> = catalogue.implementations().iter().map(|_| graph.add_node(())).collect();
    for (from, implementation) in nodes.iter().zip(catalogue.implementations()) {
        let mut bodies = vec![&implementation.body];
        while let Some(body) = bodies.pop() {
            match body {
                Body::Crate(_) => {}
                Body::Choose(choice) => bodies.extend(choice.bodies()),
                Body::Use(used) => {
                    let name = names::canonical(&used.implementation.text);
                    if let Some(to) = catalogue.implementation_names.get(&*name) {
                        graph.add_edge(*from, nodes[*to], used.implementation.clone());
                    }
                    // A device for one binding alone would have a device for one binding alone, and so on.
                    for binding in used.bindings.iter().filter(|b| !b.arguments.is_empty()) {
                        let name = names::canonical(&binding.device.text);
                        if let Some(to) = catalogue.implementation_names.get(&*name) {
                            graph.add_edge(*from, nodes[*to], binding.device.clone());
                        }
                    }
                }
            }
        }
    }
    for circle in crate::device::circles(&graph) {
        let mut edges: Vec<&Name> = circle.iter().map(|edge| &graph[*edge]).collect();
        edges.sort_by_key(|name| (name.span.source, name.span.start));
        let message = match edges.as_slice() {
            [one] => format!("the implementation `{one}` uses itself"),
            _ => format!(
                "the implementations {} use each other",
                names::list(edges.iter().map(|n| n.text.as_str()))
            ),
        };
        let mut fault = Diagnostic::error(Code::DeviceCycle, message);
        for edge in edges {
            fault = fault.label(edge.span, format!("uses `{edge}`"));
        }
        faults.push(fault.help("one of them must name a crate, or use something outside the circle"));
    }
}
