//! Nodes as keys.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use crate::{Entry, Error, Node, Value, parse};

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
    parse(text)?.iter().filter(|node| node.name == "key").map(key).collect()
}

fn key(node: &Node) -> Result<Key, Error> {
    let fail = |message: String| Err(Error { line: node.line, message });
    let Some(name) = argument(node) else {
        return fail("a key needs a name: `key port type=u16`".to_string());
    };
    let Some(Value::String(kind)) = property(node, "type") else {
        return fail(format!("key `{name}` needs a type: `key {name} type=string`"));
    };
    let kind = match kind.as_str() {
        "enum" => {
            let options = node.children.iter().filter(|child| child.name == "option");
            let options: Vec<String> = options.filter_map(argument).map(str::to_string).collect();
            if options.is_empty() {
                return fail(format!("key `{name}` needs options: `key {name} type=enum {{ option one }}`"));
            }
            Type::Enum(options)
        }
        "list" => match property(node, "of") {
            Some(Value::String(of)) => Type::List(of.clone()),
            _ => return fail(format!("key `{name}` needs `of`: `key {name} type=list of=string`")),
        },
        kind => Type::Named(kind.to_string()),
    };
    let flag = |name| matches!(property(node, name), Some(Value::Bool(true)));
    Ok(Key {
        name: name.to_string(),
        line: node.line,
        kind,
        required: flag("required"),
        has_default: flag("has-default") || property(node, "default").is_some(),
    })
}

fn argument(node: &Node) -> Option<&str> {
    node.entries.iter().find(|entry| entry.name.is_none()).and_then(|entry| match &entry.value {
        Value::String(text) => Some(text.as_str()),
        _ => None,
    })
}

/// The last property of that name wins, as KDL says.
fn property<'a>(node: &'a Node, name: &str) -> Option<&'a Value> {
    node.entries
        .iter()
        .rev()
        .find(|Entry { name: is, .. }| is.as_deref() == Some(name))
        .map(|entry| &entry.value)
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
        let _ = write!(out, "key {} type={}", quoted(&key.name), quoted(name));
        if let Some(of) = of {
            let _ = write!(out, " of={}", quoted(of));
        }
        out.push_str(if key.required { " required=#true" } else { "" });
        out.push_str(if key.has_default { " has-default=#true" } else { "" });
        if let Type::Enum(options) = &key.kind {
            out.push_str(" {\n");
            for option in options {
                let _ = writeln!(out, "    option {}", quoted(option));
            }
            out.push('}');
        }
        out.push('\n');
    }
    out
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ' => out.push(c),
            c => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}
