//! Taking a node apart: every value is asked for by name, and what nobody asked for is a fault.

use std::fmt;

use uk_diagnostic::{Code, Diagnostic, Span};

use crate::names;
use crate::syntax::{Node, Property, Scalar, Value};

/// A name or a text as it was written, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

impl Name {
    /// Whether `other` is this name; `-` and `_` are equal.
    pub fn is(&self, other: &str) -> bool {
        names::same(&self.text, other)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The properties that were asked for. Without an allocation: there is one of these for every line of a manifest.
#[derive(Clone, Copy, Default)]
struct Asked {
    names: [&'static str; 12],
    count: usize,
}

impl Asked {
    fn push(&mut self, name: &'static str) {
        self.names[self.count] = name;
        self.count += 1;
    }

    fn iter(&self) -> impl Iterator<Item = &'static str> {
        self.names[..self.count].iter().copied()
    }
}

/// One node while it is read. `usage` is what the help shows: how such a node is written.
pub(crate) struct Reader<'r, 't> {
    pub node: &'r Node<'t>,
    pub faults: &'r mut Vec<Diagnostic>,
    usage: &'static str,
    next_argument: usize,
    asked: Asked,
    /// Whether anything of this node was a fault.
    pub faulty: bool,
}

impl<'r, 't> Reader<'r, 't> {
    pub fn new(node: &'r Node<'t>, usage: &'static str, faults: &'r mut Vec<Diagnostic>) -> Self {
        let mut reader =
            Self { node, faults, usage, next_argument: 0, asked: Asked::default(), faulty: false };
        if let Some(annotation) = &node.annotation {
            let message = format!("`({})` means nothing here", annotation.text);
            reader.fault(Code::UnexpectedValue, message, annotation.span, "delete this");
        }
        reader
    }

    /// A fault whose help is how the node is written.
    pub fn fault(&mut self, code: Code, message: impl Into<String>, span: Span, label: &str) {
        let usage = self.usage;
        self.fault_help(code, message, span, label, format!("write `{usage}`"));
    }

    pub fn fault_help(
        &mut self,
        code: Code,
        message: impl Into<String>,
        span: Span,
        label: &str,
        help: impl Into<String>,
    ) {
        self.faulty = true;
        self.faults.push(Diagnostic::error(code, message).label(span, label).help(help));
    }

    fn node_name(&self) -> String {
        self.node.name.text.clone().into_owned()
    }

    /// The next argument, which may be missing.
    pub fn optional_argument(&mut self) -> Option<&'r Value<'t>> {
        let value = self.node.arguments.get(self.next_argument)?;
        self.next_argument += 1;
        Some(value)
    }

    /// The next argument; `what` says what it is.
    pub fn argument(&mut self, what: &str) -> Option<&'r Value<'t>> {
        let value = self.optional_argument();
        if value.is_none() {
            let message = format!("`{}` needs {what}", self.node_name());
            self.fault(Code::MissingValue, message, self.node.span, "it is missing here");
        }
        value
    }

    /// The next argument as text.
    pub fn text(&mut self, what: &str) -> Option<Name> {
        let value = self.argument(what)?;
        self.as_text(value, what)
    }

    /// The next argument as a name that can become part of code and of file names.
    pub fn name(&mut self, what: &str) -> Option<Name> {
        let name = self.text("a name")?;
        self.checked(name, what)
    }

    /// `name`, if it can be used as one.
    pub fn checked(&mut self, name: Name, what: &str) -> Option<Name> {
        match names::fault(&name.text) {
            None => Some(name),
            Some(why) => {
                let message = format!("`{}` can't be {what}", name.text.escape_debug());
                self.fault_help(Code::InvalidName, message, name.span, "here", why);
                None
            }
        }
    }

    pub fn as_text(&mut self, value: &Value<'_>, what: impl fmt::Display) -> Option<Name> {
        self.refuse_annotation(value);
        match &value.scalar {
            Scalar::String(text) => Some(Name { text: text.clone().into_owned(), span: value.span }),
            other => {
                let message = format!("{what} must be text, and this is {}", other.noun());
                self.fault(Code::WrongType, message, value.span, "here");
                None
            }
        }
    }

    pub fn refuse_annotation(&mut self, value: &Value<'_>) {
        if let Some(annotation) = &value.annotation {
            let message = format!("`({})` means nothing here", annotation.text);
            self.fault_help(
                Code::UnexpectedValue,
                message,
                annotation.span,
                "in this place",
                "delete it; `(key)` and `(param)` refer only in the values of devices and of `use`",
            );
        }
    }

    /// The property `name`, if it is written. Twice is a fault.
    pub fn property(&mut self, name: &'static str) -> Option<&'r Value<'t>> {
        self.asked.push(name);
        let mut found: Option<&'r Property<'t>> = None;
        for property in self.node.properties.iter().filter(|p| names::same(&p.name.text, name)) {
            if let Some(first) = found {
                let diagnostic = Diagnostic::error(Code::DuplicateNode, format!("`{name}` is written twice"))
                    .label(property.name.span, "the second")
                    .label(first.name.span, "the first")
                    .help("delete one of the two");
                self.faulty = true;
                self.faults.push(diagnostic);
            } else {
                found = Some(property);
            }
        }
        found.map(|p| &p.value)
    }

    pub fn property_text(&mut self, name: &'static str) -> Option<Name> {
        let value = self.property(name)?;
        self.as_text(value, format_args!("`{name}`"))
    }

    pub fn required_text(&mut self, name: &'static str, what: &str) -> Option<Name> {
        let Some(value) = self.property(name) else {
            let message = format!("`{}` needs {what}", self.node_name());
            self.fault(Code::MissingValue, message, self.node.span, "it is missing here");
            return None;
        };
        self.as_text(value, format_args!("`{name}`"))
    }

    /// A truth value; not written is false.
    pub fn flag(&mut self, name: &'static str) -> bool {
        let Some(value) = self.property(name) else { return false };
        self.refuse_annotation(value);
        if let Scalar::Bool(on) = value.scalar {
            return on;
        }
        let message = format!("`{name}` is either `#true` or `#false`, and this is {}", value.scalar.noun());
        self.fault_help(
            Code::WrongType,
            message,
            value.span,
            "here",
            format!("write `{name}=#true`, or leave it out"),
        );
        false
    }

    pub fn integer(&mut self, name: &'static str) -> Option<(i128, Span)> {
        let value = self.property(name)?;
        self.refuse_annotation(value);
        if let Scalar::Integer(number) = value.scalar {
            return Some((number, value.span));
        }
        let message = format!("`{name}` must be a whole number, and this is {}", value.scalar.noun());
        self.fault_help(Code::WrongType, message, value.span, "here", format!("write `{name}=100`"));
        None
    }

    /// The properties that were not asked for: for nodes whose properties are named elsewhere.
    pub fn other_properties(&self) -> impl Iterator<Item = &'r Property<'t>> + use<'r, 't> {
        let asked = self.asked;
        self.node.properties.iter().filter(move |p| !asked.iter().any(|a| names::same(a, &p.name.text)))
    }

    /// The block's nodes.
    pub fn children(&self) -> &'r [Node<'t>] {
        self.node.children.as_deref().unwrap_or_default()
    }

    /// A child that may not be here.
    pub fn unknown_child(&mut self, child: &Node<'_>, allowed: &[&'static str]) {
        unknown_node(child, &format!("in `{}`", self.node.name.text), allowed, self.faults);
        self.faulty = true;
    }

