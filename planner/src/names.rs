//! Names: which can be used, which count as the same, and which was probably meant.

use std::borrow::Cow;

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

/// Why `name` can't name a unikernel, job, device, key or the like; it ends up in Rust code and in file names.
pub fn fault(name: &str) -> Option<String> {
    let first = name.chars().next()?;
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

/// The candidate that `word` was probably meant to be.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let word = canonical(&word.to_lowercase()).into_owned();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let allowed = 1 + candidate.len().max(word.len()) / 4;
        if candidate.len().abs_diff(word.len()) > allowed {
            continue;
        }
        let distance = strsim::damerau_levenshtein(&word, &canonical(candidate));
        // Ties go to the alphabet, so that the order of declarations doesn't show.
        if distance <= allowed && best.is_none_or(|b| (distance, candidate) < b) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Names in backticks, as `a`, `b` and `c`; long lists are cut.
pub fn list<'c>(names: impl IntoIterator<Item = &'c str>) -> String {
    const SHOWN: usize = 12;
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    match (quoted.as_slice(), more) {
        ([], _) => "none".to_owned(),
        (_, 1..) => format!("{} and {more} more", quoted.join(", ")),
        ([one], _) => one.clone(),
        ([first @ .., last], _) => format!("{} and {last}", first.join(", ")),
    }
}

/// `name` as an example may show it: itself if it can be a name, else a placeholder.
pub(crate) fn shown(name: &str) -> &str {
    if name.is_empty() || fault(name).is_some() { "NAME" } else { name }
}
