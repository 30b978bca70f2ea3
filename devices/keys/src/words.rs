//! Words in one line of text: what a guest's kernel command line is made of.
//!
//! The host [`quote`]s the guest's arguments into the one string that a virtual machine monitor takes, and the guest
//! [`split`]s it again.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Words that monitors add to a guest's command line by themselves: QEMU's microvm and Firecracker describe virtio
/// devices in them, and Firecracker turns PCI off.
const FOREIGN: &[&str] = &["virtio_mmio.device=", "pci=off"];

fn is_foreign(word: &str) -> bool {
    FOREIGN.iter().any(|foreign| word.starts_with(foreign))
}

/// Why a line can't be split: a quote isn't closed, or the line ends with a backslash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unclosed(char);

impl fmt::Display for Unclosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the command line ends after an open `{}`", self.0)
    }
}

impl core::error::Error for Unclosed {}

/// Splits a line as a shell does, at white space; `'...'` is taken as it stands, `"..."` but for `\"` and `\\`, and
/// outside quotes a backslash takes the next character as it stands. Leaves out the words that monitors add, unless
/// they are quoted.
pub fn split(line: &str) -> Result<Vec<String>, Unclosed> {
    let mut words = Vec::new();
    read(line, |word, foreign| words.extend(Some(word).filter(|_| !foreign)))?;
    Ok(words)
}

/// The words of a line that monitors added: those that [`split`] leaves out.
pub fn foreign(line: &str) -> Result<Vec<String>, Unclosed> {
    let mut words = Vec::new();
    read(line, |word, foreign| words.extend(Some(word).filter(|_| foreign)))?;
    Ok(words)
}

/// Calls `found` with each word, and whether a monitor added it.
fn read(line: &str, mut found: impl FnMut(String, bool)) -> Result<(), Unclosed> {
    let mut word = Word::default();
    let mut mode = Mode::Plain;
    for c in line.chars() {
        let (next, text) = match (mode, c) {
            (Mode::Plain, ' ' | '\t' | '\n' | '\r') => {
                word.end(&mut found);
                continue;
            }
            (Mode::Plain, '\'') => (Mode::Single, None),
            (Mode::Plain, '"') => (Mode::Double, None),
            (Mode::Plain, '\\') => (Mode::Escape, None),
            (Mode::Single, '\'') | (Mode::Double, '"') => (Mode::Plain, None),
            (Mode::Double, '\\') => (Mode::DoubleEscape, None),
            (Mode::Escape, c) => (Mode::Plain, Some(c)),
            (Mode::DoubleEscape, c) => {
                if !matches!(c, '"' | '\\') {
                    word.text.push('\\');
                }
                (Mode::Double, Some(c))
            }
            (mode, c) => (mode, Some(c)),
        };
        mode = next;
        word.begun = true;
        word.quoted |= mode != Mode::Plain;
        word.text.extend(text);
    }
    match mode {
        Mode::Plain => {
            word.end(&mut found);
            Ok(())
        }
        Mode::Single => Err(Unclosed('\'')),
        Mode::Double | Mode::DoubleEscape => Err(Unclosed('"')),
        Mode::Escape => Err(Unclosed('\\')),
    }
}

/// Where in a line the next character is.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Plain,
    /// Within `'...'`.
    Single,
    /// Within `"..."`.
    Double,
    /// After a backslash outside quotes.
    Escape,
    /// After a backslash within `"..."`.
    DoubleEscape,
}

/// A word that is being read.
#[derive(Default)]
struct Word {
    text: String,
    /// It may be empty and yet be a word: `''`.
    begun: bool,
    /// Some of it was quoted.
    quoted: bool,
}

impl Word {
    /// Ends the word; says what it is, if there was anything, and whether a monitor put it there.
    fn end(&mut self, found: &mut impl FnMut(String, bool)) {
        let word = core::mem::take(self);
        if word.begun {
            let foreign = !word.quoted && is_foreign(&word.text);
            found(word.text, foreign);
        }
    }
}

/// Writes words so that [`split`] gives them back, and a shell, too: commands are printed to be typed. A word that holds a
/// NUL can't be passed on a command line, however it is quoted.
pub fn quote<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    let mut line = String::new();
    for word in words {
        let word = word.as_ref();
        if !line.is_empty() {
            line.push(' ');
        }
        let plain = |c: char| c.is_alphanumeric() || "%+,-./:=@_".contains(c);
        // To a shell, `name=...` in front of a command is a variable, and to zsh any `=name` the path of a program.
        let named =
            |word: &str| word.starts_with(|c: char| c == '_' || c.is_alphabetic()) && word.contains('=');
        let assigns = word.starts_with('=') || (line.is_empty() && named(word));
        if !word.is_empty() && word.chars().all(plain) && !assigns && !is_foreign(word) {
            line.push_str(word);
            continue;
        }
        line.push('\'');
        for c in word.chars() {
            match c {
                '\'' => line.push_str("'\\''"),
                c => line.push(c),
            }
        }
        line.push('\'');
    }
    line
}
