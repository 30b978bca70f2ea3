//! What a command line came to.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::{Filter, FromValue, Value, same_name};

/// The values of all keys after reading a command line, and the log levels.
#[derive(Clone)]
pub struct Values {
    pub(crate) entries: Vec<Entry>,
    pub(crate) logs: Filter,
}

#[derive(Clone)]
pub(crate) struct Entry {
    pub name: String,
    pub secret: bool,
    pub value: Option<Value>,
}

impl Values {
    /// The value of a key that has one.
    ///
    /// # Panics
    /// If there is no such key, it has no value, or its value isn't a `T`: the table and the program disagree.
    #[track_caller]
    pub fn get<'a, T: FromValue<'a>>(&'a self, name: &str) -> T {
        match self.optional(name) {
            Some(value) => value,
            None => panic!("key `{name}` has no value"),
        }
    }

    /// The value of a key, if it has one.
    ///
    /// # Panics
    /// If its value isn't a `T`: the table and the program disagree.
    #[track_caller]
    pub fn optional<'a, T: FromValue<'a>>(&'a self, name: &str) -> Option<T> {
        let value = self.value(name)?;
        match T::from_value(value) {
            None => panic!("key `{name}` is of another type"),
            some => some,
        }
    }

    /// The untyped value of a key.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.entries.iter().find(|entry| same_name(&entry.name, name))?.value.as_ref()
    }

    /// The names and values of all keys, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&Value>)> {
        self.entries.iter().map(|entry| (entry.name.as_str(), entry.value.as_ref()))
    }

    /// The log levels that were asked for.
    pub fn logs(&self) -> &Filter {
        &self.logs
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for entry in &self.entries {
            match &entry.value {
                Some(_) if entry.secret => map.entry(&entry.name, &format_args!("(secret)")),
                value => map.entry(&entry.name, value),
            };
        }
        map.finish()
    }
}
