//! Explanations: what a key stands for, kept beside its record.
//!
//! The text that [`Explain`] makes of the very encoding that is hashed, so it can't disagree with the key; then, for each
//! input in order, where it came from; then the digest of all that. Losing one costs an explanation only.
//!
//! ```text
//! uk-why 1
//! uk-action v1
//! kind compile
//! ...
//! from compile "uk-device 0.1.0"     (an output of another action)
//! from fixed                         (files that never change under their identity)
//! from files (2)                     (the user's files, as they were)
//! "Cargo.toml" file DIGEST
//! "src/lib.rs" file DIGEST
//! check DIGEST
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use uk_action::{Action, Class, Digest, EntryKind, Explain, Graph, LocalTree, Source};

use crate::layout::Store;
use crate::{StoreError, checked};

/// What an action was, or is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Explained {
    /// Everything else: `kind`, `cwd`, `class` and so on, in order; a list's values in one text.
    pub fields: Vec<(String, String)>,
    /// Arguments, with paths in the sandbox as they are there.
    pub args: Vec<String>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    pub inputs: Vec<ExplainedInput>,
    /// Paths in the sandbox.
    pub outputs: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExplainedInput {
    /// Path in the sandbox.
    pub path: String,
    /// `None` while it isn't known.
    pub digest: Option<Digest>,
    pub from: From,
}

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum From {
    Node {
        kind: String,
        label: String,
    },
    Fixed,
    /// Each file, and what it is.
    Files(BTreeMap<String, String>),
}

impl Explained {
    /// Of an action of `graph` some of whose inputs may not be known yet.
    pub(super) fn of(
        graph: &Graph,
        action: &Action,
        inputs: &[Option<Digest>],
        class: Class,
    ) -> Option<Self> {
        let unknown = Digest::from_bytes([0; 32]);
        let digests: Vec<Digest> = inputs.iter().map(|digest| digest.unwrap_or(unknown)).collect();
        let mut explained = parse(&text(graph, action, &digests, class))?;
        explained.inputs.iter_mut().zip(inputs).for_each(|(input, digest)| input.digest = *digest);
        Some(explained)
    }

    /// What was kept for `key`.
    pub(super) fn load(store: &Store, key: Digest) -> Option<Self> {
        let text = fs::read_to_string(store.why_path(key)).ok()?;
        parse(checked::body(&text)?)
    }
}

/// Whether a file is what [`keep`] writes.
pub(crate) fn is_whole(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| checked::body(&text).and_then(parse).is_some())
}

/// Keeps the explanation of `key`.
pub(crate) fn keep(
    store: &Store,
    graph: &Graph,
    action: &Action,
    inputs: &[Digest],
    class: Class,
    key: Digest,
) -> Result<(), StoreError> {
    let text = checked::with_digest(text(graph, action, inputs, class));
    store.place_bytes(text.as_bytes(), &store.why_path(key))
}

fn text(graph: &Graph, action: &Action, inputs: &[Digest], class: Class) -> String {
    let mut text = format!("uk-why 1\n{}", Explain::of(&action.resolved(inputs, class)));
    for input in &action.inputs {
        // Writing to a String can't fail.
        let _ = match &input.source {
            Source::Output { action, .. } => {
                let from = graph.get(*action);
                writeln!(text, "from {} {:?}", from.kind.name(), from.label)
            }
            Source::Fixed(_) => writeln!(text, "from fixed"),
            Source::Local(tree) => files(&mut text, tree),
        };
    }
    text
}

fn files(text: &mut String, local: &LocalTree) -> std::fmt::Result {
    writeln!(text, "from files ({})", local.tree.entries().len())?;
    for entry in local.tree.entries() {
        match &entry.kind {
            EntryKind::File { digest, executable } => {
                let word = if *executable { "program" } else { "file" };
                writeln!(text, "{:?} {word} {digest}", entry.path)?;
            }
            EntryKind::Link { target } => writeln!(text, "{:?} link {target:?}", entry.path)?,
        }
    }
    Ok(())
}

fn parse(text: &str) -> Option<Explained> {
    let mut lines = Lines(text.lines().peekable());
    (lines.field("uk-why")? == "1").then_some(())?;
    let mut read = Explained {
        fields: Vec::new(),
        args: Vec::new(),
        env: BTreeMap::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    while let Some((name, value)) = lines.next() {
        match name {
            "argv" => {
                for _ in 0..count(value)? {
                    read.args.push(lines.arg()?);
                }
            }
            "env" => {
                for _ in 0..count(value)? {
                    let name = unquote(lines.field("name")?)?;
                    read.env.insert(name, lines.arg()?);
                }
            }
            "inputs" => {
                for _ in 0..count(value)? {
                    let path = unquote(lines.field("path")?)?;
                    let digest = Some(lines.field("digest")?.parse().ok()?);
                    read.inputs.push(ExplainedInput { path, digest, from: From::Fixed });
                }
            }
            "outputs" => {
                for _ in 0..count(value)? {
                    read.outputs.push(unquote(lines.field("path")?)?);
                    let kind = lines.field("kind")?;
                    read.fields.push((format!("output {}", read.outputs.len()), kind.to_owned()));
                }
                break;
            }
            name => match read.fields.iter_mut().find(|(other, _)| other == name) {
                Some((_, known)) => *known = format!("{known} {value}"),
                None => read.fields.push((name.to_owned(), value.to_owned())),
            },
        }
    }
    for input in &mut read.inputs {
        input.from = lines.from()?;
    }
    Some(read)
}

struct Lines<'a>(std::iter::Peekable<std::str::Lines<'a>>);

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        self.0.next()?.split_once(' ')
    }

    fn field(&mut self, name: &str) -> Option<&'a str> {
        self.next().filter(|(found, _)| *found == name).map(|(_, value)| value)
    }

    fn arg(&mut self) -> Option<String> {
        match self.field("arg")? {
            "text" => unquote(self.field("text")?),
            _ => {
                let parts = ["before", "path", "after"].map(|name| self.field(name).and_then(unquote));
                parts.into_iter().collect::<Option<String>>()
            }
        }
    }

    fn from(&mut self) -> Option<From> {
        match self.field("from")?.split_once(' ') {
            None => Some(From::Fixed),
            Some(("files", number)) => {
                let mut files = BTreeMap::new();
                for _ in 0..count(number)? {
                    let line = self.0.next()?;
                    let end = line
                        .rfind("\" file ")
                        .or_else(|| line.rfind("\" program "))
                        .or(line.find("\" link "));
                    let (path, what) = line.split_at(end? + 1);
                    files.insert(unquote(path)?, what.trim_start().to_owned());
                }
                Some(From::Files(files))
            }
            Some((kind, label)) => Some(From::Node { kind: kind.to_owned(), label: unquote(label)? }),
        }
    }
}

/// `(3)`
fn count(text: &str) -> Option<usize> {
    text.strip_prefix('(')?.strip_suffix(')')?.parse().ok()
}

/// The text that `{:?}` shows so.
pub(super) fn unquote(text: &str) -> Option<String> {
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match chars.next()? {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '0' => '\0',
            'u' => {
                let number: String = chars.by_ref().skip(1).take_while(|c| *c != '}').collect();
                char::from_u32(u32::from_str_radix(&number, 16).ok()?)?
            }
            other => other,
        });
    }
    Some(out)
}
