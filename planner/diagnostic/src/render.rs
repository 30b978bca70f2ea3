//! A diagnostic together with the texts that it points into, as `miette` wants it.

use std::fmt;
use std::ops::Range;

use crate::{Diagnostic, Severity, Source, Sources, Span};

/// Pairs a diagnostic with its sources so that any `miette` handler can draw it.
///
/// `miette` draws one source for a report: labels in the first label's source become its labels. Those elsewhere
/// become advice of its own below, with an excerpt. Notes stand before the help.
#[derive(Debug)]
pub struct Rendered<'a> {
    diagnostic: &'a Diagnostic,
    source: Option<Excerpts<'a>>,
    labels: Vec<miette::LabeledSpan>,
    advice: Vec<Advice<'a>>,
    help: Option<String>,
}

/// A remark below a report.
#[derive(Debug)]
struct Advice<'a> {
    text: &'a str,
    source: Excerpts<'a>,
    label: miette::LabeledSpan,
}

impl<'a> Rendered<'a> {
    /// Prepares `diagnostic` for drawing.
    pub fn new(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Self {
        let main = diagnostic.labels.first().map(|l| l.span.source);
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            diagnostic.labels.iter().partition(|l| Some(l.span.source) == main);
        let labels = here.into_iter().map(|label| {
            let text = Some(label.text.clone()).filter(|t| !t.is_empty());
            miette::LabeledSpan::new_with_span(text, visible(sources, label.span))
        });
        let elsewhere = elsewhere.into_iter().map(|label| Advice {
            text: &label.text,
            source: Excerpts(sources.get(label.span.source)),
            label: miette::LabeledSpan::new_with_span(None, visible(sources, label.span)),
        });
        let help: Vec<&str> = diagnostic.notes.iter().chain(&diagnostic.help).map(String::as_str).collect();
        Self {
            diagnostic,
            source: main.map(|id| Excerpts(sources.get(id))),
            labels: labels.collect(),
            advice: elsewhere.collect(),
            help: (!help.is_empty()).then(|| help.join("\n")),
        }
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

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        if self.advice.is_empty() {
            return None;
        }
        Some(Box::new(self.advice.iter().map(|a| a as &dyn miette::Diagnostic)))
    }
}

impl fmt::Display for Advice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl std::error::Error for Advice<'_> {}

impl miette::Diagnostic for Advice<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(miette::Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(self.label.clone())))
    }
}

/// What is drawn for `span`. `miette` leaves out a label that has nothing under it, which is so behind the last character
/// of a text: there the label points at that character.
fn visible(sources: &Sources, span: Span) -> Range<usize> {
    let (range, text) = (span.range(), &sources.get(span.source).text);
    if !range.is_empty() || range.start < text.len() {
        return range;
    }
    let last = text.char_indices().next_back().map_or(0, |(at, _)| at);
    last..text.len()
}

/// A source that finds lines by its index. `miette`'s own sources read the text from its start for every label.
#[derive(Debug, Clone, Copy)]
struct Excerpts<'a>(&'a Source);

impl miette::SourceCode for Excerpts<'_> {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let source = self.0;
        let starts = source.line_starts();
        let end = span.offset() + span.len();
        if end > source.text.len() {
            return Err(miette::MietteError::OutOfBounds);
        }
        let first = source.line_of(span.offset());
        // A span that ends with its line's end belongs to that line.
        let last = source.line_of(end.saturating_sub(usize::from(!span.is_empty())));
        let (from, to) = (first.saturating_sub(before), last + after + 1);
        let line_start = starts[from] as usize;
        // Without lines before it, an excerpt starts at the span itself, in that column.
        let start = if before == 0 { span.offset() } else { line_start };
        let column = source.text[line_start..start].chars().count();
        let stop = starts.get(to).map_or(source.text.len(), |s| *s as usize);
        Ok(Box::new(miette::MietteSpanContents::new_named(
            source.name.clone(),
            &source.text.as_bytes()[start..stop],
            (start, stop - start).into(),
            from,
            column,
            // By these it is told which labels are near enough to share an excerpt.
            to.min(starts.len()) - from,
        )))
    }
}
