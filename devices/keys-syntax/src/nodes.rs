//! Tokens as nodes.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Error;
use crate::tokens::{Token, Tokens};

/// A value; what a key never needs is [`Value::Other`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A string of any form.
    String(String),
    /// A whole number.
    Int(i128),
    /// `#true` or `#false`.
    Bool(bool),
    /// A float, `#null`, or a whole number too big for an `i128`.
    Other,
}

/// An argument (without a name) or a property of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// A property's name.
    pub name: Option<String>,
    /// Its value.
    pub value: Value,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its line, from 1.
    pub line: usize,
    /// Its arguments and properties in the order of the text.
    pub entries: Vec<Entry>,
    /// The nodes in its braces.
    pub children: Vec<Node>,
}

/// Braces within braces; more than this is no manifest, and would only exhaust the stack.
const DEEPEST: usize = 100;

/// Reads a KDL 2 document.
pub fn parse(text: &str) -> Result<Vec<Node>, Error> {
    let mut reader = Reader { tokens: Tokens::new(text), ahead: None };
    let nodes = reader.nodes(0)?;
    match reader.take()? {
        Token::End => Ok(nodes),
        _ => reader.tokens.fail("a `}` too many"),
    }
}

struct Reader<'a> {
    tokens: Tokens<'a>,
    ahead: Option<Token>,
}

impl Reader<'_> {
    fn take(&mut self) -> Result<Token, Error> {
        self.ahead.take().map_or_else(|| self.tokens.next(), Ok)
    }

    fn peek(&mut self) -> Result<&Token, Error> {
        let token = self.take()?;
        Ok(self.ahead.insert(token))
    }

    /// Reads nodes up to a `}` or the end, which are left.
    fn nodes(&mut self, depth: usize) -> Result<Vec<Node>, Error> {
        if depth > DEEPEST {
            return self.tokens.fail("braces are nested too deep");
        }
        let mut nodes = Vec::new();
        loop {
            match self.peek()? {
                Token::Terminator => drop(self.take()?),
                Token::End | Token::CloseBrace => return Ok(nodes),
                Token::Slashdash => {
                    self.take()?;
                    self.tokens.skip_lines()?;
                    self.node(depth)?;
                }
                _ => nodes.push(self.node(depth)?),
            }
        }
    }

    fn node(&mut self, depth: usize) -> Result<Node, Error> {
        self.annotation()?;
        let line = self.tokens.line();
        let name = match self.take()? {
            Token::Value { value: Value::String(name), name: true } => name,
            _ => return self.tokens.fail("expected a node's name"),
        };
        let mut node = Node { name, line, entries: Vec::new(), children: Vec::new() };
        // Once children were seen, slashed or not, only what is slashed may follow, and one more pair of braces.
        let (mut block, mut filled) = (false, false);
        loop {
            let slashed = matches!(self.peek()?, Token::Slashdash);
            if slashed {
                self.take()?;
                self.tokens.skip_lines()?;
            }
            let spaced = slashed || {
                self.peek()?;
                self.tokens.spaced
            };
            match self.peek()? {
                Token::Terminator | Token::End | Token::CloseBrace if !slashed => {
                    if matches!(self.peek()?, Token::Terminator) {
                        self.take()?;
                    }
                    return Ok(node);
                }
                Token::OpenBrace => {
                    self.take()?;
                    let children = self.nodes(depth + 1)?;
                    if self.take()? != Token::CloseBrace {
                        return self.tokens.fail("a `{` is never closed");
                    }
                    block = true;
                    if !slashed && core::mem::replace(&mut filled, true) {
                        return self.tokens.fail("a node has one pair of braces");
                    }
                    if !slashed {
                        node.children = children;
                    }
                }
                Token::Value { .. } | Token::OpenParen if block && !slashed || !spaced => {
                    return self.tokens.fail("expected a space, or the node's end");
                }
                Token::Value { .. } | Token::OpenParen => {
                    let entry = self.entry()?;
                    if !slashed {
                        node.entries.push(entry);
                    }
                }
                _ => return self.tokens.fail("expected a value, a property or the node's end"),
            }
        }
    }

    fn entry(&mut self) -> Result<Entry, Error> {
        let annotated = self.annotation()?;
        let Token::Value { value, name } = self.take()? else {
            return self.tokens.fail("expected a value");
        };
        if annotated || *self.peek()? != Token::Equals {
            return Ok(Entry { name: None, value });
        }
        self.take()?;
        let Value::String(property) = value else {
            return self.tokens.fail("a property's name must be a string");
        };
        debug_assert!(name, "all strings may be names");
        self.annotation()?;
        match self.take()? {
            Token::Value { value, .. } => Ok(Entry { name: Some(property), value }),
            _ => self.tokens.fail("expected a value after `=`"),
        }
    }

    /// Takes a `(type)`, if there is one.
    fn annotation(&mut self) -> Result<bool, Error> {
        if *self.peek()? != Token::OpenParen {
            return Ok(false);
        }
        self.take()?;
        match self.take()? {
            Token::Value { name: true, .. } => {}
            _ => return self.tokens.fail("expected a type's name"),
        }
        match self.take()? {
            Token::CloseParen => Ok(true),
            _ => self.tokens.fail("expected `)`"),
        }
    }
}
