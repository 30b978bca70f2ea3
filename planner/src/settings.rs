//! Values for keys from outside the manifest: the environment and `--set`.

use std::collections::HashMap;

use uk_diagnostic::{Code, Diagnostic, Sources, Span};

use crate::names;

/// Where a key's value comes from; the later wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provenance {
    /// The default of a key that a device brings.
    Catalogue,
    /// The manifest: the default of a key of its own, or a device's property.
    Manifest,
    /// `UK_KEY_NAME` in the environment.
    Environment,
    /// `--set NAME=VALUE`.
    CommandLine,
}

/// A value that somebody gave.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The key: `kv_ro` for every key of that name, `assets.kv_ro` for that of one device.
    pub name: String,
    /// The value's text.
    pub value: String,
    /// `Environment` or `CommandLine`.
    pub provenance: Provenance,
    /// The name, in a text of the sources that leaves the value out: it may be a secret.
    pub name_span: Span,
    /// The value, in a text of its own.
    pub value_span: Span,
}

/// A key that `--set` may name.
#[derive(Debug, Clone, Copy)]
pub struct KnownKey<'k> {
    /// Its full name: `assets.kv_ro`.
    pub name: &'k str,
    /// Whether its value is never shown.
    pub secret: bool,
}

/// Every value that was given, by name.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    all: Vec<Setting>,
    by_name: HashMap<String, Vec<usize>>,
    several: bool,
    suffix: String,
}

/// What a variable of the environment starts with to be the value of a key.
pub const VARIABLE: &str = "UK_KEY_";

/// What stands for a value where only its name matters.
const LEFT_OUT: &str = "...";

impl Settings {
    /// The values are for several unikernels: a name that one of them lacks is no fault there. [`unknown`] looks at
    /// all of them.
    ///
    /// [`unknown`]: Settings::unknown
    pub fn for_several(&mut self) {
        self.several = true;
    }

    /// The values are those of one variant of several, whose artifacts have `suffix` in their names.
    pub fn for_variant(&mut self, suffix: &str) {
        suffix.clone_into(&mut self.suffix);
    }

    pub(crate) fn suffix(&self) -> &str {
        &self.suffix
    }

    pub(crate) fn are_for_several(&self) -> bool {
        self.several
    }

