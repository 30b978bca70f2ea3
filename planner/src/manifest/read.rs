//! Nodes to a manifest. Every fault is told; what is well-formed is kept.

use std::borrow::Cow;
use std::collections::{HashMap, hash_map};

use uk_diagnostic::{Code, Diagnostic, SourceId, Span};

use super::device::{device, job};
use super::{Device, Hook, Job, LANGUAGE, Manifest, Unikernel, Workspace};
use crate::hooks::Hooks;
use crate::key::Key;
use crate::names;
use crate::paths;
use crate::read::{Name, Reader, duplicate, unknown_node};
use crate::syntax::{Node, Scalar, quote};

const NODES: &[&str] = &["unikernel", "workspace", "language", "key", "device", "job", "hook", "include"];

pub(super) fn manifest(source: SourceId, nodes: &[Node<'_>]) -> (Option<Manifest>, Vec<Diagnostic>) {
    let (manifest, mut faults) = read(source, nodes);
    match newer_alone(&mut faults, 0) {
        true => (None, faults),
        false => (manifest, faults),
    }
}

/// When a fault from the index `from` on says that the text is for a later `uk`, drops the others: what this one doesn't
/// know may be right there. Returns whether there was one.
pub(crate) fn newer_alone(faults: &mut Vec<Diagnostic>, from: usize) -> bool {
    let is_newer = |fault: &Diagnostic| fault.code == Code::NewerLanguage;
    let newer = faults[from..].iter().any(is_newer);
    if newer {
        let own = faults.split_off(from);
        faults.extend(own.into_iter().filter(is_newer));
    }
    newer
}

fn read(source: SourceId, nodes: &[Node<'_>]) -> (Option<Manifest>, Vec<Diagnostic>) {
    let mut faults = Vec::new();
    let mut heads: Vec<&Node<'_>> = Vec::new();
    let mut parts = Parts::default();
    let mut name = None;
    let mut workspace = None;
    for node in nodes {
        match &*node.name.text {
            "unikernel" => {
                heads.push(node);
                name = name.or(unikernel(node, &mut faults));
            }
            "workspace" => {
                heads.push(node);
                workspace = workspace.or_else(|| Some(read_workspace(node, &mut faults)));
            }
            _ => parts.add(node, &mut faults),
        }
    }
    for second in heads.iter().skip(1) {
        let first = heads[0];
        let message = match (&*first.name.text, &*second.name.text) {
            ("unikernel", "unikernel") => "a manifest describes one unikernel, and this is a second",
            ("workspace", "workspace") => "a manifest has one workspace, and this is a second",
            _ => "a manifest describes a unikernel or a workspace, not both",
        };
        let help = "put each unikernel's manifest into a folder of its own, and name the folders in a workspace: \
                    `workspace { member \"examples/*\" }`";
        faults.push(
            Diagnostic::error(Code::DuplicateNode, message)
                .label(second.span, "the second")
                .label(first.span, "the first")
                .help(help),
        );
    }
    parts.check_names(&mut faults);
    let Some(head) = heads.first() else {
        let span = nodes.first().map_or(Span::new(source, 0..0), |n| n.name.span);
        faults.push(
            Diagnostic::error(Code::MissingValue, "a manifest must say what it describes")
                .label(span, "nothing does")
                .help("start with `unikernel NAME`; a list of folders with manifests is `workspace { member FOLDER }`"),
        );
        return (None, sorted(faults));
    };
    if let Some(workspace) = workspace.filter(|_| &*head.name.text == "workspace") {
        if let Some(span) = parts.first_span {
            let message = "a workspace has no keys, devices, jobs or hooks of its own";
            let help = "move this into the manifest of a unikernel";
            faults.push(Diagnostic::error(Code::UnexpectedValue, message).label(span, "here").help(help));
        }
        return (Some(Manifest::Workspace(workspace)), sorted(faults));
    }
    if parts.jobs.is_empty() && !parts.job_seen {
        faults.push(
            Diagnostic::error(Code::MissingValue, "a unikernel without a job does nothing")
                .label(head.span, "this one has none")
                .help("add `job main entry=\"crate::function\" { ... }`"),
        );
    }
    let (hooks, more) = Hooks::new(parts.hooks);
    faults.extend(more);
    let manifest = name.map(|name| {
        Manifest::Unikernel(Unikernel {
            name,
            keys: parts.keys,
            devices: parts.devices,
            jobs: parts.jobs,
            hooks,
            includes: parts.includes,
            broken: parts.broken,
            incomplete: !faults.is_empty(),
            span: head.span,
        })
    });
    (manifest, sorted(faults))
}

fn sorted(mut faults: Vec<Diagnostic>) -> Vec<Diagnostic> {
    uk_diagnostic::sort(&mut faults);
    faults
}

fn unikernel(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Name> {
    let mut reader = Reader::new(node, "unikernel NAME", faults);
    let name = reader.name("the name of a unikernel");
    if reader.node.children.is_some() {
        let message = "`unikernel` has no block";
        let help = "end the line after the name, and write `job`, `device` and `key` as lines of their own";
        reader.fault_help(Code::UnexpectedValue, message, node.span, "the block after this", help);
    }
    reader.done_with_properties();
    name
}

fn read_workspace(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Workspace {
    let mut reader = Reader::new(node, "workspace { member \"examples/*\" }", faults);
    let mut members = Vec::new();
    if reader.children().is_empty() {
        reader.fault(Code::MissingValue, "a workspace needs members", node.span, "it has none");
    }
    for child in reader.children() {
        if child.name.text == "member" {
            members.extend(texts(child, "member \"examples/*\"", "a folder", reader.faults));
        } else {
            reader.unknown_child(child, &["member"]);
        }
    }
    reader.done_with_properties();
    Workspace { members, span: node.span }
}

/// A node whose arguments are one or more texts.
fn texts(node: &Node<'_>, usage: &'static str, what: &str, faults: &mut Vec<Diagnostic>) -> Vec<Name> {
    let mut reader = Reader::new(node, usage, faults);
    let mut texts: Vec<Name> = reader.text(what).into_iter().collect();
    while let Some(value) = reader.optional_argument() {
        texts.extend(reader.as_text(value, what));
    }
    reader.no_children();
    reader.done_with_properties();
    texts
}

/// A glob in its one form, if it stays in the project. A `!` before it takes files out again. A name alone fits in every folder;
/// one that was written as a path keeps a `./`.
fn include(glob: Name, faults: &mut Vec<Diagnostic>) -> Option<Name> {
    let (mark, path) = glob.text.strip_prefix('!').map_or(("", &*glob.text), |path| ("!", path));
    let in_top = |name: &str| format!("{mark}./{name}");
    if let Some(fault) = paths::outside(path, glob.span) {
        faults.push(match path.strip_prefix('/').filter(|name| !name.is_empty() && !name.contains('/')) {
            Some(name) => fault.help(format!("beside the manifest it is `{}`", quote(&in_top(name)))),
            None => fault,
        });
        return None;
    }
    let normal = paths::normal(path);
    let is_name = normal.is_empty() || normal.contains('/') || !path.trim_end_matches('/').contains('/');
    let text = if is_name { format!("{mark}{normal}") } else { in_top(&normal) };
    Some(Name { text, span: glob.span })
}

/// What a unikernel consists of, as it is found.
#[derive(Default)]
struct Parts {
    keys: Vec<Key>,
    devices: Vec<Device>,
    jobs: Vec<Job>,
    job_seen: bool,
    hooks: Vec<Hook>,
    includes: Vec<Name>,
    broken: Vec<Name>,
    first_span: Option<Span>,
}

impl Parts {
    fn add(&mut self, node: &Node<'_>, faults: &mut Vec<Diagnostic>) {
        let what = &*node.name.text;
        if what != "language" && NODES.contains(&what) {
            self.first_span.get_or_insert(node.span);
        }
        match what {
            "language" => language(node, "install a newer `uk`", faults),
            "key" => match Key::read(node, faults) {
                Some(key) => self.keys.push(key),
                None => self.broken.extend(argument_name(node)),
            },
            "device" => match device(node, faults) {
                Some(device) => self.devices.push(device),
                None => self.broken.extend(argument_name(node)),
            },
            "job" => {
                self.job_seen = true;
                self.jobs.extend(job(node, faults));
            }
            "hook" => self.hooks.extend(Hook::read(node, faults)),
            "include" => {
                let globs = texts(node, "include \"assets/**\"", "a path", faults);
                self.includes.extend(globs.into_iter().filter_map(|glob| include(glob, faults)));
            }
            _ => unknown_node(node, "in a manifest", NODES, faults),
        }
    }

    /// Names that stand twice: the first stays.
    fn check_names(&mut self, faults: &mut Vec<Diagnostic>) {
        unique("keys", &mut self.keys, |key| &key.name, faults);
        unique("devices", &mut self.devices, |device| &device.name, faults);
        unique("jobs", &mut self.jobs, |job| &job.name, faults);
        unique("hooks", &mut self.hooks, |hook| &hook.name, faults);
    }
}

fn unique<T>(what: &str, items: &mut Vec<T>, name: impl Fn(&T) -> &Name, faults: &mut Vec<Diagnostic>) {
    let mut first: HashMap<Cow<'_, str>, &Name> = HashMap::with_capacity(items.len());
    let mut again = vec![false; items.len()];
    for (item, again) in items.iter().map(&name).zip(&mut again) {
        match first.entry(names::canonical(&item.text)) {
            hash_map::Entry::Vacant(place) => {
                place.insert(item);
            }
            hash_map::Entry::Occupied(first) => {
                faults.push(duplicate(what, first.get(), item));
                *again = true;
            }
        }
    }
    if again.contains(&true) {
        let mut again = again.into_iter();
        items.retain(|_| again.next() == Some(false));
    }
}

/// The name that a broken declaration would have had.
fn argument_name(node: &Node<'_>) -> Option<Name> {
    let value = node.arguments.first()?;
    match &value.scalar {
        Scalar::String(text) => Some(Name { text: text.clone().into_owned(), span: value.span }),
        _ => None,
    }
}

/// `language N`: what is written for a later language isn't read by guesswork.
/// `help` says what to do about it.
pub(crate) fn language(node: &Node<'_>, help: &str, faults: &mut Vec<Diagnostic>) {
    let mut reader = Reader::new(node, "language 1", faults);
    if let Some(value) = reader.argument("a version") {
        match value.scalar {
            Scalar::Integer(version) if (1..=i128::from(LANGUAGE)).contains(&version) => {}
            Scalar::Integer(version) if version > i128::from(LANGUAGE) => {
                let message =
                    format!("this is written in language {version}, and this `uk` knows {LANGUAGE}");
                reader.fault_help(Code::NewerLanguage, message, value.span, "here", help);
            }
            _ => {
                let message = "the version of the language is a whole number from 1";
                reader.fault(Code::WrongType, message, value.span, "here");
            }
        }
    }
    reader.no_children();
    reader.done_with_properties();
}
