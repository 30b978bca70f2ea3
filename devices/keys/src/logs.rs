//! Log levels by the name of who logs: `*:debug,net:info`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::same_name;

/// How much is logged; the numbers are those of the `log` crate's level filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Nothing.
    Quiet = 0,
    /// Errors.
    Error = 1,
    /// And warnings.
    Warning = 2,
    /// And what an operator wants to see.
    Info = 3,
    /// And what a developer wants to see.
    Debug = 4,
    /// And every step.
    Trace = 5,
}

/// Which log messages are printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The level of every name that isn't in `names`.
    all: Level,
    names: Vec<(String, Level)>,
}

impl Default for Filter {
    /// [`Level::Info`] for all.
    fn default() -> Self {
        Filter { all: Level::Info, names: Vec::new() }
    }
}

impl Filter {
    /// What a filter looks like, in words.
    pub const EXPECTED: &'static str =
        "levels such as `debug` or `*:debug,net:info` (quiet, error, warning, info, debug, trace)";

    /// Reads `LEVEL` or `NAME:LEVEL`, separated by commas; `*` is everybody, and of two for one name the later wins.
    pub fn parse(text: &str) -> Option<Filter> {
        let mut filter = Filter::default();
        for item in text.split(',') {
            let (name, level) = item.split_once(':').unwrap_or(("*", item));
            let level = match level {
                "quiet" => Level::Quiet,
                "error" => Level::Error,
                "warning" => Level::Warning,
                "info" => Level::Info,
                "debug" => Level::Debug,
                "trace" => Level::Trace,
                _ => return None,
            };
            match name {
                "" => return None,
                "*" => filter.all = level,
                name => filter.names.push((name.to_string(), level)),
            }
        }
        Some(filter)
    }

    /// Whether a message of `level` from `name` is printed.
    pub fn enabled(&self, name: &str, level: Level) -> bool {
        let named = self.names.iter().rev().find(|(known, _)| same_name(known, name));
        level <= named.map_or(self.all, |(_, level)| *level)
    }

    /// The highest level that is printed for anybody.
    pub fn highest(&self) -> Level {
        self.names.iter().map(|(_, level)| *level).fold(self.all, Level::max)
    }
}
