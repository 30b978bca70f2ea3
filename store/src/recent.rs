//! The keys and outputs of the last build of the same roots, in one file, in the graph's order.
//!
//! Opening a record costs microseconds; a build that has nothing to do would open thousands. Records are facts, so this
//! copy of some of them can be old but not wrong: an entry counts only for the very key that was computed, or all of them
//! when everything that the keys stand for is as it was. Any build may replace the file, and losing it costs time only.
//!
//! Format: a 16-byte magic, the digest of what the keys stand for, entries, and the digest of all that. An entry is the
//! key, a `u32` of outputs, and of each the digest, the size as `u64`, and a byte that is 1 for a program; integers
//! little-endian.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uk_action::{ActionId, Digest, Encode, Graph, Hash, Produced, Sink, Source};

use crate::layout::Store;
use crate::status::{digests_of, meaning, producers};
use crate::{Report, StoreError};

const MAGIC: &[u8; 16] = b"uk-recent 2\n\0\0\0\0";

pub(crate) type Outputs = Arc<[Produced]>;

/// What the file says, and where the reader is.
pub(crate) struct Recent {
    meaning: Option<Digest>,
    entries: Vec<(Digest, Outputs)>,
    next: usize,
    by_key: Option<HashMap<Digest, usize>>,
}

impl Recent {
    pub(crate) fn load(store: &Store, graph: &Graph, roots: &[ActionId]) -> Self {
        let said = fs::read(path(store, graph, roots)).ok().and_then(|bytes| parse(&bytes));
        let (meaning, entries) = said.unzip();
        Self { meaning, entries: entries.unwrap_or_default(), next: 0, by_key: None }
    }

    /// The outputs of `key`. Fast when keys are asked for in the order in which they were written.
    pub(crate) fn outputs(&mut self, key: &Digest) -> Option<Outputs> {
        if self.entries.is_empty() {
            return None;
        }
        if self.entries.get(self.next).is_none_or(|(at, _)| at != key) {
            let by_key = self.by_key.get_or_insert_with(|| {
                self.entries.iter().enumerate().map(|(place, (key, _))| (*key, place)).collect()
            });
            self.next = *by_key.get(key)?;
        }
        self.next += 1;
        Some(Arc::clone(&self.entries[self.next - 1].1))
    }

    /// All keys and outputs, as they were written.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &(Digest, Outputs)> {
        self.entries.iter()
    }

    /// Whether this is what the keys stand for.
    pub(crate) fn means(&self, meaning: Digest) -> bool {
        self.meaning == Some(meaning)
    }

    /// Whether these are the entries, in this order: keys with outputs.
    pub(crate) fn is<'e>(&'e self, entries: impl Iterator<Item = (&'e Digest, &'e Outputs)>) -> bool {
        entries.eq(self.entries.iter().map(|(key, outputs)| (key, outputs)))
    }
}

/// Writes what `report` knows for the next build. Public for benchmarks, which can't build graphs of a million actions.
///
/// # Errors
/// When the store can't be written.
pub fn save(store: &Store, graph: &Graph, roots: &[ActionId], report: &Report) -> Result<(), StoreError> {
    let place = path(store, graph, roots);
    let made = |id: ActionId| report.outputs[id.index()].as_deref();
    let mut digests = Vec::new();
    let mut bytes = Vec::with_capacity(96 + graph.len() * 80);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(meaning(graph, store.class(), made).as_bytes());
    for ((id, action), key) in graph.iter().zip(&report.keys) {
        let (Some(key), Some(outputs)) = (key, made(id)) else { continue };
        // What was there before something came out otherwise still has its old key: the next build has to look.
        if !digests_of(action, made, &mut digests) || action.key(&digests, store.class()) != *key {
            let _ = fs::remove_file(&place);
            return Ok(());
        }
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(&(outputs.len() as u32).to_le_bytes());
        for Produced { digest, size, executable } in outputs {
            bytes.extend_from_slice(digest.as_bytes());
            bytes.extend_from_slice(&size.to_le_bytes());
            bytes.push(u8::from(*executable));
        }
    }
    let check = Digest::of(&bytes);
    bytes.extend_from_slice(check.as_bytes());
    store.place_bytes(&bytes, &place)
}

/// The keys in such a file; `None` for one that is damaged.
pub(crate) fn keys(path: &Path) -> Option<Vec<Digest>> {
    let (_, entries) = parse(&fs::read(path).ok()?)?;
    Some(entries.into_iter().map(|(key, _)| key).collect())
}

fn path(store: &Store, graph: &Graph, roots: &[ActionId]) -> PathBuf {
    store.root().join("recent").join(name(graph, roots))
}

/// The last build's name: what people call the roots, and the folder of the sources that were used last, which is the
/// application's: stable while sources and keys change.
pub(crate) fn name(graph: &Graph, roots: &[ActionId]) -> String {
    struct Roots<'a>(&'a Graph, &'a [ActionId]);
    impl Encode for Roots<'_> {
        fn encode<S: Sink>(&self, sink: &mut S) {
            sink.record("uk-recent", 2);
            // What another root needs goes without saying: a build names more roots than a plan, which takes all that no
            // node needs.
            let needed: HashSet<ActionId> = self.1.iter().flat_map(|id| producers(self.0.get(*id))).collect();
            // In the graph's order, whatever order they were asked for in.
            let asked: BTreeSet<ActionId> =
                self.1.iter().filter(|root| !needed.contains(root)).copied().collect();
            for root in asked {
                let action = self.0.get(root);
                sink.text("kind", action.kind.name());
                sink.text("label", &action.label);
            }
            let local =
                self.0.iter().rev().flat_map(|(_, action)| &action.inputs).find_map(|i| match &i.source {
                    Source::Local(tree) => Some(&tree.root),
                    Source::Output { .. } | Source::Fixed(_) => None,
                });
            sink.bytes("folder", local.map_or(b"", |root| root.as_os_str().as_encoded_bytes()));
        }
    }
    Hash::of(&Roots(graph, roots)).short()
}

fn parse(bytes: &[u8]) -> Option<(Digest, Vec<(Digest, Outputs)>)> {
    let (body, check) = bytes.split_last_chunk::<32>()?;
    if Digest::of(body) != Digest::from_bytes(*check) {
        return None;
    }
    let mut rest = body.strip_prefix(MAGIC)?;
    let meaning = Digest::from_bytes(*take(&mut rest)?);
    let mut entries = Vec::with_capacity(rest.len() / 77);
    while !rest.is_empty() {
        let key = Digest::from_bytes(*take(&mut rest)?);
        let count = u32::from_le_bytes(*take(&mut rest)?);
        let outputs = (0..count).map(|_| {
            let digest = Digest::from_bytes(*take(&mut rest)?);
            let size = u64::from_le_bytes(*take(&mut rest)?);
            let [executable] = *take::<1>(&mut rest)?;
            Some(Produced { digest, size, executable: executable == 1 })
        });
        entries.push((key, outputs.collect::<Option<_>>()?));
    }
    Some((meaning, entries))
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(head)
}
