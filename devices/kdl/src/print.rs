//! Text that reads back as the same value.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt::Write as _;

use crate::cursor::{is_forbidden, is_identifier};

/// `text` as KDL: bare where that is unambiguous, else in quotes.
pub fn quote(text: &str) -> String {
    if is_bare(text) { text.to_owned() } else { in_quotes(text) }
}

/// `text` as KDL, in quotes even where it could stand without.
pub fn in_quotes(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || is_forbidden(c) || matches!(c, '\u{2028}' | '\u{2029}') => {
                // Writing to a String can't fail.
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Whether `text` may stand without quotes: made of identifier characters, not like a number, not a keyword.
fn is_bare(text: &str) -> bool {
    let digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let number = digit(unsigned) || unsigned.strip_prefix('.').is_some_and(digit);
    !text.is_empty()
        && !number
        && text.chars().all(is_identifier)
        && !matches!(text, "true" | "false" | "null" | "inf" | "-inf" | "nan")
}
