//! KDL 2 as tokens.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::{Error, Value};

/// A token; white space and comments are skipped, but a token knows whether any came before it.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A value; `name` says whether it may also be a node's or a property's name (a string of any form may).
    Value {
        value: Value,
        name: bool,
    },
    Equals,
    OpenParen,
    CloseParen,
    OpenBrace,
    CloseBrace,
    /// A newline, a semicolon.
    Terminator,
    Slashdash,
    End,
}

pub struct Tokens<'a> {
    text: &'a str,
    at: usize,
    /// Whether white space or a comment stood before the last token.
    pub spaced: bool,
}

const NEWLINES: &[char] = &['\n', '\r', '\u{85}', '\u{b}', '\u{c}', '\u{2028}', '\u{2029}'];

/// The white space of KDL, which isn't quite Unicode's.
fn is_space(c: char) -> bool {
    matches!(
        c,
        '\t' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

fn is_newline(c: char) -> bool {
    NEWLINES.contains(&c)
}

/// Characters that may not stand anywhere in a document.
fn is_banned(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{8}'
            | '\u{e}'..='\u{1f}'
            | '\u{7f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

fn is_identifier(c: char) -> bool {
    !(is_space(c)
        || is_newline(c)
        || is_banned(c)
        || matches!(c, '\\' | '/' | '(' | ')' | '{' | '}' | '[' | ']' | ';' | '"' | '#' | '='))
}

impl<'a> Tokens<'a> {
    pub fn new(text: &'a str) -> Self {
        Tokens { text: text.strip_prefix('\u{feff}').unwrap_or(text), at: 0, spaced: false }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// The line of the next character, from 1.
    pub fn line(&self) -> usize {
        let before = &self.text[..self.at];
        let crlf = before.matches("\r\n").count();
        1 + before.chars().filter(|c| is_newline(*c)).count() - crlf
    }

    pub fn fail<T>(&self, message: impl Into<String>) -> Result<T, Error> {
        Err(Error { line: self.line(), message: message.into() })
    }

    fn newline(&mut self) -> bool {
        self.eat("\r\n") || self.peek().is_some_and(is_newline) && self.bump().is_some()
    }

    /// Takes `/* ... */`, which nests; the opening is taken already.
    fn comment(&mut self) -> Result<(), Error> {
        let (start, mut depth) = (self.at, 1);
        while depth > 0 {
            if self.eat("/*") {
                depth += 1;
            } else if self.eat("*/") {
                depth -= 1;
            } else if self.bump().is_none() {
                self.at = start;
                return self.fail("this `/*` is never closed");
            }
        }
        Ok(())
    }

    /// Takes white space, comments and escaped line ends; not line ends.
    fn skip(&mut self) -> Result<bool, Error> {
        let start = self.at;
        loop {
            if self.peek().is_some_and(is_space) {
                self.bump();
            } else if self.eat("/*") {
                self.comment()?;
            } else if self.rest().starts_with('\\') {
                self.bump();
                self.escaped_line()?;
            } else if self.rest().starts_with("//") {
                self.line_comment();
            } else {
                return Ok(self.at > start);
            }
        }
    }

    fn line_comment(&mut self) {
        while self.peek().is_some_and(|c| !is_newline(c)) {
            self.bump();
        }
    }

    /// What follows the backslash of a line that goes on: space, comments, a line end or the end of the text.
    fn escaped_line(&mut self) -> Result<(), Error> {
        loop {
            if self.peek().is_some_and(is_space) {
                self.bump();
            } else if self.eat("/*") {
                self.comment()?;
            } else {
                break;
            }
        }
        if self.rest().starts_with("//") {
            self.line_comment();
        }
        if self.newline() || self.rest().is_empty() { Ok(()) } else { self.fail("a `\\` must end its line") }
    }

    /// Takes line ends too: what may stand after a slashdash and within a type annotation's parentheses.
    pub fn skip_lines(&mut self) -> Result<(), Error> {
        while self.skip()? || self.newline() {}
        Ok(())
    }

    pub fn next(&mut self) -> Result<Token, Error> {
        self.spaced = self.skip()?;
        let Some(c) = self.peek() else { return Ok(Token::End) };
        let simple = match c {
            '=' => Some(Token::Equals),
            '(' => Some(Token::OpenParen),
            ')' => Some(Token::CloseParen),
            '{' => Some(Token::OpenBrace),
            '}' => Some(Token::CloseBrace),
            ';' => Some(Token::Terminator),
            _ => None,
        };
        if let Some(token) = simple {
            self.bump();
            return Ok(token);
        }
        if self.newline() {
            return Ok(Token::Terminator);
        }
        if self.eat("/-") {
            return Ok(Token::Slashdash);
        }
        let name = |text| Ok(Token::Value { value: Value::String(text), name: true });
        let plain = |value| Ok(Token::Value { value, name: false });
        match c {
            '"' => name(self.string(0)?),
            '#' => {
                let hashes = self.rest().len() - self.rest().trim_start_matches('#').len();
                if self.rest()[hashes..].starts_with('"') {
                    self.at += hashes;
                    return name(self.string(hashes)?);
                }
                self.bump();
                let word = self.word();
                match word {
                    "true" => plain(Value::Bool(true)),
                    "false" => plain(Value::Bool(false)),
                    "null" | "inf" | "-inf" | "nan" => plain(Value::Other),
                    _ => self.fail(format!("unknown keyword `#{word}`")),
                }
            }
            c if is_identifier(c) => {
                let word = self.word();
                let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
                if unsigned.starts_with(|c: char| c.is_ascii_digit()) {
                    return match number(word) {
                        Some(value) => plain(value),
                        None => self.fail(format!("`{word}` isn't a number")),
                    };
                }
                let dotted = unsigned.strip_prefix('.').unwrap_or("");
                if matches!(word, "true" | "false" | "null" | "inf" | "-inf" | "nan") {
                    return self.fail(format!("write `#{word}`"));
                }
                if dotted.starts_with(|c: char| c.is_ascii_digit()) {
                    return self.fail(format!("`{word}` is neither a number nor a name"));
                }
                name(word.to_string())
            }
            c => self.fail(format!("unexpected `{}`", c.escape_default())),
        }
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let word = &rest[..rest.find(|c| !is_identifier(c)).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// Takes a string from its first `"`; `hashes` of them came before it.
    fn string(&mut self, hashes: usize) -> Result<String, Error> {
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

/// Reads a number; floats and what an `i128` can't hold are [`Value::Other`].
fn number(word: &str) -> Option<Value> {
    let (negative, unsigned) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    };
    let based = [("0x", 16), ("0o", 8), ("0b", 2)]
        .iter()
        .find_map(|(prefix, radix)| Some((unsigned.strip_prefix(prefix)?, *radix)));
    let (digits, radix) = based.unwrap_or((unsigned, 10));
    let run = |text: &str| {
        text.starts_with(|c: char| c.is_digit(radix)) && text.chars().all(|c| c == '_' || c.is_digit(radix))
    };
    if run(digits) {
        let plain: String =
            negative.then_some('-').into_iter().chain(digits.chars().filter(|c| *c != '_')).collect();
        return Some(i128::from_str_radix(&plain, radix).map_or(Value::Other, Value::Int));
    }
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (digits, None),
    };
    let (whole, part) =
        mantissa.split_once('.').map_or((mantissa, None), |(whole, part)| (whole, Some(part)));
    (radix == 10 && run(whole) && part.is_none_or(run) && exponent.is_none_or(run)).then_some(Value::Other)
}
