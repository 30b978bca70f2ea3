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

/// The candidate that `word` was probably meant to be. Ties go to the alphabet, so that the order of declarations
/// doesn't show.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let mut rows = Rows::default();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let slips = match candidate.len().min(word.len()) {
            0..5 => 1,
            5..9 => 2,
            _ => 3,
        };
        let limit = best.map_or(slips, |b| b.0.min(slips));
        if let Some(distance) = rows.distance(word.as_bytes(), candidate.as_bytes(), limit)
            && best.is_none_or(|b| (distance, candidate) < b)
        {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Three rows of the table of distances, kept between calls.
#[derive(Default)]
struct Rows {
    before: Vec<usize>,
    last: Vec<usize>,
    this: Vec<usize>,
}

impl Rows {
    /// How many letters must be changed, added, dropped or swapped with their neighbours to make `a` into `b`, when
    /// that is at most `limit`. A manifest with a thousand typos among ten thousand names must not take seconds, so it
    /// stops at the first row that is over the limit.
    fn distance(&mut self, a: &[u8], b: &[u8], limit: usize) -> Option<usize> {
        if a.len().abs_diff(b.len()) > limit {
            return None;
        }
        let fold = |b: u8| if b == b'-' { b'_' } else { b.to_ascii_lowercase() };
        let far = limit + 1;
        self.before.clear();
        self.before.resize(b.len() + 1, far);
        self.last.clear();
        self.last.extend((0..=b.len()).map(|n| n.min(far)));
        self.this.clear();
        self.this.resize(b.len() + 1, far);
        for (i, x) in a.iter().map(|x| fold(*x)).enumerate() {
            // Only cells this near to the diagonal can be within the limit.
            let from = i.saturating_sub(limit);
            let to = (i + limit + 1).min(b.len());
            self.this[from] = if from == 0 { i + 1 } else { far };
            let mut least = self.this[from];
            for j in from..to {
                let y = fold(b[j]);
                let mut cost =
                    (self.last[j] + usize::from(x != y)).min(self.last[j + 1] + 1).min(self.this[j] + 1);
                if i > 0 && j > 0 && x == fold(b[j - 1]) && y == fold(a[i - 1]) {
                    cost = cost.min(self.before[j - 1] + 1);
                }
                self.this[j + 1] = cost;
                least = least.min(cost);
            }
            if to < b.len() {
                self.this[to + 1] = far;
            }
            if least > limit {
                return None;
            }
            std::mem::swap(&mut self.before, &mut self.last);
            std::mem::swap(&mut self.last, &mut self.this);
        }
        Some(self.last[b.len()]).filter(|distance| *distance <= limit)
    }
}

/// Names in backticks, by the alphabet, as `a`, `b` and `c`; long lists are cut.
pub fn list<'c>(names: impl IntoIterator<Item = &'c str>) -> String {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    names.dedup();
    list_sorted(&names)
}

/// As [`list`], of names that are sorted and different already.
pub(crate) fn list_sorted(names: &[&str]) -> String {
    const SHOWN: usize = 12;
    let quoted: Vec<String> = names.iter().take(SHOWN).map(|n| format!("`{n}`")).collect();
    match (quoted.as_slice(), names.len().saturating_sub(SHOWN)) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn distances_are_strsims(a in "[ab_-]{0,9}", b in "[ab_-]{0,9}", limit in 0_usize..5) {
            let whole = strsim::osa_distance(&canonical(&a), &canonical(&b));
            let within = Rows::default().distance(a.as_bytes(), b.as_bytes(), limit);
            prop_assert_eq!(within, Some(whole).filter(|d| *d <= limit));
        }
    }

    #[test]
    fn slips_are_near_and_other_words_are_not() {
        assert_eq!(nearest("virtoi", ["unix", "virtio"]), Some("virtio"));
        assert_eq!(nearest("Kv_Ro", ["kv-ro"]), Some("kv-ro"));
        assert_eq!(nearest("qnx", ["unix", "virtio"]), None);
        assert_eq!(nearest("int", ["list", "string"]), None);
        assert_eq!(nearest("disk-2", ["disk-3", "disk-1"]), Some("disk-1"));
    }
}
