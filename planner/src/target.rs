//! Targets by name.

use uk_backends::Target;
use uk_diagnostic::{Code, Diagnostic, Span};

use crate::names;

/// The target that is called `name`, or what to say about it. `span` is where the name was given, if it can be shown.
/// `macosx` is for the caller to resolve: it depends on the host.
pub fn target(name: &str, span: Option<Span>) -> Result<Target, Diagnostic> {
    name.parse().map_err(|_| {
        let fault =
            Diagnostic::error(Code::UnknownTarget, format!("there is no target `{}`", name.escape_debug()));
        let fault = match span {
            Some(span) => fault.label(span, "here"),
            None => fault,
        };
        match names::nearest(name, Target::ALL.iter().map(|t| t.name())) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault.help(format!("targets are {}", names::list(Target::ALL.iter().map(|t| t.name())))),
        }
    })
}
