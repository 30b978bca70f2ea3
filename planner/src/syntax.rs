//! KDL 2 text to nodes with spans: [`uk_kdl`] with this workspace's places and diagnostics.

use uk_diagnostic::{Code, Diagnostic, SourceId, Span};

pub use uk_kdl::{MAX_DEPTH, MAX_FAULTS, Scalar, quote};

/// A node.
pub type Node<'t> = uk_kdl::Node<'t, Span>;
/// `name=value`.
pub type Property<'t> = uk_kdl::Property<'t, Span>;
/// A name or a text value.
pub type Text<'t> = uk_kdl::Text<'t, Span>;
/// An argument or the right side of a property.
pub type Value<'t> = uk_kdl::Value<'t, Span>;

/// Reads `text`, the text of `source`. What can be read is read even where there are faults, which come in the order
/// in which they were found.
pub fn parse(source: SourceId, text: &str) -> (Vec<Node<'_>>, Vec<Diagnostic>) {
    let (nodes, faults) = uk_kdl::parse(text, |range| Span::new(source, range));
    (nodes, faults.into_iter().map(diagnostic).collect())
}

fn diagnostic(fault: uk_kdl::Fault<Span>) -> Diagnostic {
    let diagnostic = Diagnostic::error(Code::Syntax, fault.message).label(fault.place, fault.label);
    Diagnostic { help: fault.help, ..diagnostic }
}
