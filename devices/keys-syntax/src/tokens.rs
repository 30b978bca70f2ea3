//! KDL 2 as tokens.

use alloc::format;
use alloc::string::{String, ToString};

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
    pub text: &'a str,
    pub at: usize,
    /// Whether white space or a comment stood before the last token.
    pub spaced: bool,
}

const NEWLINES: &[char] = &['\n', '\r', '\u{85}', '\u{b}', '\u{c}', '\u{2028}', '\u{2029}'];

/// The white space of KDL, which isn't quite Unicode's.
pub fn is_space(c: char) -> bool {
    matches!(
        c,
        '\t' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

pub fn is_newline(c: char) -> bool {
    NEWLINES.contains(&c)
}

/// Characters that may not stand anywhere in a document.
pub fn is_banned(c: char) -> bool {
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

    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    pub fn eat(&mut self, text: &str) -> bool {
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

    pub fn newline(&mut self) -> bool {
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
