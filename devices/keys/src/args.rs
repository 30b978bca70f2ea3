//! Reading a command line against a table of keys.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::values::{Entry, Values};
use crate::{Filter, Key, Kind, Stage, help, nearest, same_name};

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

fn usage(message: String, help: impl Into<String>) -> Usage {
    Usage { message, help: help.into() }
}

/// Reads a command line: `--name=value`, `--name value`, `--flag` for a bool that is true, `-l LEVELS`, `--help`.
///
/// `--help` wins over every mistake; otherwise the first mistake is reported.
pub fn parse<S: AsRef<str>>(program: &str, table: &[Key<'_>], args: impl IntoIterator<Item = S>) -> Outcome {
    let mut reader = Reader { table, given: table.iter().map(|_| None).collect(), logs: None };
    let mut wrong = None;
    let mut args = args.into_iter().peekable();
    while let Some(arg) = args.next() {
        let arg = arg.as_ref();
        if matches!(arg, "--help" | "-h") {
            return Outcome::Help(help(program, table));
        }
        let (name, value) = match arg.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (arg, None),
        };
        // A word that starts with `--` is never taken as a value: it is far more often a forgotten value.
        let next = args.peek().map(|next| next.as_ref().to_owned()).filter(|next| !next.starts_with("--"));
        match reader.option(name, value, next.as_deref()) {
            Ok(false) => {}
            Ok(true) => drop(args.next()),
            Err(error) => {
                wrong.get_or_insert(error);
            }
        }
    }
    match wrong.map_or_else(|| reader.values(), Err) {
        Ok(values) => Outcome::Run(values),
        Err(error) => Outcome::Usage(error),
    }
}

struct Reader<'a> {
    table: &'a [Key<'a>],
    /// The texts that were given, in the order of the table.
    given: Vec<Option<String>>,
    logs: Option<Filter>,
}

impl Reader<'_> {
    /// Takes one option; says whether it used up the next word as its value.
    fn option(&mut self, option: &str, value: Option<&str>, next: Option<&str>) -> Result<bool, Usage> {
        if matches!(option, "-l" | "--logs") {
            let (text, used) = given(option, value, next)?;
            if self.logs.is_some() {
                return Err(twice(option));
            }
            let filter = Filter::parse(text)
                .ok_or_else(|| usage(format!("`{option}={text}`: expected {}", Filter::EXPECTED), ""))?;
            self.logs = Some(filter);
            return Ok(used);
        }
        let Some(name) = option.strip_prefix("--").filter(|name| !name.is_empty()) else {
            let message = format!("unexpected word `{option}`");
            return Err(usage(message, "write keys as `--name=value`, and see `--help`"));
        };
        let Some(at) = self.table.iter().position(|key| same_name(key.name, name)) else {
            return Err(unknown(name, self.table));
        };
        let key = &self.table[at];
        if key.stage == Stage::Build {
            let example = value.filter(|_| !key.secret).unwrap_or("...");
            return Err(usage(
                format!("`{}` is fixed in the image", key.name),
                format!("rebuild with `uk build --set {}={example}`", key.name),
            ));
        }
        let (text, used) = match (key.kind, value) {
            (Kind::Bool, None) => ("true", false),
            _ => given(option, value, next)?,
        };
        if self.given[at].is_some() {
            return Err(twice(option));
        }
        // Checked here, so that the first mistake of the line is the one that is reported.
        self.read(at, text)?;
        self.given[at] = Some(text.to_string());
        Ok(used)
    }

    fn read(&self, at: usize, text: &str) -> Result<crate::Value, Usage> {
        let key = &self.table[at];
        key.kind.parse(text).map_err(|invalid| {
            let shown = if key.secret { "..." } else { text };
            usage(format!("`--{}={shown}`: {invalid}", key.name), "")
        })
    }

    fn values(self) -> Result<Values, Usage> {
        let mut entries = Vec::with_capacity(self.table.len());
        for (at, key) in self.table.iter().enumerate() {
            let text = self.given[at].as_deref().or(key.default);
            let value = text.map(|text| self.read(at, text)).transpose()?;
            if value.is_none() && key.required {
                let message = format!("the key `{}` has no value", key.name);
                return Err(usage(message, format!("give one with `--{}=...`", key.name)));
            }
            entries.push(Entry { name: key.name.to_string(), secret: key.secret, value });
        }
        Ok(Values { entries, logs: self.logs.unwrap_or_default() })
    }
}

fn given<'a>(option: &str, value: Option<&'a str>, next: Option<&'a str>) -> Result<(&'a str, bool), Usage> {
    match (value, next) {
        (Some(text), _) => Ok((text, false)),
        (None, Some(text)) => Ok((text, true)),
        (None, None) => Err(usage(format!("`{option}` needs a value"), format!("write `{option}=...`"))),
    }
}

fn twice(option: &str) -> Usage {
    usage(format!("`{option}` is given twice"), "leave one out")
}

fn unknown(name: &str, table: &[Key<'_>]) -> Usage {
    let names = table.iter().map(|key| key.name).chain(crate::RESERVED.iter().copied());
    let help = match nearest(name, names) {
        Some(near) => format!("did you mean `--{near}`?"),
        None => "`--help` lists the keys".to_string(),
    };
    usage(format!("unknown key `{name}`"), help)
}
