//! What went wrong, where, and what to do about it.

use crate::{Code, Span};

/// How bad it is. An error stops the stage after it has said everything; a warning does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is built.
    Error,
    /// The build goes on.
    Warning,
}

/// A place with a remark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there; lower case, names in backticks.
    pub text: String,
}

/// One fault, complete: code, message, places, cause and the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its entry in the error index.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// One sentence; lower case, no full stop, names in backticks.
    pub message: String,
    /// Places, the most important first.
    pub labels: Vec<Label>,
    /// Further lines below the message: a cause, a list, an excerpt of a log.
    pub notes: Vec<String>,
    /// What to type or change.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error without places or help yet.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            help: None,
        }
    }

    /// A warning without places or help yet.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Adds a place.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a note.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Sets the help.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Whether this stops the build.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Puts diagnostics into the order of their places and drops those that are said twice.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    let place = |d: &Diagnostic| d.labels.first().map(|l| (l.span.source, l.span.start, l.span.end));
    diagnostics.sort_by(|a, b| {
        place(a).cmp(&place(b)).then_with(|| {
            (a.code, &a.message, &a.help, &a.notes).cmp(&(b.code, &b.message, &b.help, &b.notes))
        })
    });
    diagnostics.dedup();
}
