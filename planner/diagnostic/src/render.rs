//! A diagnostic together with the texts that it points into, as `miette` wants it.

use std::fmt;

use crate::{Diagnostic, Severity, Sources};

/// Pairs a diagnostic with its sources so that any `miette` handler can draw it.
///
/// `miette` draws one source for a report: labels in the first label's source become its labels, those elsewhere
/// become related notes that name their place.
#[derive(Debug)]
pub struct Rendered<'a> {
    diagnostic: &'a Diagnostic,
    source: Option<miette::NamedSource<std::sync::Arc<str>>>,
    labels: Vec<miette::LabeledSpan>,
    help: Option<String>,
}

impl<'a> Rendered<'a> {
    /// Prepares `diagnostic` for drawing.
    pub fn new(diagnostic: &'a Diagnostic, sources: &Sources) -> Self {
        let main = diagnostic.labels.first().map(|l| l.span.source);
        let source = main.map(|id| {
            let s = sources.get(id);
            miette::NamedSource::new(&s.name, s.text.clone())
        });
        let mut labels = Vec::new();
        let mut lines = diagnostic.notes.clone();
        for label in &diagnostic.labels {
            if Some(label.span.source) == main {
                let text = Some(label.text.clone()).filter(|t| !t.is_empty());
                labels.push(miette::LabeledSpan::new_with_span(text, label.span.range()));
            } else {
                lines.push(format!("{}: {}", sources.locate(label.span), label.text));
            }
        }
        lines.extend(diagnostic.help.clone());
        let help = (!lines.is_empty()).then(|| lines.join("\n"));
        Self { diagnostic, source, labels, help }
    }
}

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Rendered<'_> {}

impl miette::Diagnostic for Rendered<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|h| Box::new(h) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_ref().map(|s| s as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
