//! The lines that are shown of what a step printed.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use uk_store::Fault;

/// How many at most; the whole is in a file.
pub const SHOWN: usize = 60;
/// How much of the beginning is read of a log of which the store gave the end, in bytes.
const BEGINNING: u64 = 64 << 10;

/// What a step printed, as far as it is at hand.
pub struct Log {
    /// Its text.
    pub text: String,
    /// Whether something is missing in the middle.
    pub gap: bool,
}

impl Log {
    /// What the failed step printed: all of it, or its beginning and its end.
    pub fn of(fault: &Fault) -> Self {
        let end = String::from_utf8_lossy(&fault.log).into_owned();
        let before = fault.log_path.as_ref().and_then(|path| beginning(path, fault.log.len() as u64).ok());
        let Some((before, gap)) = before else { return Self { text: end, gap: false } };
        let before = String::from_utf8_lossy(&before);
        let text = match (gap, before.rsplit_once('\n'), end.split_once('\n')) {
            // Only whole lines.
            (true, Some((before, _)), Some((_, end))) => format!("{before}\n{end}"),
            _ => format!("{before}{end}"),
        };
        Self { text, gap }
    }
}

/// The beginning of a log whose last `known` bytes are known, and whether there is more between the two.
fn beginning(path: &Path, known: u64) -> io::Result<(Vec<u8>, bool)> {
    let file = File::open(path)?;
    let before = file.metadata()?.len().saturating_sub(known);
    let mut bytes = Vec::new();
    file.take(before.min(BEGINNING)).read_to_end(&mut bytes)?;
    Ok((bytes, before > BEGINNING))
}

/// The lines; of many the first and the last, which tell how it began and why it ended. `gap`: some in the middle aren't
/// among `lines`.
pub fn excerpt<S: AsRef<str>>(lines: &[S], gap: bool) -> String {
    let lines: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
    if lines.len() <= SHOWN {
        return lines.join("\n");
    }
    let (first, last) = (SHOWN / 2, SHOWN - SHOWN / 2 - 1);
    let (left_out, end) = (lines.len() - first - last, lines.len() - last);
    let many = if gap { "more than " } else { "" };
    format!(
        "{}\n... {many}{left_out} lines left out ...\n{}",
        lines[..first].join("\n"),
        lines[end..].join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_lines_the_first_and_the_last_are_shown() {
        let lines = |number: usize| (0..number).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(excerpt(&lines(SHOWN), false), lines(SHOWN).join("\n"));
        let shown = excerpt(&lines(SHOWN + 1), false);
        assert_eq!(shown.lines().count(), SHOWN);
        assert!(shown.contains("29\n... 2 lines left out ...\n32\n"), "{shown}");
        assert!(excerpt(&lines(1000), true).contains("\n... more than 941 lines left out ...\n971\n"));
    }

    #[test]
    fn of_a_log_that_is_known_by_its_end_the_beginning_is_read() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("log");
        std::fs::write(&path, vec![b'x'; 100]).expect("files can be made");
        assert_eq!(beginning(&path, 100).expect("it is there"), (vec![], false));
        assert_eq!(beginning(&path, 90).expect("it is there"), (vec![b'x'; 10], false));
        let length = BEGINNING as usize + 11;
        std::fs::write(&path, vec![b'x'; length]).expect("files can be made");
        assert_eq!(beginning(&path, 10).expect("it is there"), (vec![b'x'; BEGINNING as usize], true));
    }
}
