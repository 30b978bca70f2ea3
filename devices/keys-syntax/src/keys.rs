//! Nodes as keys.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use uk_kdl::{Scalar, in_quotes};

use crate::Error;

/// A node whose places are the bytes that things start at.
type Node<'t> = uk_kdl::Node<'t, usize>;

/// What a key's Rust type depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name as written.
    pub name: String,
    /// Its line, from 1.
    pub line: usize,
    /// Its type.
    pub kind: Type,
    /// Whether booting without a value is an error.
    pub required: bool,
    /// Whether it has a default.
    pub has_default: bool,
}

/// A key's type as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// A type that is only a name: `string`, `u16`, `mac`. Ranges are left out: they don't change the Rust type.
    Named(String),
    /// `enum` with its options.
    Enum(Vec<String>),
    /// `list` of a named type.
    List(String),
}

/// Reads the `key` nodes at the top of a manifest, or of what [`write()`] wrote. Only what the projection needs is
/// checked; the rest is for `uk plan` to find.
pub fn read(text: &str) -> Result<Vec<Key>, Error> {
    let (nodes, faults) = uk_kdl::parse(text, |range| range.start);
    if let Some(fault) = faults.into_iter().min_by_key(|fault| fault.place) {
        let help = fault.help.map(|help| format!(": {help}")).unwrap_or_default();
        return Err(Error { line: line(text, fault.place), message: fault.message + &help });
    }
    nodes.iter().filter(|node| node.name.text == "key").map(|node| key(node, line(text, node.span))).collect()
}

/// The line, from 1, of a byte: ends are counted as compilers and editors count them.
fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

fn key(node: &Node<'_>, line: usize) -> Result<Key, Error> {
    let fail = |message: String| Err(Error { line, message });
    let Some(name) = argument(node) else {
        return fail("a key needs a name: `key port type=u16`".to_string());
    };
    let Some(kind) = text(node, "type") else {
        return fail(format!("key `{name}` needs a type: `key {name} type=string`"));
    };
    let kind = match kind {
        "enum" => {
            let options = node.children.iter().flatten().filter(|child| child.name.text == "option");
            let options: Vec<String> = options.filter_map(argument).map(str::to_string).collect();
            if options.is_empty() {
                return fail(format!("key `{name}` needs options: `key {name} type=enum {{ option one }}`"));
            }
            Type::Enum(options)
        }
        "list" => match text(node, "of") {
            Some(of) => Type::List(of.to_string()),
            None => return fail(format!("key `{name}` needs `of`: `key {name} type=list of=string`")),
        },
        kind => Type::Named(kind.to_string()),
    };
    let flag = |name| matches!(property(node, name), Some(Scalar::Bool(true)));
    Ok(Key {
        name: name.to_string(),
        line,
        kind,
        required: flag("required"),
        has_default: flag("has-default") || property(node, "default").is_some(),
    })
}

fn argument<'a>(node: &'a Node<'_>) -> Option<&'a str> {
    match &node.arguments.first()?.scalar {
        Scalar::String(text) => Some(text),
        _ => None,
    }
}

/// The last property of that name wins, as KDL says.
fn property<'a, 't>(node: &'a Node<'t>, name: &str) -> Option<&'a Scalar<'t>> {
    node.properties.iter().rev().find(|property| property.name.text == name).map(|p| &p.value.scalar)
}

fn text<'a>(node: &'a Node<'_>, name: &str) -> Option<&'a str> {
    match property(node, name)? {
        Scalar::String(text) => Some(text),
        _ => None,
    }
}

/// Writes keys as a text that [`read`] reads back (but for the line numbers): the projection of a manifest.
pub fn write(keys: &[Key]) -> String {
    let mut out = String::new();
    for key in keys {
        let (name, of) = match &key.kind {
            Type::Named(name) => (name.as_str(), None),
            Type::Enum(_) => ("enum", None),
            Type::List(of) => ("list", Some(of)),
        };
        // Writing to a `String` can't fail.
        let _ = write!(out, "key {} type={}", in_quotes(&key.name), in_quotes(name));
        if let Some(of) = of {
            let _ = write!(out, " of={}", in_quotes(of));
        }
        out.push_str(if key.required { " required=#true" } else { "" });
        out.push_str(if key.has_default { " has-default=#true" } else { "" });
        if let Type::Enum(options) = &key.kind {
            out.push_str(" {\n");
            for option in options {
                let _ = writeln!(out, "    option {}", in_quotes(option));
            }
            out.push('}');
        }
        out.push('\n');
    }
    out
}
