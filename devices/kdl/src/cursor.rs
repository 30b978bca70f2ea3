//! A place in the text, character classes, and the white space that separates everything.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::{Fault, MAX_FAULTS};

/// Reads forward over one text and collects faults.
pub(crate) struct Cursor<'t, S, P> {
    place: P,
    pub text: &'t str,
    pub pos: usize,
    pub faults: Vec<Fault<S>>,
}

impl<'t, S, P: Fn(Range<usize>) -> S> Cursor<'t, S, P> {
    pub fn new(place: P, text: &'t str) -> Self {
        // A byte order mark is allowed at the very start and nowhere else.
        let pos = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { place, text, pos, faults: Vec::new() }
    }

    /// The byte here; 0 at the end, which no text may contain.
    pub fn byte(&self) -> u8 {
        self.byte_at(0)
    }

    pub fn byte_at(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.pos + ahead).copied().unwrap_or(0)
    }

    pub fn char(&self) -> Option<char> {
        let first = self.byte();
        if first.is_ascii() && self.pos < self.text.len() {
            return Some(first as char);
        }
        self.text[self.pos..].chars().next()
    }

    pub fn at_end(&self) -> bool {
        self.pos >= self.text.len()
    }

    /// Nothing further is worth saying once the list is full: the rest of the text is passed over.
    pub fn gave_up(&self) -> bool {
        self.faults.len() >= MAX_FAULTS
    }

    pub fn rest(&self) -> &'t str {
        &self.text[self.pos..]
    }

    pub fn span(&self, start: usize) -> S {
        (self.place)(start..self.pos)
    }

    /// The one character at `start` (nothing at the end of the text).
    pub fn char_range(&self, start: usize) -> Range<usize> {
        let length = self.text[start..].chars().next().map_or(0, char::len_utf8);
        start..start + length
    }

    pub fn fault(
        &mut self,
        range: Range<usize>,
        message: impl Into<String>,
        label: &'static str,
    ) -> &mut Fault<S> {
        self.fault_at((self.place)(range), message, label)
    }

    pub fn fault_at(&mut self, place: S, message: impl Into<String>, label: &'static str) -> &mut Fault<S> {
        self.faults.push(Fault { message: message.into(), place, label, help: None });
        let last = self.faults.len() - 1;
        &mut self.faults[last]
    }

    /// Passes a line end; `\r\n` is one.
    pub fn newline(&mut self) -> bool {
        match self.char() {
            Some('\r') if self.byte_at(1) == b'\n' => self.pos += 2,
            Some(c) if is_newline(c) => self.pos += c.len_utf8(),
            _ => return false,
        }
        true
    }

    /// Passes white space, block comments and escaped line ends inside a node. Says whether there was any.
    pub fn node_space(&mut self) -> bool {
        let start = self.pos;
        loop {
            match self.byte() {
                b' ' | b'\t' => self.pos += 1,
                b'/' if self.byte_at(1) == b'*' => self.block_comment(),
                b'\\' => self.escaped_line_end(),
                b if b.is_ascii() => break,
                _ => match self.char() {
                    Some(c) if is_space(c) => self.pos += c.len_utf8(),
                    _ => break,
                },
            }
        }
        self.pos > start
    }

    /// Passes white space, line ends and comments between nodes.
    pub fn line_space(&mut self) {
        loop {
            if self.node_space() || self.newline() {
                continue;
            }
            if self.byte() == b'/' && self.byte_at(1) == b'/' {
                self.line_comment();
                continue;
            }
            return;
        }
    }

    /// Passes `// ...` up to the line end, which stays.
    pub fn line_comment(&mut self) {
        while let Some(c) = self.char() {
            if is_newline(c) {
                return;
            }
            self.refuse_forbidden(c);
            self.pos += c.len_utf8();
        }
    }

    fn block_comment(&mut self) {
        let start = self.pos;
        let mut depth = 0_usize;
        while let Some(c) = self.char() {
            match (self.byte(), self.byte_at(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.pos += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.pos += 2;
                    if depth == 0 {
                        return;
                    }
                }
                _ => {
                    self.refuse_forbidden(c);
                    self.pos += c.len_utf8();
                }
            }
        }
        self.fault(start..start + 2, "a comment is never closed", "it starts here").help =
            Some("write `*/` where the comment ends; comments nest".to_owned());
    }

    /// `\`, then only white space or a comment up to the line end: the node goes on in the next line.
    fn escaped_line_end(&mut self) {
        let start = self.pos;
        self.pos += 1;
        loop {
            match self.char() {
                Some(c) if is_space(c) => self.pos += c.len_utf8(),
                Some('/') if self.byte_at(1) == b'*' => self.block_comment(),
                _ => break,
            }
        }
        if self.byte() == b'/' && self.byte_at(1) == b'/' {
            self.line_comment();
        }
        if !self.newline() && !self.at_end() {
            self.fault(start..start + 1, "`\\` must be the last thing on its line", "something follows it")
                .help = Some("put text that holds a `\\` into quotes, as `\"\\\\\"`".to_owned());
        }
    }

    /// A control or direction-changing character may stand nowhere, not even in a comment.
    pub fn refuse_forbidden(&mut self, c: char) {
        if !is_forbidden(c) {
            return;
        }
        let message = format!("the invisible character U+{:04X} may not stand in a manifest", c as u32);
        self.fault(self.char_range(self.pos), message, "here").help =
            Some(format!("delete it, or write `\\u{{{:x}}}` inside quotes", c as u32));
    }
}

/// KDL's line ends.
pub(crate) fn is_newline(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// KDL's white space within a line.
pub(crate) fn is_space(c: char) -> bool {
    matches!(
        c,
        ' ' | '\t' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// Code points that KDL bans from documents: most control characters, direction marks, a late byte order mark.
pub(crate) fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// May stand inside an unquoted text.
pub(crate) fn is_identifier(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, '!'..='~')
            && !matches!(c, '\\' | '/' | '(' | ')' | '{' | '}' | ';' | '[' | ']' | '"' | '#' | '=');
    }
    !is_space(c) && !is_newline(c) && !is_forbidden(c)
}
