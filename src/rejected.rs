//! When rustc rejects the generated main: its message, at the manifest line that the generated line comes from.

use std::collections::BTreeSet;

use serde::Deserialize;
use uk_diagnostic::{Code, Diagnostic, Span};
use uk_loader::shown;
use uk_planner::units::{Crates, Mode, Origin, Package, PackageFacts, Unit};

use crate::session::Planned;
use crate::ui::plain;

/// One message of `rustc --error-format=json`, as far as it is needed.
#[derive(Deserialize)]
struct Message {
    message: String,
    #[serde(default)]
    code: Option<ErrorCode>,
    level: String,
    #[serde(default)]
    spans: Vec<Place>,
    #[serde(default)]
    children: Vec<Message>,
    rendered: Option<String>,
}

#[derive(Deserialize)]
struct ErrorCode {
    code: String,
}

#[derive(Deserialize)]
struct Place {
    file_name: String,
    line_start: u32,
    is_primary: bool,
    label: Option<String>,
    #[serde(default)]
    suggested_replacement: Option<String>,
}

/// The text that rustc would have printed, from a log of its messages in JSON.
pub fn text(log: &str) -> String {
    let lines = log.lines().map(|line| match serde_json::from_str::<Message>(line) {
        Ok(message) => message.rendered.unwrap_or(message.message),
        Err(_) => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The diagnostics in the log of the rejected main of `planned`: one for each error that has a place in the main.
pub fn read(log: &str, planned: &Planned) -> Vec<Diagnostic> {
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    let mut elsewhere = Vec::new();
    for text in log.lines() {
        let Ok(message) = serde_json::from_str::<Message>(text) else { continue };
        if message.level != "error" || message.message.starts_with("aborting due to") {
            continue;
        }
        if let Some(krate) = std_user(&message).filter(|_| planned.devices.target().is_freestanding()) {
            diagnostics.push(needs_std(&krate, planned));
            continue;
        }
        let mut diagnostic = Diagnostic::error(Code::MainRejected, message.message.clone());
        for place in message.spans.iter().filter(|p| p.file_name == "main.rs") {
            if let Some(span) = planned.main.origin(place.line_start) {
                let said = place.label.clone().unwrap_or_default();
                let label = diagnostic.labels.iter().find(|l| l.span == span);
                if place.is_primary && label.is_none() {
                    diagnostic.labels.insert(0, uk_diagnostic::Label { span, text: said });
                } else if label.is_none() {
                    diagnostic = diagnostic.label(span, said);
                }
            }
        }
        for child in message.children.iter().filter(|c| c.message.contains('`')) {
            diagnostic = diagnostic.note(child.message.clone());
        }
        if diagnostic.labels.is_empty() {
            elsewhere.push(plain(message.rendered.as_deref().unwrap_or(&message.message)));
            continue;
        }
        if diagnostics.iter().any(|earlier| repeats(earlier, &diagnostic)) {
            continue;
        }
        let help = if let Some(help) = no_entry(&message, &diagnostic, planned) {
            help
        } else if is_about_outcome(&message) {
            "let the function return `uk_device::Result`, or nothing".to_owned()
        } else {
            "the entry function's parameters are the job's lines, in their order; change one or the other"
                .to_owned()
        };
        diagnostics.push(diagnostic.help(help));
    }
    if let Some(first) = diagnostics.first_mut() {
        first.notes.extend(elsewhere);
    }
    diagnostics
}

/// What to do where `message`, shown as `diagnostic`, says that a job's entry function isn't there or isn't public.
fn no_entry(message: &Message, diagnostic: &Diagnostic, planned: &Planned) -> Option<String> {
    // A name, a part of a path, an associated function; what is private.
    let codes = ["E0425", "E0433", "E0599", "E0603", "E0624"];
    message.code.as_ref().filter(|code| codes.contains(&&*code.code))?;
    let job = planned
        .devices
        .jobs()
        .iter()
        .find(|job| diagnostic.labels.iter().any(|l| l.span == job.entry_span))?;
    // "function `start` is private", "module `inner` is private".
    if let Some(private) = message.message.strip_suffix(" is private") {
        return Some(format!("write `pub` before the {private}, or name another as the job's `entry`"));
    }
    let (place, name) = job.entry.rsplit_once("::")?;
    let similar = message.children.iter().filter(|child| child.message.contains("similar name"));
    let similar = similar.flat_map(|child| &child.spans).find_map(|span| span.suggested_replacement.as_ref());
    let near = similar.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Some(format!(
        "`{place}` has no public function `{name}`: write it, or name another as the job's `entry`{near}"
    ))
}

/// Whether `message` is about what a function returns.
fn is_about_outcome(message: &Message) -> bool {
    let is_needed =
        |text: &str| text.contains("`uk_device::Outcome`") || text.contains("`uk_device::Result`");
    is_needed(&message.message) || message.children.iter().any(|child| is_needed(&child.message))
}

/// Whether `later` says what `earlier` said of the same place: rustc meets a fault again wherever its type turns up.
fn repeats(earlier: &Diagnostic, later: &Diagnostic) -> bool {
    let covered = |span: Span| {
        let meets =
            |other: Span| span.source == other.source && span.start < other.end && other.start < span.end;
        earlier.labels.iter().any(|label| meets(label.span))
    };
    earlier.message == later.message && later.labels.iter().all(|label| covered(label.span))
}

/// The crate that drags `std` in, if that is what the message is about: rustc finds `std`'s panic handler beside the
/// image's own (E0152) and names the crate that depends on it.
fn std_user(message: &Message) -> Option<String> {
    if !message.message.contains("lang item") || !message.message.contains("panic_impl") {
        return None;
    }
    let said = message.children.iter().map(|c| c.message.as_str()).chain(message.rendered.as_deref());
    let named = said.filter_map(|text| {
        let (_, rest) = text.split_once("in crate `std` (which `")?;
        rest.split_once('`').map(|(name, _)| name.to_owned())
    });
    named.into_iter().next()
}

/// What to do about it, by where the crate is asked for and what its features are.
fn needs_std(krate: &str, planned: &Planned) -> Diagnostic {
    let Crates { packages, units, .. } = &planned.crates;
    let fault = |name: &str| {
        let message = format!("the crate `{name}` needs `std`, which this target doesn't have");
        Diagnostic::error(Code::NeedsStd, message)
    };
    if planned.devices.jobs().iter().any(|job| job.entry.split("::").next() == Some(krate)) {
        return fault(krate).help(
            "write `#![no_std]` at the top of its `src/lib.rs`, and use `core` and `alloc` for `std`; or build for `unix`",
        );
    }
    let is_it = |unit: &Unit| unit.mode == Mode::Library && !unit.host && unit.crate_name == krate;
    let Some(at) = units.iter().position(is_it) else {
        return fault(krate).help("use another crate, or build for `unix`");
    };
    let (unit, PackageFacts { name, version, .. }) = (&units[at], &packages[units[at].package].facts);
    let asks =
        |other: &&Unit| other.package != unit.package && other.dependencies.iter().any(|d| d.unit == at);
    let places: BTreeSet<String> = units.iter().filter(asks).map(|by| place(&packages[by.package])).collect();
    let places = places.into_iter().collect::<Vec<_>>().join(", ");
    let on = |feature: &str| unit.features.iter().any(|other| other == feature);
    let help = if on("default") {
        format!(
            "turn its default features off: `{name} = {{ version = \"{version}\", default-features = false }}` in {places}"
        )
    } else if on("std") {
        format!("turn its feature `std` off in {places}")
    } else {
        format!("put another crate in its place in {places}")
    };
    fault(&format!("{name} {version}")).help(format!("{help}; or build for `unix`"))
}

/// The manifest of a package of the user's own, the name of another.
fn place(package: &Package) -> String {
    match &package.origin {
        Origin::Local { tree, .. } => {
            format!("`{}`", shown(&tree.root.join(&package.inside).join("Cargo.toml")))
        }
        Origin::Fixed { .. } => format!("`{} {}`", package.facts.name, package.facts.version),
    }
}
