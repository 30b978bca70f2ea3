//! Reading a command line against a table of keys.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::values::{Entry, Values};
use crate::{Filter, Key, Kind, Stage, Value, WORDS, help, nearest, same_name};

/// What a command line asks for.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// To run with these values.
    Run(Values),
    /// To print this text and end well.
    Help(String),
    /// It is wrong; print this and end with code 64.
    Usage(Usage),
}

/// What is wrong with a command line, and what to type instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.help.is_empty() {
            return Ok(());
        }
        f.write_str("; ")?;
        f.write_str(&self.help)
    }
}

impl core::error::Error for Usage {}

/// The texts come in parts: joining those takes less code than formatting them.
fn usage(message: &[&str], help: &[&str]) -> Usage {
    Usage { message: message.concat(), help: help.concat() }
}

/// Reads a command line: `--name=value`, `--name value`, `--flag` for a bool that is true, `-l LEVELS`, `--help`. Other words
/// belong to the key [`WORDS`], if there is one.
///
/// `--help` wins over every mistake; otherwise the first mistake is reported.
pub fn parse<S: AsRef<str>>(program: &str, table: &[Key<'_>], args: impl IntoIterator<Item = S>) -> Outcome {
    let args: Vec<S> = args.into_iter().collect();
    let mut rest = args.iter().map(AsRef::as_ref);
    let mut given = Given { texts: table.iter().map(|_| None).collect(), words: Vec::new(), logs: None };
    let takes_words = table.iter().any(takes_words);
    let mut only_words = false;
    let mut wrong = None;
    while let Some(arg) = rest.next() {
        if takes_words && arg == "--" && !only_words {
            only_words = true;
            continue;
        }
        if takes_words && (only_words || !arg.starts_with('-')) {
            given.words.push(arg);
            continue;
        }
        if matches!(arg, "--help" | "-h") {
            return Outcome::Help(help(program, table));
        }
        // A word that starts with `--` is never taken as a value: it is far more often a forgotten value.
        let next = rest.clone().next().filter(|next| !next.starts_with("--"));
        match option(table, &mut given, arg, next) {
            Ok(false) => {}
            Ok(true) => drop(rest.next()),
            Err(error) => {
                wrong.get_or_insert(error);
            }
        }
    }
    match wrong.map_or_else(|| values(table, given), Err) {
        Ok(values) => Outcome::Run(values),
        Err(error) => Outcome::Usage(error),
    }
}

/// What was given so far.
///
/// The table stands apart, and is passed by value: the optimiser then leaves all of this out of an image without keys.
struct Given<'a> {
    /// The texts of the keys, in the order of the table.
    texts: Vec<Option<&'a str>>,
    /// The words for [`WORDS`].
    words: Vec<&'a str>,
    logs: Option<Filter>,
}

/// Takes one option; says whether it used up the next word as its value.
fn option<'a>(
    table: &[Key<'_>],
    given: &mut Given<'a>,
    arg: &'a str,
    next: Option<&'a str>,
) -> Result<bool, Usage> {
    let (option, value) = match arg.split_once('=') {
        Some((option, value)) => (option, Some(value)),
        None => (arg, None),
    };
    if matches!(option, "-l" | "--logs") {
        let (text, used) = value_of(option, value, next)?;
        if given.logs.is_some() {
            return Err(twice(option));
        }
        given.logs = match Filter::parse(text) {
            None => return Err(usage(&["`", option, "=", text, "`: expected ", Filter::EXPECTED], &[])),
            filter => filter,
        };
        return Ok(used);
    }
    let Some(name) = option.strip_prefix("--").filter(|name| !name.is_empty()) else {
        let message = ["unexpected word `", option, "`"];
        return Err(usage(&message, &["write keys as `--name=value`, and see `--help`"]));
    };
    let Some((key, place)) = table.iter().zip(&mut given.texts).find(|(key, _)| same_name(key.name, name))
    else {
        return Err(unknown(name, table));
    };
    if key.stage == Stage::Build {
        let example = value.filter(|_| !key.secret).unwrap_or("...");
        return Err(usage(
            &["`", key.name, "` is fixed in the image"],
            &["rebuild with `uk build --set ", key.name, "=", example, "`"],
        ));
    }
    let (text, used) = match (key.kind, value) {
        (Kind::Bool, None) => ("true", false),
        _ => value_of(option, value, next)?,
    };
    if place.is_some() {
        return Err(twice(option));
    }
    // Checked here, so that the first mistake of the line is the one that is reported.
    read(key, text)?;
    *place = Some(text);
    Ok(used)
}

fn read(key: &Key<'_>, text: &str) -> Result<Value, Usage> {
    key.kind.parse(text).map_err(|invalid| {
        let shown = if key.secret { "..." } else { text };
        usage(&["`--", key.name, "=", shown, "`: ", &invalid.to_string()], &[])
    })
}

fn values(table: &[Key<'_>], given: Given<'_>) -> Result<Values, Usage> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, text) in table.iter().zip(given.texts) {
        let value = if takes_words(key) && !given.words.is_empty() {
            if text.is_some() {
                return Err(twice("--args"));
            }
            let words = given.words.iter().map(|word| Value::Str(word.to_string()));
            Some(Value::List(words.collect()))
        } else {
            text.or(key.default).map(|text| read(key, text)).transpose()?
        };
        if value.is_none() && key.required {
            let message = ["the key `", key.name, "` has no value"];
            return Err(usage(&message, &["give one with `--", key.name, "=...`"]));
        }
        entries.push(Entry { name: key.name.to_string(), secret: key.secret, value });
    }
    Ok(Values { entries, logs: given.logs.unwrap_or_default() })
}

/// Whether a key takes the words that belong to no other.
pub(crate) fn takes_words(key: &Key<'_>) -> bool {
    key.name == WORDS && key.kind == Kind::List(&Kind::Str) && key.stage != Stage::Build
}

fn value_of<'a>(
    option: &str,
    value: Option<&'a str>,
    next: Option<&'a str>,
) -> Result<(&'a str, bool), Usage> {
    match (value, next) {
        (Some(text), _) => Ok((text, false)),
        (None, Some(text)) => Ok((text, true)),
        (None, None) => Err(usage(&["`", option, "` needs a value"], &["write `", option, "=...`"])),
    }
}

fn twice(option: &str) -> Usage {
    usage(&["`", option, "` is given twice"], &["leave one out"])
}

fn unknown(name: &str, table: &[Key<'_>]) -> Usage {
    let names = table.iter().map(|key| key.name).chain(crate::RESERVED.iter().copied());
    let message = ["unknown key `", name, "`"];
    match nearest(name, names) {
        Some(near) => usage(&message, &["did you mean `--", near, "`?"]),
        None => usage(&message, &["`--help` lists the keys"]),
    }
}
