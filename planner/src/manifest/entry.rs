//! The path of a job's function.

use uk_diagnostic::{Code, Diagnostic, Span};

use crate::read::Name;

/// A path to an async function: in a module (`hello::start`) or of a type (`noop::Main::start`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    path: String,
    /// Where it is written.
    pub span: Span,
}

impl Entry {
    /// Checks the path.
    pub(crate) fn new(written: &Name) -> Result<Entry, Diagnostic> {
        let fault =
            |message: String| Diagnostic::error(Code::InvalidEntry, message).label(written.span, "here");
        let shown = written.text.escape_debug().to_string();
        let segments: Vec<&str> = written.text.split("::").collect();
        if let Some(wrong) = segments.iter().find(|s| !is_identifier(s)) {
            let help = if wrong.contains('-') && is_identifier(&wrong.replace('-', "_")) {
                format!("in Rust code a `-` of a crate's name is `_`: `{}`", written.text.replace('-', "_"))
            } else if wrong.contains('(') {
                "write the path alone, without parentheses: the job's lines are the arguments".to_owned()
            } else {
                "write the crate's name, `::` and the function's name, as `hello::start` or `noop::Main::start`"
                    .to_owned()
            };
            return Err(fault(format!("`{shown}` isn't a path to a function")).help(help));
        }
        if segments.len() < 2 {
            return Err(fault(format!("`{shown}` names no crate")).help(format!(
                "write the crate's name before it, as `hello::{shown}`; dashes become underscores"
            )));
        }
        if matches!(segments[0], "crate" | "self" | "super" | "std" | "core" | "alloc") {
            let help = "start with the name of the application's crate, as `hello::start`";
            return Err(fault(format!("`{}` isn't the application's crate", segments[0])).help(help));
        }
        Ok(Entry { path: written.text.clone(), span: written.span })
    }

    /// The whole path, as Rust code writes it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The crate's name, as Rust code writes it.
    pub fn crate_name(&self) -> &str {
        self.path.split("::").next().unwrap_or(&self.path)
    }
}

/// Whether `word` can be one segment of a path. Keywords are refused as well.
pub(crate) fn is_identifier(word: &str) -> bool {
    let mut bytes = word.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && word != "_"
        && (!is_keyword(word) || matches!(word, "crate" | "self" | "super"))
}

/// Whether `path` is a crate's name and at least one more segment.
pub(crate) fn is_path(path: &str) -> bool {
    path.contains("::") && path.split("::").all(is_identifier)
}

/// Rust's strict and reserved keywords, all editions (The Rust Reference, "Keywords").
pub fn is_keyword(word: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
        "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in",
        "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
        "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized",
        "use", "virtual", "where", "while", "yield",
    ];
    KEYWORDS.binary_search(&word).is_ok()
}
