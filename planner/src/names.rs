//! Names: which can be used, which count as the same, and which was probably meant.

use std::borrow::Cow;

pub use uk_keys::nearest;

/// Names may be this long: they become file names with suffixes.
pub const MAX_LENGTH: usize = 64;

/// `-` and `_` are the same in names: the form in which names are compared, and that Rust sees.
pub fn canonical(name: &str) -> Cow<'_, str> {
    if name.contains('-') { Cow::Owned(name.replace('-', "_")) } else { Cow::Borrowed(name) }
}

/// Whether two names are one.
pub fn same(a: &str, b: &str) -> bool {
    let fold = |b: u8| if b == b'-' { b'_' } else { b };
    a.len() == b.len() && a.bytes().map(fold).eq(b.bytes().map(fold))
}

/// `name` as `keys!` makes the name of a type or variant of it: `a-b` and `aB` both become `AB`.
pub(crate) fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    for word in name.split(['-', '_']) {
        let mut chars = word.chars();
        camel.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(chars.as_str());
    }
    camel
}

/// Why `name` can't name a unikernel, job, device, key or the like; it ends up in Rust code and in file names.
pub fn fault(name: &str) -> Option<String> {
    let Some(first) = name.chars().next() else {
        return Some("a name has at least one letter".to_owned());
    };
    if !first.is_ascii_alphabetic() {
        return Some("a name starts with a letter from `a` to `z`".to_owned());
    }
    if let Some(c) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_')) {
        return Some(format!(
            "`{}` can't stand in a name: use letters, digits, `-` and `_`",
            c.escape_debug()
        ));
    }
    (name.len() > MAX_LENGTH).then(|| format!("a name is at most {MAX_LENGTH} characters long"))
}

/// As many names of a list are shown.
const SHOWN: usize = 12;

/// Names in backticks, by the alphabet, as `a`, `b` and `c`; long lists are cut.
pub fn list<'c>(names: impl IntoIterator<Item = &'c str>) -> String {
    list_most(SHOWN, names)
}

/// As [`list`], of at most `most` names.
pub fn list_most<'c>(most: usize, names: impl IntoIterator<Item = &'c str>) -> String {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    names.dedup();
    cut(most, &names)
}

/// As [`list`], of names that are sorted and different already.
pub(crate) fn list_sorted(names: &[&str]) -> String {
    cut(SHOWN, names)
}

fn cut(most: usize, names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().take(most).map(|n| format!("`{n}`")).collect();
    match (quoted.as_slice(), names.len().saturating_sub(most)) {
        ([], _) => "none".to_owned(),
        (_, more @ 1..) => format!("{} and {more} more", quoted.join(", ")),
        ([one], _) => one.clone(),
        ([first @ .., last], _) => format!("{} and {last}", first.join(", ")),
    }
}

/// `name` as an example may show it: itself if it can be a name, else a placeholder.
pub(crate) fn shown(name: &str) -> &str {
    if fault(name).is_some() { "NAME" } else { name }
}
