//! The text of `--help`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::args::takes_words;
use crate::{Filter, Key, Kind, Stage};

/// The column at which the second column starts at the latest; what is longer puts it on the next line.
const WIDEST: usize = 30;
const SPACES: &str = "                                ";

/// The text of `--help` for a program with these keys.
pub fn help(program: &str, table: &[Key<'_>]) -> String {
    let keys: Vec<(String, String)> = table.iter().map(row).collect();
    let logs = ["What is logged: ", Filter::EXPECTED, " (default: info)"].concat();
    let options = [("-l, --logs=LEVELS", logs.as_str()), ("--help", "Print this help.")];
    let lengths = keys.iter().map(|(left, _)| left.len()).filter(|length| *length <= WIDEST);
    let width = lengths.fold(options[0].0.len(), usize::max);

    let words = if table.iter().any(takes_words) { " [--] [WORD]..." } else { "" };
    let mut out = ["usage: ", program, " [--KEY=VALUE]... [--logs=LEVELS]", words, "\n"].concat();
    if !keys.is_empty() {
        out.push_str("\nkeys:\n");
    }
    for (left, right) in &keys {
        line(&mut out, left, right, width);
    }
    out.push_str("\noptions:\n");
    for (left, right) in options {
        line(&mut out, left, right, width);
    }
    out
}

fn line(out: &mut String, left: &str, right: &str, width: usize) {
    let (end, column) = if left.len() > width { ("\n  ", 0) } else { ("", left.len()) };
    // Not `[..]`: the panic of a wrong index into a text costs an image 6 KB.
    let gap = SPACES.get(..width + 2 - column).unwrap_or_default();
    out.extend(["  ", left, end, gap, right, "\n"]);
}

fn row(key: &Key<'_>) -> (String, String) {
    let mut left = format!("--{}=", key.name);
    match key.kind {
        Kind::Enum(options) => {
            for (i, option) in options.iter().enumerate() {
                left.push_str(if i == 0 { "" } else { "|" });
                left.push_str(option);
            }
        }
        Kind::List(of) => {
            left.push_str(word(of));
            left.push_str(",...");
        }
        kind => left.push_str(word(&kind)),
    }
    let mut right = key.doc.to_string();
    let mut note = |before: &str, value: &str| {
        right.push_str(if right.is_empty() { "(" } else { " (" });
        right.push_str(before);
        right.push_str(value);
        right.push(')');
    };
    if let Kind::Int { min, max } = key.kind
        && word(&key.kind) == "INTEGER"
    {
        note("", &format!("{min} to {max}"));
    }
    match key.default {
        _ if key.required && key.default.is_none() => note("required", ""),
        Some(_) if key.secret => note("secret", ""),
        Some(default) if key.stage == Stage::Build => note("fixed in the image: ", default),
        Some("") => note("default: empty", ""),
        Some(default) => note("default: ", default),
        None => note("no default", ""),
    }
    (left, right)
}

fn word(kind: &Kind<'_>) -> &'static str {
    match *kind {
        Kind::Str => "STRING",
        Kind::Bool => "BOOL",
        Kind::U8 => "U8",
        Kind::U16 => "U16",
        Kind::U32 => "U32",
        Kind::U64 => "U64",
        Kind::I8 => "I8",
        Kind::I16 => "I16",
        Kind::I32 => "I32",
        Kind::I64 => "I64",
        Kind::Int { .. } => "INTEGER",
        Kind::Enum(_) => "WORD",
        Kind::Duration => "DURATION",
        Kind::Size => "SIZE",
        Kind::Ipv4 => "IPV4",
        Kind::Ipv6 => "IPV6",
        Kind::Cidr4 => "IPV4/PREFIX",
        Kind::Cidr6 => "IPV6/PREFIX",
        Kind::Mac => "MAC",
        Kind::Path => "PATH",
        Kind::List(_) => "LIST",
    }
}
