//! Texts that were read, and places in them.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Which text of a [`Sources`] a span points into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(u32);

/// A half-open range of **byte** offsets in one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The text that the offsets are in.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span over `range` of `source`. Offsets past 4 GiB saturate; manifests are far smaller.
    pub fn new(source: SourceId, range: Range<usize>) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { source, start: clamp(range.start), end: clamp(range.end) }
    }

    /// The byte range.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// One text with the name that messages give it.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path as a person would write it, relative to where the command ran when possible.
    pub name: String,
    /// The whole text.
    pub text: Arc<str>,
    lines: OnceLock<Vec<u32>>,
}

impl Source {
    /// Where each line starts, from the first at 0. Found when first asked for.
    pub fn line_starts(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let ends = self.text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX))).collect()
        })
    }

    /// The line, from 0, that the byte `offset` is in.
    pub fn line_of(&self, offset: usize) -> usize {
        self.line_starts().partition_point(|start| *start as usize <= offset).saturating_sub(1)
    }
}

/// Every text that a run has read, by id.
#[derive(Debug, Clone, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Adds a text and returns its id: that of the same text under the same name, where it was read before, so that a
    /// fault that shows twice is equal.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        let (name, text) = (name.into(), text.into());
        let known = self.0.iter().position(|source| source.name == name && source.text == text);
        let index = known.unwrap_or_else(|| {
            self.0.push(Source { name, text, lines: OnceLock::new() });
            self.0.len() - 1
        });
        SourceId(index as u32)
    }

    /// The source of `id`.
    ///
    /// # Panics
    /// When `id` came from another `Sources`.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.0[id.0 as usize]
    }

    /// `name:line:column` (both from 1, the column in characters) of a span's start.
    pub fn locate(&self, span: Span) -> String {
        let source = self.get(span.source);
        let offset = source.text.floor_char_boundary(span.start as usize);
        let line = source.line_of(offset);
        let column = source.text[source.line_starts()[line] as usize..offset].chars().count() + 1;
        let line = line + 1;
        format!("{}:{line}:{column}", source.name)
    }
}
