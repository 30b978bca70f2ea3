//! Action records: what a key came out as.
//!
//! A record is a fact that never becomes untrue, only its objects may be gone. It is text, one field a line, and its last
//! line is the digest of what stands before: a torn or damaged record counts as none.
//!
//! ```text
//! uk-record 1
//! class folder
//! duration-ms 1234
//! log 0
//! output DIGEST SIZE file
//! check DIGEST
//! ```

use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use uk_action::{Class, Digest, Produced};

use crate::layout::Store;
use crate::{StoreError, checked};

/// What an action made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// How strictly it was kept to its inputs (the word of [`Class::name`]).
    pub class: String,
    /// How long it ran.
    pub duration: Duration,
    /// Length of its log in bytes: zero when it printed nothing.
    pub log: u64,
    /// Its outputs, in the action's order.
    pub outputs: Arc<[Produced]>,
}

impl Record {
    pub(crate) fn new(class: Class, duration: Duration, log: u64, outputs: Arc<[Produced]>) -> Self {
        Self { class: class.name().to_owned(), duration, log, outputs }
    }

    pub(crate) fn to_text(&self) -> String {
        let mut text = format!(
            "uk-record 1\nclass {}\nduration-ms {}\nlog {}\n",
            self.class,
            self.duration.as_millis(),
            self.log
        );
        for Produced { digest, size, executable } in &*self.outputs {
            let word = if *executable { "program" } else { "file" };
            // Writing to a String can't fail.
            let _ = writeln!(text, "output {digest} {size} {word}");
        }
        checked::with_digest(text)
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut lines = checked::lines(text, "uk-record")?;
        let class = checked::field(&mut lines, "class")?.to_owned();
        let duration = Duration::from_millis(checked::field(&mut lines, "duration-ms")?.parse().ok()?);
        let log = checked::field(&mut lines, "log")?.parse().ok()?;
        let outputs = lines.map(|line| {
            let mut words = line.strip_prefix("output ")?.split(' ');
            let digest = words.next()?.parse().ok()?;
            let size = words.next()?.parse().ok()?;
            let executable = match words.next()? {
                "program" => true,
                "file" => false,
                _ => return None,
            };
            Some(Produced { digest, size, executable })
        });
        Some(Self { class, duration, log, outputs: outputs.collect::<Option<_>>()? })
    }
}

impl Store {
    /// What is known of `key`. Its outputs' bytes need not be there any more.
    pub fn record(&self, key: Digest) -> Option<Record> {
        Record::from_text(&fs::read_to_string(self.record_path(key)).ok()?)
    }

    /// Writes a record: the last step of an action. Not synced, since a torn record counts as none.
    pub(crate) fn put_record(&self, key: Digest, record: &Record) -> Result<(), StoreError> {
        self.protect([key])?;
        self.place_bytes(record.to_text().as_bytes(), &self.record_path(key))
    }
}