    /// Adds what follows `--set`. The text is added to `sources`, so that messages can point into it.
    pub fn command_line(&mut self, pair: &str, sources: &mut Sources) -> Result<(), Diagnostic> {
        const OPTION: &str = "--set ";
        let at = OPTION.len();
        let Some((name, value)) = pair.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            let message = format!("`{}` gives no key a value", pair.escape_debug());
            let text = format!("{OPTION}{pair}");
            let source = sources.add("command line", text.as_str());
            return Err(Diagnostic::error(Code::MissingValue, message)
                .label(Span::new(source, at..text.len()), "here")
                .help("write `--set NAME=VALUE`"));
        };
        let canonical = lookup_name(name);
        let new = Setting {
            name: name.to_owned(),
            value: value.to_owned(),
            provenance: Provenance::CommandLine,
            name_span: Span::new(
                sources.add("command line", format!("{OPTION}{name}={LEFT_OUT}")),
                at..at + name.len(),
            ),
            value_span: Span::new(
                sources.add("command line", format!("{OPTION}{pair}")),
                at + name.len() + 1..at + pair.len(),
            ),
        };
        let twice =
            self.named(&canonical).find(|s| s.provenance == Provenance::CommandLine && exact(&s.name, name));
        if let Some(first) = twice {
            let fault = Diagnostic::error(Code::DuplicateNode, format!("`--set {name}` is given twice"))
                .help("leave one of the two out");
            // Without their values, two texts may be one.
            return Err(if new.name_span == first.name_span {
                fault.label(new.name_span, "in two options")
            } else {
                fault.label(new.name_span, "the second").label(first.name_span, "the first")
            });
        }
        self.add(canonical, new);
        Ok(())
    }

    /// Adds a variable of the environment, if its name says that it is one of ours. Names of variables can't hold
    /// dots: `UK_KEY_ASSETS_KV_RO` is `assets.kv_ro`.
    pub fn environment(&mut self, variable: &str, value: &str, sources: &mut Sources) {
        let Some(name) = variable.strip_prefix(VARIABLE).filter(|n| !n.is_empty()) else { return };
        let new = Setting {
            name: name.to_lowercase(),
            value: value.to_owned(),
            provenance: Provenance::Environment,
            name_span: Span::new(
                sources.add("environment", format!("{variable}={LEFT_OUT}")),
                0..variable.len(),
            ),
            value_span: Span::new(
                sources.add("environment", format!("{variable}={value}")),
                variable.len() + 1..variable.len() + 1 + value.len(),
            ),
        };
        self.add(lookup_name(name), new);
    }

    fn add(&mut self, canonical: String, setting: Setting) {
        self.by_name.entry(canonical).or_default().push(self.all.len());
        self.all.push(setting);
    }

    /// Everything that was given, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Setting> {
        self.all.iter()
    }

    fn named(&self, canonical: &str) -> impl Iterator<Item = &Setting> {
        self.by_name.get(canonical).into_iter().flatten().map(|i| &self.all[*i])
    }

    /// What was given for the key `short`, which is a device's if there is one. The strongest comes last.
    pub(crate) fn of(&self, short: &str, device: Option<&str>) -> Vec<&Setting> {
        if self.all.is_empty() {
            return Vec::new();
        }
        let fits = |setting: &&Setting, name: &str| match setting.provenance {
            Provenance::Environment => true,
            _ => exact(&setting.name, name),
        };
        let mut found: Vec<(bool, &Setting)> =
            self.named(&lookup_name(short)).filter(|s| fits(s, short)).map(|s| (false, s)).collect();
        if let Some(device) = device {
            let full = format!("{device}.{short}");
            found.extend(self.named(&lookup_name(&full)).filter(|s| fits(s, &full)).map(|s| (true, s)));
        }
        found.sort_by_key(|(qualified, setting)| (setting.provenance, *qualified));
        found.into_iter().map(|f| f.1).collect()
    }

    /// The names given with `--set` that none of `known` is. Variables of the environment may be meant for another
    /// unikernel.
    pub fn unknown<'k>(&self, known: impl IntoIterator<Item = KnownKey<'k>> + Clone) -> Vec<Diagnostic> {
        let given: Vec<&Setting> =
            self.all.iter().filter(|s| s.provenance == Provenance::CommandLine).collect();
        if given.is_empty() {
            return Vec::new();
        }
        let fits = |setting: &Setting, full: &str| {
            exact(&setting.name, full)
                || full.split_once('.').is_some_and(|(_, short)| exact(&setting.name, short))
        };
        // A slip of the pen in a secret's name must not show its value.
        let secrets = known.clone().into_iter().any(|key| key.secret);
        given
            .into_iter()
            .filter(|s| !known.clone().into_iter().any(|key| fits(s, key.name)))
            .map(|s| {
                let message = format!("there is no key `{}`", s.name.escape_debug());
                let fault = Diagnostic::error(Code::UnknownKey, message).label(s.name_span, "here");
                let shown = |key: KnownKey<'k>| match s.name.contains('.') {
                    true => key.name,
                    false => key.name.split_once('.').map_or(key.name, |(_, short)| short),
                };
                let mut names = known.clone().into_iter().map(shown).peekable();
                if names.peek().is_none() {
                    return fault.help("this unikernel has no keys");
                }
                let value = if secrets { LEFT_OUT } else { &s.value };
                match names::nearest(&s.name, known.clone().into_iter().map(shown)) {
                    Some(near) => fault.help(format!("did you mean `--set {near}={value}`?")),
                    None => fault.help(format!("keys are {}", names::list(names))),
                }
            })
            .collect()
    }
}

impl Settings {
    /// The variables of the environment that set no key of `known`: warnings, since they may be meant for another unikernel.
    pub fn unknown_variables<'k>(
        &self,
        known: impl IntoIterator<Item = KnownKey<'k>> + Clone,
    ) -> Vec<Diagnostic> {
        let given: Vec<&Setting> =
            self.all.iter().filter(|s| s.provenance == Provenance::Environment).collect();
        if given.is_empty() {
            return Vec::new();
        }
        // By its full name, and by its own.
        let names: Vec<String> = known
            .into_iter()
            .flat_map(|key| [Some(key.name), key.name.split_once('.').map(|(_, short)| short)])
            .flatten()
            .map(lookup_name)
            .collect();
        let unknown = given.into_iter().filter(|setting| !names.contains(&lookup_name(&setting.name)));
        let warning = |setting: &Setting| {
            let variable = |name: &str| format!("{VARIABLE}{}", name.to_uppercase());
            let message = format!("`{}` sets no key", variable(&setting.name).escape_debug());
            let help = match names::nearest(&setting.name, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{}`?", variable(near)),
                None => "`uk keys` lists the keys; nothing is wrong if it is meant for another unikernel"
                    .to_owned(),
            };
            Diagnostic::warning(Code::UnknownKey, message)
                .label(setting.name_span, "this unikernel has no such key")
                .help(help)
        };
        unknown.map(warning).collect()
    }
}

/// Names as the environment can have them: no dashes, no dots, one case.
pub(crate) fn lookup_name(name: &str) -> String {
    name.to_lowercase().replace(['-', '.'], "_")
}

/// The same name with its dots in place.
fn exact(a: &str, b: &str) -> bool {
    names::same(a, b)
}
