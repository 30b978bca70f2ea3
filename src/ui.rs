//! The only printer: what a command makes goes to standard output, everything else to standard error.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use miette::{GraphicalReportHandler, GraphicalTheme};
use rustix::process::{Resource, getrlimit};
use uk_diagnostic::{Code, Diagnostic, Rendered, Sources};

use crate::cli::When;
use crate::failure::Failure;

/// Diagnostics that are drawn at once: what damaged a file has many, and nobody reads more.
const MOST: usize = 100;
/// Paths that are listed at once: hooks can make hundreds.
const MOST_PATHS: usize = 10;

/// How to print in this run.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    colours: bool,
    live: bool,
}

impl Ui {
    /// Decides from the terminal, the environment and `--color`.
    pub fn new(when: When) -> Self {
        // A terminal that calls itself dumb knows no escape sequences.
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let terminal = std::io::stderr().is_terminal() && !dumb;
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        let colours = match when {
            When::Auto => terminal && wanted,
            When::Always => true,
            When::Never => false,
        };
        Self { colours, live: terminal && when != When::Never }
    }

    /// Whether escape sequences may be printed.
    pub fn colours(self) -> bool {
        self.colours
    }

    /// Whether lines may be redrawn.
    pub fn live(self) -> bool {
        self.live
    }

    /// What the command was asked for, to standard output. A reader that went away is no fault.
    ///
    /// # Errors
    /// `UK0506` where it can't be written.
    pub fn output(self, text: &str) -> Result<(), Box<Diagnostic>> {
        let mut out = std::io::stdout().lock();
        written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
    }

    /// A line for the person at the terminal, to standard error.
    pub fn note(self, line: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    /// A line for each of the `paths` in `folder` to which `what` was done, or for the first and for how many more there are.
    pub fn paths(self, what: &str, folder: &Path, paths: &[PathBuf]) {
        for path in paths.iter().take(MOST_PATHS) {
            self.note(&format!("{what} {}", folder.join(path).display()));
        }
        if let more @ 1.. = paths.len().saturating_sub(MOST_PATHS) {
            self.note(&format!("{what} {more} more in {}", folder.display()));
        }
    }

    /// Asks the person at the terminal. Where there is none, the answer is no.
    pub fn ask(self, question: &str) -> bool {
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return false;
        }
        let _ = write!(std::io::stderr().lock(), "{question} [y/N] ");
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }

    /// Every diagnostic of a failed command.
    pub fn failure(self, failure: &Failure) {
        self.diagnostics(&failure.diagnostics, &failure.sources);
    }

    /// Diagnostics, each with its excerpt.
    pub fn diagnostics(self, diagnostics: &[Diagnostic], sources: &Sources) {
        let theme = if self.colours { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        // Never wrapped: paths and commands are to be copied, and what a compiler drew is to stay as it was.
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_links(false)
            .with_width(100)
            .with_wrap_lines(false);
        let mut shown: Vec<&Diagnostic> = diagnostics.iter().collect();
        if shown.len() > MOST {
            // Errors stay.
            shown.sort_by_key(|diagnostic| !diagnostic.is_error());
            shown.truncate(MOST);
        }
        for diagnostic in &shown {
            // What a tool printed is shown as it printed it.
            let (logs, notes): (Vec<String>, Vec<String>) =
                diagnostic.notes.iter().cloned().partition(|note| note.contains('\n'));
            let help = more_files(diagnostic).or_else(|| diagnostic.help.clone());
            let last = logs.is_empty().then(|| help.clone()).flatten();
            let drawn = Diagnostic { notes, help: last, ..(*diagnostic).clone() };
            let mut text = String::new();
            if handler.render_report(&mut text, &Rendered::new(&drawn, sources)).is_err() {
                text = format!("{}: {}\n", diagnostic.code, diagnostic.message);
            }
            for log in &logs {
                text.push_str(&format!("\n{}\n", log.trim_end()));
            }
            if let Some(help) = help.filter(|_| !logs.is_empty()) {
                text.push_str(&format!("\n  help: {help}\n"));
            }
            self.note(&text);
        }
        let more = diagnostics.len() - shown.len();
        if more > 0 {
            self.note(&format!("... and {more} more of them: mend these first"));
        }
    }
}

/// What to type where descriptors ran out, of `uk` or of what it started: whatever failed because of that has other advice.
fn more_files(diagnostic: &Diagnostic) -> Option<String> {
    // EMFILE, as every program in Rust says it.
    let names = |text: &String| text.contains("Too many open files (os error 24)");
    let ran_out = diagnostic.is_error() && (names(&diagnostic.message) || diagnostic.notes.iter().any(names));
    let limit = getrlimit(Resource::Nofile).current.filter(|_| ran_out)?;
    Some(format!("raise the limit of open files, which is {limit}: `ulimit -n {}`", limit.saturating_mul(2)))
}

/// Whether standard output took what was written. A reader that went away is no fault.
///
/// # Errors
/// `UK0506` where it didn't.
pub fn written(result: std::io::Result<()>) -> Result<(), Box<Diagnostic>> {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let message = format!("can't write to standard output: {error}");
            Err(Box::new(Diagnostic::error(Code::NotWritable, message).help("look at where it leads to")))
        }
        _ => Ok(()),
    }
}

/// Columns as wide as they must be, the last one open.
pub fn table<const N: usize>(heads: &[String; N], rows: &[[String; N]]) -> String {
    let all = || std::iter::once(heads).chain(rows);
    let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in all() {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A duration as people read it: `4 ms`, `5.6 s`, `2 min 3 s`.
pub fn duration(time: Duration) -> String {
    let millis = time.as_millis();
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{:.1} s", time.as_secs_f64()),
        _ => format!("{} min {} s", millis / 60_000, millis / 1000 % 60),
    }
}

/// A number of bytes as people read it: `12 B`, `3.4 KiB`, `5.6 GiB`.
pub fn size(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") };
        }
        size /= 1024.0;
    }
    format!("{size:.1} TiB")
}

/// `text` without ANSI escape sequences.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            out.push(c);
            continue;
        }
        // A control sequence: `[`, parameters, and a final byte from `@` to `~`.
        if chars.next() == Some('[') {
            chars.by_ref().find(|c| ('@'..='~').contains(c));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(Duration::from_millis(4)), "4 ms");
        assert_eq!(duration(Duration::from_millis(5600)), "5.6 s");
        assert_eq!(duration(Duration::from_secs(123)), "2 min 3 s");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(
            [0, 1023, 1536, 5 << 20, 3 << 40].map(size),
            ["0 B", "1023 B", "1.5 KiB", "5.0 MiB", "3.0 TiB"]
        );
    }

    #[test]
    fn escapes_are_taken_out() {
        assert_eq!(plain("\u{1b}[1m\u{1b}[38;5;9merror\u{1b}[0m: é"), "error: é");
    }
}