    pub fn no_children(&mut self) {
        if let Some(first) = self.children().first() {
            let message = format!("`{}` has no block", self.node.name.text);
            self.fault(Code::UnexpectedValue, message, first.span, "this can't be here");
        }
    }

    /// Complains of every property that was not asked for, then as [`Reader::done`].
    pub fn done_with_properties(self) -> bool {
        self.done_with_properties_or(None)
    }

    /// As [`Reader::done_with_properties`]; `elsewhere` says where such a property can stand.
    pub fn done_with_properties_or(mut self, elsewhere: Option<&str>) -> bool {
        for property in self.other_properties() {
            let name = &property.name.text;
            let message = format!("`{}` has no property `{}`", self.node.name.text, name.escape_debug());
            let asked = self.asked;
            let help = match names::nearest(name, asked.iter()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if elsewhere.is_some() => elsewhere.unwrap_or_default().to_owned(),
                None if asked.count == 0 => format!("it has no properties; write `{}`", self.usage),
                None => format!("it has {}", names::list(asked.iter())),
            };
            self.fault_help(Code::UnknownProperty, message, property.name.span, "here", help);
        }
        self.done()
    }

    /// Complains of arguments beyond those taken. Whether the node had no fault.
    pub fn done(mut self) -> bool {
        if let Some(extra) = self.node.arguments.get(self.next_argument) {
            let message = format!("`{}` takes no further value", self.node.name.text);
            self.fault(Code::UnexpectedValue, message, extra.span, "this is one too many");
        }
        !self.faulty
    }
}

/// A node that nothing knows, `where_` says where: `in a manifest`.
pub(crate) fn unknown_node(
    node: &Node<'_>,
    place: &str,
    allowed: &[&'static str],
    faults: &mut Vec<Diagnostic>,
) {
    let name = &node.name.text;
    let message = format!("`{}` isn't known {place}", name.escape_debug());
    let help = match names::nearest(name, allowed.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("here can stand {}", names::list(allowed.iter().copied())),
    };
    faults.push(Diagnostic::error(Code::UnknownNode, message).label(node.name.span, "here").help(help));
}

/// Tells of `second`, which has the name of `first`.
pub(crate) fn duplicate(what: &str, first: &Name, second: &Name) -> Diagnostic {
    let code = if first.text == second.text { Code::DuplicateNode } else { Code::NameClash };
    let message = if first.text == second.text {
        format!("there are two {what} named `{second}`")
    } else {
        format!("`{first}` and `{second}` are one name: `-` and `_` are the same")
    };
    Diagnostic::error(code, message)
        .label(second.span, "the second")
        .label(first.span, "the first")
        .help("give one of them another name")
}
