//! The node tree. It borrows from the text wherever no escape had to be undone. `S` is a place.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// A name or a text value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Text<'t, S> {
    /// The text, unquoted and with escapes undone.
    pub text: Cow<'t, str>,
    /// Where it stands, quotes included.
    pub span: S,
}

/// What a value can be.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<'t> {
    /// An identifier or a quoted or raw string.
    String(Cow<'t, str>),
    /// A whole number in any of the four bases.
    Integer(i128),
    /// A number with a fraction or an exponent, or one of `#inf`, `#-inf`, `#nan`.
    Float(f64),
    /// `#true` or `#false`.
    Bool(bool),
    /// `#null`.
    Null,
}

/// An argument or the right side of a property.
#[derive(Debug, Clone, PartialEq)]
pub struct Value<'t, S> {
    /// The annotation in parentheses, as in `(param)dir`.
    pub annotation: Option<Box<Text<'t, S>>>,
    /// The value.
    pub scalar: Scalar<'t>,
    /// Where it stands, annotation included.
    pub span: S,
}

/// `name=value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Property<'t, S> {
    /// The left side.
    pub name: Text<'t, S>,
    /// The right side.
    pub value: Value<'t, S>,
}

/// One node: a name, arguments, properties in the order written (a name twice is kept twice), and children.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'t, S> {
    /// The annotation in parentheses.
    pub annotation: Option<Box<Text<'t, S>>>,
    /// Its name.
    pub name: Text<'t, S>,
    /// Values without a name.
    pub arguments: Vec<Value<'t, S>>,
    /// Values with a name.
    pub properties: Vec<Property<'t, S>>,
    /// The block, if one is written.
    pub children: Option<Vec<Node<'t, S>>>,
    /// From the name to the last argument or property; the block is outside.
    pub span: S,
}

impl Scalar<'_> {
    /// What it is, as a message says it.
    pub fn noun(&self) -> &'static str {
        match self {
            Scalar::String(_) => "text",
            Scalar::Integer(_) => "a whole number",
            Scalar::Float(_) => "a number with a fraction",
            Scalar::Bool(_) => "a truth value",
            Scalar::Null => "`#null`",
        }
    }
}
