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
    let mut word = String::new();
    // Whether a word has begun (it may be empty: `''`), and whether part of it was quoted.
    let (mut begun, mut quoted) = (false, false);
    let mut chars = line.chars();
    loop {
        let c = chars.next();
        match c {
            None | Some(' ' | '\t' | '\n' | '\r') => {
                if begun && (quoted || !is_foreign(&word)) {
                    words.push(core::mem::take(&mut word));
                }
                word.clear();
                (begun, quoted) = (false, false);
                if c.is_none() {
                    return Ok(words);
                }
                continue;
            }
            Some('\'') => {
                quoted = true;
                loop {
                    match chars.next().ok_or(Unclosed('\''))? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            Some('"') => {
                quoted = true;
                loop {
                    match chars.next().ok_or(Unclosed('"'))? {
                        '"' => break,
                        '\\' => match chars.next().ok_or(Unclosed('"'))? {
                            c @ ('"' | '\\') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            Some('\\') => {
                quoted = true;
                word.push(chars.next().ok_or(Unclosed('\\'))?);
            }
            Some(c) => word.push(c),
        }
        begun = true;
    }
}

/// Writes words so that [`split`] gives them back. A word that holds a NUL can't be passed on a command line, however
/// it is quoted.
pub fn quote<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    let mut line = String::new();
    for word in words {
        let word = word.as_ref();
        if !line.is_empty() {
            line.push(' ');
        }
        let special = |c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\'' | '"' | '\\');
        if !word.is_empty() && !word.contains(special) && !is_foreign(word) {
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
