//! Strings: quoted and raw, of one line or several.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::Error;
use crate::tokens::{Tokens, is_banned, is_newline, is_space};

impl Tokens<'_> {
    /// Takes a string from its first `"`; `hashes` of them came before it.
    pub fn string(&mut self, hashes: usize) -> Result<String, Error> {
        let start = self.at;
        let mut multi = self.eat("\"\"\"");
        if multi && !self.newline() {
            if hashes == 0 {
                return self.fail("a line must end after `\"\"\"`");
            }
            // A raw string of one line may begin with quotes.
            (self.at, multi) = (start, false);
        }
        if !multi {
            self.bump();
        }
        let quote = if multi { "\"\"\"" } else { "\"" };
        let close = quote.to_string() + &"#".repeat(hashes);
        // The text between the quotes; an escape is kept whole here, so that an escaped quote closes nothing.
        let begin = self.at;
        loop {
            if self.rest().starts_with(&close) {
                break;
            }
            match self.bump() {
                None => {
                    self.at = start;
                    return self.fail("this string is never closed");
                }
                Some('\\') if hashes == 0 => {
                    self.bump();
                }
                Some(c) if is_newline(c) && !multi => {
                    // An escaped line end, and the space around it, was taken by the arm above.
                    if !self.after_escape(begin) {
                        self.at = start;
                        return self.fail("this string is never closed on its line");
                    }
                }
                Some(c) if is_banned(c) => return self.fail("a character that KDL forbids"),
                Some(_) => {}
            }
        }
        let body = &self.text[begin..self.at];
        self.at += close.len();
        if !multi {
            return if hashes > 0 { Ok(body.to_string()) } else { self.unescape(body) };
        }
        let body = if hashes == 0 { self.join_lines(body)? } else { body.to_string() };
        let text = match dedent(&body) {
            Ok(text) => text,
            Err(message) => return self.fail(message),
        };
        if hashes > 0 { Ok(text) } else { self.unescape(&text) }
    }

    /// Whether the white space before the present place goes back to a backslash: an escaped line end.
    fn after_escape(&self, begin: usize) -> bool {
        let before = self.text[begin..self.at].trim_end_matches(|c| is_space(c) || is_newline(c));
        let slashes = before.len() - before.trim_end_matches('\\').len();
        slashes % 2 == 1
    }

    /// Takes escaped white space out, leaving the other escapes as they stand.
    fn join_lines(&self, body: &str) -> Result<String, Error> {
        let mut out = String::new();
        let mut chars = body.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            match chars.peek() {
                Some(c) if is_space(*c) || is_newline(*c) => {
                    while chars.next_if(|c| is_space(*c) || is_newline(*c)).is_some() {}
                }
                Some(_) => out.extend(['\\'].into_iter().chain(chars.next())),
                None => return self.fail("a `\\` without what it escapes"),
            }
        }
        Ok(out)
    }

    fn unescape(&self, body: &str) -> Result<String, Error> {
        let body = self.join_lines(body)?;
        let mut out = String::new();
        let mut chars = body.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            out.push(match chars.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('s') => ' ',
                Some(c @ ('"' | '\\')) => c,
                Some('u') => {
                    let rest = chars.as_str();
                    let digits = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
                    let valid = |digits: &str| {
                        (1..=6).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_hexdigit())
                    };
                    let found = digits.filter(|(digits, _)| valid(digits)).and_then(|(digits, after)| {
                        Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, after))
                    });
                    match found {
                        Some((c, after)) => {
                            chars = after.chars();
                            c
                        }
                        None => return self.fail("`\\u` needs a character's number: `\\u{1f600}`"),
                    }
                }
                _ => return self.fail("unknown escape in a string"),
            });
        }
        Ok(out)
    }
}

/// Takes the last line's indentation off all lines of a multi-line string.
fn dedent(body: &str) -> Result<String, &'static str> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        if is_newline(c) {
            if c == '\r' {
                chars.next_if_eq(&'\n');
            }
            lines.push(core::mem::take(&mut line));
        } else {
            line.push(c);
        }
    }
    let indent = line;
    if !indent.chars().all(is_space) {
        return Err("the closing `\"\"\"` must stand on a line of its own");
    }
    let mut out = Vec::new();
    for line in &lines {
        if line.chars().all(is_space) {
            out.push("");
        } else {
            out.push(line.strip_prefix(&indent).ok_or("a line is indented less than the closing `\"\"\"`")?);
        }
    }
    Ok(out.join("\n"))
}
