//! Nodes, entries and blocks, with recovery: a fault costs the entry or node that it is in, not what follows.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use crate::cursor::{Cursor, is_forbidden, is_newline, is_space};
use crate::scalar::Word;
use crate::{Fault, MAX_DEPTH, Node, Property, Scalar, Text, Value};

/// Reads one document.
pub(crate) struct Parser<'t, S, P> {
    at: Cursor<'t, S, P>,
}

impl<'t, S: Clone, P: Fn(Range<usize>) -> S> Parser<'t, S, P> {
    pub fn new(text: &'t str, place: P) -> Self {
        Self { at: Cursor::new(place, text) }
    }

    pub fn document(mut self) -> (Vec<Node<'t, S>>, Vec<Fault<S>>) {
        let nodes = self.nodes(0, None);
        (nodes, self.at.faults)
    }

    /// Nodes up to the end of the text, or up to the `}` that closes `block` (which stays).
    fn nodes(&mut self, depth: usize, block: Option<Range<usize>>) -> Vec<Node<'t, S>> {
        let mut nodes = Vec::new();
        loop {
            self.at.line_space();
            if self.at.at_end() || self.at.gave_up() {
                if let Some(open) = block.clone().filter(|_| !self.at.gave_up()) {
                    self.at.fault(open, "a block is never closed", "it starts here").help =
                        Some("write `}` on a line of its own where the block ends".to_owned());
                }
                self.at.pos = self.at.text.len();
                return nodes;
            }
            match self.at.byte() {
                b'}' if block.is_some() => return nodes,
                b'}' => {
                    self.refuse_char("`}` closes nothing", "delete it, or write the `{` that it should close")
                }
                b';' => {
                    self.refuse_char("`;` ends nothing", "delete it: the end of the line ends a node as well")
                }
                b'{' => {
                    let message = "a block needs the name of a node before it";
                    self.at.fault(self.at.char_range(self.at.pos), message, "here").help =
                        Some("put the `{` on the same line as its node, as in `job main { ... }`".to_owned());
                    self.block(depth);
                }
                b'/' if self.at.byte_at(1) == b'-' => {
                    self.at.pos += 2;
                    self.at.line_space();
                    self.node(depth);
                }
                _ => nodes.extend(self.node(depth)),
            }
        }
    }

    fn refuse_char(&mut self, message: &str, help: &str) {
        let range = self.at.char_range(self.at.pos);
        self.at.pos = range.end;
        self.at.fault(range, message, "here").help = Some(help.to_owned());
    }

    fn node(&mut self, depth: usize) -> Option<Node<'t, S>> {
        let start = self.at.pos;
        let annotation = self.annotation();
        self.at.node_space();
        let name_start = self.at.pos;
        let name = match self.at.word() {
            Some(Word::Text(text)) => Some(Text { text, span: self.at.span(name_start) }),
            Some(Word::Other(scalar)) => {
                let message = format!("a node must start with a name, and this is {}", scalar.noun());
                self.at.fault(name_start..self.at.pos, message, "here").help = Some(
                    "a line is a name, then its values: `device disk block-of-file file=disk.img`".to_owned(),
                );
                None
            }
            Some(Word::Broken) => None,
            None => {
                self.unexpected("a name");
                None
            }
        };
        let mut node = Node {
            annotation,
            name: name.clone().unwrap_or(Text { text: "".into(), span: self.at.span(start) }),
            arguments: Vec::new(),
            properties: Vec::new(),
            children: None,
            span: self.at.span(start),
        };
        self.entries(&mut node, start, depth);
        name.map(|_| node)
    }

    /// Everything after a node's name, its end included.
    fn entries(&mut self, node: &mut Node<'t, S>, node_start: usize, depth: usize) {
        let mut after_block = false;
        loop {
            let spaced = self.at.node_space();
            match self.at.char() {
                None | Some('}') => return,
                Some(';') => {
                    self.at.pos += 1;
                    return;
                }
                Some(c) if is_newline(c) => {
                    self.at.newline();
                    return;
                }
                Some('/') if self.at.byte_at(1) == b'/' => return self.at.line_comment(),
                Some('/') if self.at.byte_at(1) == b'-' => {
                    if !spaced && !after_block {
                        let range = self.at.pos..self.at.pos + 2;
                        self.at.fault(range, "`/-` needs a space before it", "here").help =
                            Some("`/-` takes out the value or block that follows it".to_owned());
                    }
                    let slashdash = self.at.pos..self.at.pos + 2;
                    self.at.pos += 2;
                    self.at.line_space();
                    if self.at.byte() == b'{' {
                        self.block(depth);
                        after_block = true;
                    } else {
                        if after_block {
                            let message = "a value that is taken out follows a block on its line";
                            self.at.fault(slashdash, message, "here").help =
                                Some("put values before the `{`".to_owned());
                        }
                        self.entry(&mut None);
                    }
                }
                Some('{') => {
                    let open = self.at.char_range(self.at.pos);
                    let children = self.block(depth);
                    if node.children.is_some() {
                        let message = format!("`{}` has two blocks", node.name.text);
                        self.at.fault(open, message, "the second").help =
                            Some("join the two blocks into one".to_owned());
                    } else {
                        node.children = Some(children);
                    }
                    after_block = true;
                }
                Some(c) => {
                    let start = self.at.pos;
                    if after_block {
                        let message = "something follows a block on its line";
                        self.at.fault(self.at.char_range(start), message, "here").help = Some(
                            "put values before the `{`, and the next node on a line of its own".to_owned(),
                        );
                        return;
                    }
                    if !spaced && !matches!(c, '"' | '#') {
                        self.half_quoted(node_start);
                        continue;
                    }
                    if !spaced && !self.at.gave_up() {
                        let message = "two values need a space between them";
                        self.at.fault(self.at.char_range(start), message, "the second starts here").help =
                            Some(format!("write a space before `{}`", c.escape_debug()));
                    }
                    self.entry(&mut Some(node));
                    node.span = self.at.span(node_start);
                }
            }
        }
    }

    /// One argument or property, added to `node` if there is one (a slashdash discards it).
    fn entry(&mut self, node: &mut Option<&mut Node<'t, S>>) {
        let start = self.at.pos;
        let annotation = self.annotation();
        if annotation.is_some() {
            self.at.node_space();
        }
        let word_start = self.at.pos;
        let Some(word) = self.at.word() else {
            return self.unexpected(if annotation.is_some() {
                "a value"
            } else {
                "a value or the end of the line"
            });
        };
        let word_range = word_start..self.at.pos;
        let word_span = self.at.span(word_start);
        if self.equals_sign() {
            let equals = self.at.pos - 1..self.at.pos;
            let value = self.property_value(equals);
            match (word, annotation) {
                (Word::Broken, _) => {}
                (Word::Text(text), None) => {
                    if let (Some(node), Some(value)) = (node, value) {
                        node.properties.push(Property { name: Text { text, span: word_span }, value });
                    }
                }
                (Word::Text(_), Some(annotation)) => {
                    self.at
                        .fault_at(
                            annotation.span,
                            "an annotation belongs to the value, not to the name",
                            "here",
                        )
                        .help = Some(format!("write `=({})` after the name", annotation.text));
                }
                (Word::Other(scalar), _) => {
                    let message = format!("a property's name must be text, and this is {}", scalar.noun());
                    self.at.fault(word_range, message, "here").help = Some("write `name=value`".to_owned());
                }
            }
            return;
        }
        let scalar = match word {
            Word::Text(text) => Scalar::String(text),
            Word::Other(scalar) => scalar,
            Word::Broken => return,
        };
        if let Some(node) = node {
            node.arguments.push(Value { annotation, scalar, span: self.at.span(start) });
        }
    }

    /// Passes `=` and the space before it, if it is there.
    fn equals_sign(&mut self) -> bool {
        let before = (self.at.pos, self.at.faults.len());
        if self.at.byte() != b'=' {
            self.at.node_space();
        }
        if self.at.byte() == b'=' {
            self.at.pos += 1;
            return true;
        }
        self.at.pos = before.0;
        self.at.faults.truncate(before.1);
        false
    }

    fn property_value(&mut self, equals: Range<usize>) -> Option<Value<'t, S>> {
        self.at.node_space();
        let start = self.at.pos;
        let annotation = self.annotation();
        if annotation.is_some() {
            self.at.node_space();
        }
        let scalar = match self.at.word() {
            Some(Word::Text(text)) => Scalar::String(text),
            Some(Word::Other(scalar)) => scalar,
            Some(Word::Broken) => return None,
            None => {
                let at_end = self
                    .at
                    .char()
                    .is_none_or(|c| is_newline(c) || is_space(c) || matches!(c, ';' | '{' | '}' | '/'));
                if at_end {
                    self.at.fault(equals, "a value is missing", "nothing follows this `=`").help =
                        Some("write `name=value`; an empty text is `\"\"`".to_owned());
                } else {
                    self.unexpected("a value");
                }
                return None;
            }
        };
        Some(Value { annotation, scalar, span: self.at.span(start) })
    }

    /// `(name)`, if one starts here.
    fn annotation(&mut self) -> Option<Box<Text<'t, S>>> {
        if self.at.byte() != b'(' {
            return None;
        }
        let open = self.at.char_range(self.at.pos);
        self.at.pos += 1;
        self.at.node_space();
        let start = self.at.pos;
        let text = match self.at.word() {
            Some(Word::Text(text)) => Some(Text { text, span: self.at.span(start) }),
            Some(Word::Broken) => None,
            Some(Word::Other(_)) | None => {
                self.at
                    .fault(
                        open.clone(),
                        "an annotation needs a name",
                        "nothing is named in these parentheses",
                    )
                    .help = Some(
                    "write `(key)name` or `(param)name`; put text that holds `(` into quotes".to_owned(),
                );
                None
            }
        };
        self.at.node_space();
        if self.at.byte() == b')' {
            self.at.pos += 1;
        } else if text.is_some() {
            self.at.fault(open, "a `(` is never closed", "it is here").help =
                Some("write `)` after the annotation's name; put text that holds `(` into quotes".to_owned());
        }
        text.map(Box::new)
    }

    /// The block whose `{` is here.
    fn block(&mut self, depth: usize) -> Vec<Node<'t, S>> {
        let open = self.at.char_range(self.at.pos);
        self.at.pos += 1;
        if depth >= MAX_DEPTH {
            self.at
                .fault(open, format!("blocks nest more than {MAX_DEPTH} deep"), "this is one too many")
                .help =
                Some("nothing in a manifest nests that deep: look for a `{` without its `}`".to_owned());
            // What is inside can't be meant; reading on would only repeat the fault.
            self.at.pos = self.at.text.len();
            return Vec::new();
        }
        let nodes = self.nodes(depth + 1, Some(open));
        if self.at.byte() == b'}' {
            self.at.pos += 1;
        }
        nodes
    }

    /// Tells of a word that has a special character in its middle, as `images/disk.img`, and passes the rest of it.
    fn half_quoted(&mut self, node_start: usize) {
        let at = self.at.pos;
        let before = &self.at.text[node_start..at];
        let start = node_start + before.rfind(|c| is_space(c) || is_newline(c)).map_or(0, |i| i + 1);
        let start = self.at.text.ceil_char_boundary(start);
        self.pass_junk();
        let word = &self.at.text[start..self.at.pos];
        let c = self.at.text[at..].chars().next().unwrap_or(' ');
        let message = format!("`{}` can't stand in a text without quotes", c.escape_debug());
        let help = match word.split_once('=') {
            Some((name, value)) => format!("write `{name}={:?}`", value),
            None => format!("write `{word:?}`"),
        };
        self.at.fault(start..self.at.pos, message, "in this").help = Some(help);
    }

    /// Passes the character here and what belongs to it.
    fn pass_junk(&mut self) {
        let passes = |c: &char| !is_newline(*c) && !is_space(*c) && !matches!(c, '{' | '}' | ';' | '"');
        self.at.pos += self.at.char().map_or(0, char::len_utf8);
        while let Some(c) = self.at.char().filter(passes) {
            self.at.pos += c.len_utf8();
        }
    }

    /// Tells of a character that can't start what is wanted here, and passes what belongs to it.
    fn unexpected(&mut self, wanted: &str) {
        let start = self.at.pos;
        let Some(c) = self.at.char() else {
            self.at.fault(start..start, format!("{wanted} is missing at the end of the file"), "here");
            return;
        };
        if is_newline(c) || matches!(c, '}' | ';' | '{') {
            self.at.fault(self.at.char_range(start), format!("{wanted} is missing"), "before this");
            if c == '{' || c == '}' {
                return;
            }
            self.at.pos += c.len_utf8();
            return;
        }
        self.pass_junk();
        let shown = if c.is_control() || is_forbidden(c) {
            format!("the invisible character U+{:04X}", c as u32)
        } else {
            format!("`{c}`")
        };
        let message = format!("{shown} can't stand where {wanted} is expected");
        self.at.fault(start..self.at.pos, message, "here").help =
            Some("put text with special characters into quotes".to_owned());
    }
}
