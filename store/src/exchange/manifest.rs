//! The list of an archive's contents.
//!
//! ```text
//! made-by uk 0.1.0
//! artifact hello.virtio
//! made DIGEST                    an object that the artifact is
//! object DIGEST LENGTH           kept as cas/xx/DIGEST
//! log KEY LENGTH DIGEST          a file that goes with a record
//! ac KEY LENGTH DIGEST           a record
//! ```
//!
//! Contents follow in the order of the lines; each place stands once, and records stand last.

use std::collections::HashSet;
use std::fmt::Write as _;

use uk_action::Digest;

use super::ArchiveError;
use crate::layout::WITH_RECORD;

/// An archive's manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) made_by: String,
    pub(super) artifact: String,
    pub(super) made: Vec<Digest>,
    pub(super) contents: Vec<Content>,
}

/// A content and where it goes: `FOLDER/xx/NAME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) folder: &'static str,
    pub(super) name: Digest,
    pub(super) length: u64,
    pub(super) digest: Digest,
}

impl Manifest {
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a String can't fail.
        let _ = writeln!(text, "made-by {}\nartifact {}", self.made_by, self.artifact);
        self.made.iter().for_each(|digest| _ = writeln!(text, "made {digest}"));
        for Content { folder, name, length, digest } in &self.contents {
            let _ = match *folder {
                "cas" => writeln!(text, "object {name} {length}"),
                folder => writeln!(text, "{folder} {name} {length} {digest}"),
            };
        }
        text
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let text = std::str::from_utf8(bytes).map_err(|_| foreign("its manifest isn't text".to_owned()))?;
        let mut manifest = Self::default();
        let mut places = HashSet::new();
        for line in text.lines() {
            let wrong = || foreign(format!("its manifest has the line `{line}`"));
            let (word, rest) = line.split_once(' ').ok_or_else(wrong)?;
            match word {
                "made-by" => manifest.made_by = rest.to_owned(),
                "artifact" => manifest.artifact = rest.to_owned(),
                "made" => manifest.made.push(rest.parse().map_err(|_| wrong())?),
                _ => {
                    let content = content(word, rest).ok_or_else(wrong)?;
                    let last = manifest.contents.last().map_or("cas", |last: &Content| last.folder);
                    let late = last == "ac" && content.folder != "ac";
                    if late || !places.insert((content.folder, content.name)) {
                        return Err(wrong());
                    }
                    manifest.contents.push(content);
                }
            }
        }
        Ok(manifest)
    }

    /// The length of all contents; no sum of lengths that were made up overflows.
    pub(super) fn size(&self) -> u64 {
        self.contents.iter().fold(0, |sum, content| content.length.saturating_add(sum))
    }
}

fn content(word: &str, rest: &str) -> Option<Content> {
    let folder = match word {
        "object" => "cas",
        "ac" => "ac",
        other => WITH_RECORD.into_iter().find(|folder| *folder == other)?,
    };
    let mut words = rest.split(' ');
    let name = words.next()?.parse().ok()?;
    let length = words.next()?.parse().ok()?;
    let digest = if folder == "cas" { name } else { words.next()?.parse().ok()? };
    words.next().is_none().then_some(Content { folder, name, length, digest })
}

fn foreign(what: String) -> ArchiveError {
    ArchiveError::Foreign(what)
}
