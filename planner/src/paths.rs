//! Paths of a manifest: they are relative to its folder and stay in it, so that a project can be moved and shared.

use uk_diagnostic::{Code, Diagnostic, Span};
use uk_keys::Value;

use crate::syntax::quote;
use crate::value::Type;

/// What is wrong with a param's value, if it is a path, or a list of them, that leaves the project.
pub(crate) fn check(ty: &Type, value: &Value, span: Span) -> Option<Diagnostic> {
    if ty.name() != "path" && ty.item() != Some("path") {
        return None;
    }
    match value {
        Value::List(items) => items.iter().find_map(|item| outside(&item.to_string(), span)),
        one => outside(&one.to_string(), span),
    }
}

/// `path`, which stays in the project, in its one form, by which files are told apart: without `.`, `..` and empty parts.
pub fn normal(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether `path` is `folder` or lies in it. Everything lies in the project's folder, whose path is empty.
pub fn within(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What is wrong with `path`, if it leaves the project. Links aren't followed: that takes a file system.
pub(crate) fn outside(path: &str, span: Span) -> Option<Diagnostic> {
    let mut depth = 0_usize;
    let leaves = path.starts_with('/')
        || path.split('/').any(|part| {
            match part {
                "" | "." => {}
                ".." if depth == 0 => return true,
                ".." => depth -= 1,
                _ => depth += 1,
            }
            false
        });
    leaves.then(|| {
        let message = format!("`{}` is outside of the project", path.escape_debug());
        let name = path.rsplit('/').find(|part| !matches!(*part, "" | "." | "..")).unwrap_or("data");
        Diagnostic::error(Code::OutsideProject, message).label(span, "here").help(format!(
            "put the file or folder beside the manifest, and write its path from there: `{}`",
            quote(name)
        ))
    })
}
