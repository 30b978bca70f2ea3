//! "Did you mean", the same for `uk` and for a unikernel's command line.

use alloc::vec::Vec;

/// The candidate that `word` was probably meant to be. Ties go to the alphabet, so that the order of declarations
/// doesn't show.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let mut rows = Rows::default();
    let letters_of_word = letters(word);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let slips = match candidate.len().min(word.len()) {
            0..5 => 1,
            5..9 => 2,
            _ => 3,
        };
        let limit = best.map_or(slips, |b| b.0.min(slips));
        // Each slip takes one letter away at most, and brings one.
        let other = letters(candidate);
        let (gone, new) = (letters_of_word & !other, other & !letters_of_word);
        if gone.count_ones().max(new.count_ones()) as usize > limit {
            continue;
        }
        if let Some(distance) = rows.distance(word.as_bytes(), candidate.as_bytes(), limit)
            && best.is_none_or(|b| (distance, candidate) < b)
        {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Which letters `text` has, a bit for each; some letters share a bit.
fn letters(text: &str) -> u64 {
    text.bytes().fold(0, |all, b| all | 1 << (fold(b) & 63))
}

/// Letters that differ only in case are equal, and so are `-` and `_`.
fn fold(b: u8) -> u8 {
    if b == b'-' { b'_' } else { b.to_ascii_lowercase() }
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
            core::mem::swap(&mut self.before, &mut self.last);
            core::mem::swap(&mut self.last, &mut self.this);
        }
        Some(self.last[b.len()]).filter(|distance| *distance <= limit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn distances_are_strsims(a in "[ab_-]{0,9}", b in "[ab_-]{0,9}", limit in 0_usize..5) {
            let whole = strsim::osa_distance(&a.replace('-', "_"), &b.replace('-', "_"));
            let within = Rows::default().distance(a.as_bytes(), b.as_bytes(), limit);
            prop_assert_eq!(within, Some(whole).filter(|d| *d <= limit));
        }
    }

    proptest! {
        #[test]
        fn the_nearest_is_found_although_most_are_passed_over(word in "[a-d_-]{0,9}", all in prop::collection::vec("[a-dA-D_-]{0,9}", 0..9)) {
            let slips = |candidate: &str| match candidate.len().min(word.len()) {
                0..5 => 1,
                5..9 => 2,
                _ => 3,
            };
            let mut within = Vec::new();
            for candidate in all.iter().map(|c| &**c) {
                let distance = Rows::default().distance(word.as_bytes(), candidate.as_bytes(), slips(candidate));
                within.extend(distance.map(|d| (d, candidate)));
            }
            let wanted = within.into_iter().min().map(|(_, c)| c);
            prop_assert_eq!(nearest(&word, all.iter().map(|c| &**c)), wanted);
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
