//! The last build of the same roots: what each node's key was, and why it has it.
//!
//! A hint in a text file, named as that of [`crate::recent`] and written only by builds that did something. Format: a first
//! line, a line a node, and the digest of all that. A node's line is its kind, its key, the number of the build in which
//! it last changed or ran, how that was (`ran`, `known`, `again`), its key before (`-` without one), its label, and
//! its label before.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use uk_action::{Action, ActionId, Command, Digest, Graph};

use super::kept::unquote;
use crate::layout::Store;
use crate::status::Node;
use crate::{StoreError, checked, recent};

/// How a node came to have its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// It ran.
    Ran,
    /// What it makes was known already.
    Known,
    /// It had this key before and ran once more, since what it made was gone.
    Again,
}

impl How {
    const ALL: [(How, &str); 3] = [(How::Ran, "ran"), (How::Known, "known"), (How::Again, "again")];
}

/// A node of the last build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub kind: String,
    pub label: String,
    pub key: Digest,
    pub build: u64,
    pub how: How,
    /// Its key and label before `build`.
    pub before: Option<(Digest, String)>,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Last {
    pub build: u64,
    pub entries: Vec<Entry>,
}

impl Last {
    pub(super) fn load(store: &Store, graph: &Graph, roots: &[ActionId]) -> Self {
        fs::read_to_string(path(store, graph, roots)).ok().and_then(|text| parse(&text)).unwrap_or_default()
    }

    /// For each node of the graph its entry: the one of that name, best with the same key; else the one of that name with
    /// another version.
    pub(super) fn pair(&self, graph: &Graph, keys: &[Option<Digest>]) -> Vec<Option<usize>> {
        let mut pairs = vec![None; graph.len()];
        let mut taken = vec![false; self.entries.len()];
        let exact = |kind: &str, label: &str| format!("{kind} {label}");
        for (names, by_key) in
            [(&exact as &dyn Fn(&str, &str) -> String, true), (&exact, false), (&versionless, false)]
        {
            let mut free: HashMap<(String, Option<Digest>), Vec<usize>> = HashMap::new();
            for (place, entry) in self.entries.iter().enumerate().rev().filter(|(place, _)| !taken[*place]) {
                let name = (names(&entry.kind, &entry.label), by_key.then_some(entry.key));
                free.entry(name).or_default().push(place);
            }
            for (id, action) in graph.iter().filter(|(id, _)| pairs[id.index()].is_none()).collect::<Vec<_>>()
            {
                let key = keys[id.index()].filter(|_| by_key);
                if by_key && key.is_none() {
                    continue;
                }
                let name = (names(action.kind.name(), &action.label), key);
                if let Some(place) = free.get_mut(&name).and_then(Vec::pop) {
                    pairs[id.index()] = Some(place);
                    taken[place] = true;
                }
            }
        }
        pairs
    }
}

/// A label without what looks like a version.
fn versionless(kind: &str, label: &str) -> String {
    let words = label.split(' ').filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
    std::iter::once(kind).chain(words).collect::<Vec<_>>().join(" ")
}

/// A node's key; that of one that doesn't run is what it makes.
pub(super) fn key_of(action: &Action, node: &Node) -> Option<Digest> {
    match &action.command {
        Command::Given { .. } | Command::Write(_) => Some(node.outputs.as_ref()?[0].digest),
        Command::Run { .. } | Command::Builtin { .. } => node.key,
    }
}

/// Writes what a build came to: of the nodes that are known now; the others are as they were.
pub(crate) fn save(
    store: &Store,
    graph: &Graph,
    roots: &[ActionId],
    nodes: &[Node],
    ran: &[ActionId],
) -> Result<(), StoreError> {
    let last = Last::load(store, graph, roots);
    let build = last.build + 1;
    let keys: Vec<Option<Digest>> = graph.iter().map(|(id, a)| key_of(a, &nodes[id.index()])).collect();
    let pairs = last.pair(graph, &keys);
    let mut text = format!("uk-last 1 {build}\n");
    let mut executed = vec![false; graph.len()];
    ran.iter().for_each(|id| executed[id.index()] = true);
    for (id, action) in graph.iter() {
        let place = id.index();
        let old = pairs[place].map(|place| &last.entries[place]);
        let key = keys[place].filter(|_| nodes[place].outputs.is_some());
        let entry = match (key, old) {
            (None, None) => continue,
            (None, Some(old)) => old.clone(),
            (Some(key), Some(old)) if old.key == key && !executed[place] => old.clone(),
            (Some(key), old) => Entry {
                kind: action.kind.name().to_owned(),
                label: action.label.clone(),
                key,
                build,
                how: match old {
                    _ if !executed[place] => How::Known,
                    Some(old) if old.key == key => How::Again,
                    _ => How::Ran,
                },
                before: old.filter(|old| old.key != key).map(|old| (old.key, old.label.clone())),
            },
        };
        line(&mut text, &entry);
    }
    let text = checked::with_digest(text);
    store.place_bytes(text.as_bytes(), &path(store, graph, roots))
}

/// What people call the nodes of these keys, as far as any last build tells.
pub(crate) fn names(store: &Store, keys: &BTreeSet<Digest>) -> HashMap<Digest, String> {
    let files = fs::read_dir(store.root().join("last")).into_iter().flatten().flatten();
    let all = files.filter_map(|file| parse(&fs::read_to_string(file.path()).ok()?));
    let entries = all.flat_map(|last| last.entries).filter(|entry| keys.contains(&entry.key));
    entries.map(|entry| (entry.key, format!("{} {}", entry.kind, entry.label))).collect()
}

/// Whether a file is what `save` writes.
pub(crate) fn is_sound(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| parse(&text).is_some())
}

fn path(store: &Store, graph: &Graph, roots: &[ActionId]) -> PathBuf {
    store.root().join("last").join(recent::name(graph, roots))
}

fn line(text: &mut String, entry: &Entry) {
    let Entry { kind, label, key, build, how, before } = entry;
    let how = How::ALL.iter().find(|(each, _)| each == how).map_or("", |(_, word)| word);
    // Writing to a String can't fail.
    let _ = match before {
        None => writeln!(text, "{kind} {key} {build} {how} -\t{label:?}\t{label:?}"),
        Some((before, was)) => writeln!(text, "{kind} {key} {build} {how} {before}\t{label:?}\t{was:?}"),
    };
}

fn parse(text: &str) -> Option<Last> {
    let mut lines = checked::body(text)?.lines();
    let build = lines.next()?.strip_prefix("uk-last 1 ")?.parse().ok()?;
    let entries = lines.map(|line| {
        let mut columns = line.split('\t');
        let mut words = columns.next()?.split(' ');
        let kind = words.next()?.to_owned();
        let key = words.next()?.parse().ok()?;
        let build = words.next()?.parse().ok()?;
        let word = words.next()?;
        let how = How::ALL.iter().find(|(_, each)| *each == word)?.0;
        let before = words.next()?.parse().ok();
        let label = unquote(columns.next()?)?;
        let was = unquote(columns.next()?)?;
        Some(Entry { kind, label, key, build, how, before: before.map(|key| (key, was)) })
    });
    Some(Last { build, entries: entries.collect::<Option<_>>()? })
}
