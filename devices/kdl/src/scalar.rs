//! Unquoted words: identifiers, numbers, `#` keywords.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use core::ops::Range;

use crate::Scalar;
use crate::cursor::{Cursor, is_identifier};

/// A word may be a name only when it is text.
pub(crate) enum Word<'t> {
    Text(Cow<'t, str>),
    Other(Scalar<'t>),
    /// It was a fault, which has been told.
    Broken,
}

impl<'t, S, P: Fn(Range<usize>) -> S> Cursor<'t, S, P> {
    /// Reads a string, number or keyword. `None` when none starts here; nothing is passed then.
    pub fn word(&mut self) -> Option<Word<'t>> {
        match self.byte() {
            b'"' => Some(Word::Text(self.quoted())),
            b'#' => Some(self.hash()),
            _ if self.char().is_some_and(is_identifier) => Some(self.bare()),
            _ => None,
        }
    }

    /// `#true` and the like, or a raw string.
    fn hash(&mut self) -> Word<'t> {
        let start = self.pos;
        let hashes = self.rest().bytes().take_while(|b| *b == b'#').count();
        if self.byte_at(hashes) == b'"' {
            return Word::Text(self.raw(hashes));
        }
        self.pos += 1;
        let word = self.run();
        let scalar = match word {
            "true" => Scalar::Bool(true),
            "false" => Scalar::Bool(false),
            "null" => Scalar::Null,
            "inf" => Scalar::Float(f64::INFINITY),
            "-inf" => Scalar::Float(f64::NEG_INFINITY),
            "nan" => Scalar::Float(f64::NAN),
            _ => {
                let fault = self.fault(start..self.pos, format!("`#{word}` isn't a keyword"), "here");
                fault.help = Some(match ["true", "false", "null"].into_iter().find(|k| is_slip(word, k)) {
                    Some(near) => format!("did you mean `#{near}`?"),
                    None => {
                        "keywords are `#true`, `#false` and `#null`; to use it as text, put it into quotes"
                            .into()
                    }
                });
                return Word::Broken;
            }
        };
        Word::Other(scalar)
    }

    /// Passes the longest run of identifier characters.
    pub fn run(&mut self) -> &'t str {
        let start = self.pos;
        loop {
            // Nearly all of any manifest is ASCII.
            let plain = self.text.as_bytes()[self.pos..]
                .iter()
                .take_while(|b| b.is_ascii() && is_identifier(**b as char));
            self.pos += plain.count();
            match self.char().filter(|c| is_identifier(*c)) {
                Some(c) => self.pos += c.len_utf8(),
                None => break,
            }
        }
        &self.text[start..self.pos]
    }

    fn bare(&mut self) -> Word<'t> {
        let start = self.pos;
        let word = self.run();
        if looks_like_number(word) {
            return match number(word) {
                Some(number) => Word::Other(number),
                None => {
                    let fault = self.fault(start..self.pos, format!("`{word}` isn't a number"), "here");
                    fault.help = Some(format!("to use it as text, put it into quotes: `\"{word}\"`"));
                    Word::Broken
                }
            };
        }
        if matches!(word, "true" | "false" | "null" | "inf" | "-inf" | "nan") {
            let fault =
                self.fault(start..self.pos, format!("`{word}` can be a keyword or a text"), "which one?");
            fault.help = Some(format!("write `#{word}` for the keyword, `\"{word}\"` for the text"));
            return Word::Broken;
        }
        Word::Text(Cow::Borrowed(word))
    }
}

/// Whether `word` is `keyword` but for its case, or for one letter that is changed, added, dropped or swapped with its
/// neighbour.
fn is_slip(word: &str, keyword: &str) -> bool {
    let same = |(a, b): &(u8, u8)| a.eq_ignore_ascii_case(b);
    let (a, b) = (word.as_bytes(), keyword.as_bytes());
    let start = a.iter().copied().zip(b.iter().copied()).take_while(same).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a.iter().rev().copied().zip(b.iter().rev().copied()).take_while(same).count();
    match (&a[..a.len() - end], &b[..b.len() - end]) {
        ([a, b], [c, d]) => same(&(*a, *d)) && same(&(*b, *c)),
        (a, b) => a.len() <= 1 && b.len() <= 1,
    }
}

/// What starts like a number must be one: `12a`, `-1.`, `.5`.
fn looks_like_number(word: &str) -> bool {
    let digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
    digit(unsigned) || unsigned.strip_prefix('.').is_some_and(digit)
}

fn number(word: &str) -> Option<Scalar<'static>> {
    let (negative, unsigned) = match word.as_bytes()[0] {
        b'-' => (true, &word[1..]),
        b'+' => (false, &word[1..]),
        _ => (false, word),
    };
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = unsigned.strip_prefix(prefix) {
            let digits = strip_underscores(digits, |b| (b as char).is_digit(radix))?;
            return i128::from_str_radix(&digits, radix).ok().map(|n| signed(n, negative));
        }
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let decimal = |text: &str| strip_underscores(text, |b| b.is_ascii_digit());
    let mut plain = decimal(whole)?;
    if fraction.is_none() && exponent.is_none() {
        return plain.parse::<i128>().ok().map(|n| signed(n, negative));
    }
    if let Some(fraction) = fraction {
        plain.push('.');
        plain.push_str(&decimal(fraction)?);
    }
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        plain.push('e');
        plain.push_str(&exponent[..exponent.len() - digits.len()]);
        plain.push_str(&decimal(digits)?);
    }
    let value = plain.parse::<f64>().ok()?;
    Some(Scalar::Float(if negative { -value } else { value }))
}

fn signed(n: i128, negative: bool) -> Scalar<'static> {
    Scalar::Integer(if negative { -n } else { n })
}

/// The digits without the `_` between them; `None` unless a digit comes first and all the rest are digits or `_`.
fn strip_underscores(text: &str, digit: impl Fn(u8) -> bool) -> Option<String> {
    let ok = text.bytes().next().is_some_and(&digit) && text.bytes().all(|b| b == b'_' || digit(b));
    ok.then(|| text.replace('_', ""))
}
