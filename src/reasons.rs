//! Why nodes are built, as people read it: root causes apart from what only follows from them.

mod unchanged;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use uk_action::{ActionId, Command, Digest};
use uk_planner::generate::{MainRs, changed_keys};
use uk_store::{Cause, Change, Difference, History, State, When, Why};

use crate::commands::keys;
use crate::session::{Planned, Session};
use unchanged::Unchanged;

/// More differences of one node than anybody reads.
const MOST: usize = 8;

/// The nodes of a session beside their last build.
pub struct Reasons<'a> {
    session: &'a Session,
    pub history: History<'a>,
    unchanged: OnceCell<Vec<Unchanged>>,
}

/// Why one node is built.
pub struct Reason {
    pub why: Why,
    /// What it comes down to, each with the node that it is a difference of.
    pub roots: Vec<(ActionId, String)>,
    /// The nodes between those and this one, nearest last.
    pub cascade: Vec<ActionId>,
}

impl<'a> Reasons<'a> {
    /// Of a session whose states are known.
    pub fn new(session: &'a Session, states: &'a [State]) -> Self {
        let history = History::load(&session.graph, &session.store, states);
        Self { session, history, unchanged: OnceCell::new() }
    }

    /// The images whose keys changed when `why` tells of, as they would be without.
    fn unchanged<'s>(&'s self, why: &Why) -> impl Iterator<Item = &'s Unchanged> {
        let all = self.unchanged.get_or_init(|| Unchanged::all(self));
        all.iter().filter(|unchanged| unchanged.when(why))
    }

    /// Why `id` is built, traced to its roots.
    pub fn of(&self, id: ActionId) -> Reason {
        let why = self.history.why(id);
        let mut reason = Reason { why, roots: Vec::new(), cascade: Vec::new() };
        let mut agenda = VecDeque::from([id]);
        let mut seen = BTreeSet::from([id]);
        while let Some(at) = agenda.pop_front() {
            let why = self.history.why(at);
            // What happened to an input in another build isn't why this node changed in its own.
            let since = at != id && why.when == When::Did && why.build != reason.why.build;
            let (own, from) = self.split(at, &why);
            if since {
                let name = self.name(at);
                reason
                    .roots
                    .push((at, format!("the output of `{name}` changed; that has been built again since")));
                continue;
            }
            if at != id {
                reason.cascade.push(at);
            }
            reason.roots.extend(own.into_iter().map(|text| (at, text)));
            agenda.extend(from.into_iter().filter(|from| seen.insert(*from)));
        }
        reason.cascade.reverse();
        // A key is a cause of all that it chose.
        let mut said = BTreeSet::new();
        reason.roots.retain(|(_, text)| said.insert(text.clone()));
        reason
    }

    /// What `why` says of the node itself, and the nodes whose outputs it says differ.
    pub fn split(&self, id: ActionId, why: &Why) -> (Vec<String>, Vec<ActionId>) {
        let name = self.name(id);
        let differences = match &why.cause {
            Cause::New if why.when == When::Will => {
                return (vec![format!("`{name}` was never built")], Vec::new());
            }
            Cause::New => return (vec![format!("`{name}` was never built here before")], Vec::new()),
            Cause::Gone => {
                return (vec![format!("what `{name}` made isn't in the store any more")], Vec::new());
            }
            Cause::PutAway => {
                return (vec![format!("what `{name}` made was found damaged or incomplete")], Vec::new());
            }
            Cause::Lost => {
                let lost =
                    format!("`{name}` is another than it was; in what, the store doesn't know any more");
                return (vec![lost], Vec::new());
            }
            Cause::Differs(differences) => differences,
        };
        let (mut own, mut from) = (Vec::new(), Vec::new());
        let (differences, chose) = self.chosen(id, why, differences);
        for difference in &differences {
            match (difference, self.history.producer(id, difference)) {
                (Difference::Output { .. }, Some(producer)) => from.push(producer),
                _ => own.extend(self.say(id, why, difference)),
            }
        }
        own.extend(chose);
        from.sort_unstable();
        from.dedup();
        let more = own.len().saturating_sub(MOST);
        own.truncate(MOST);
        if more > 0 {
            own.push(format!("{more} more things of `{name}` differ"));
        }
        (own, from)
    }

    /// The differences that there would be had no key changed, and the keys that the others come from.
    fn chosen(&self, id: ActionId, why: &Why, differences: &[Difference]) -> (Vec<Difference>, Vec<String>) {
        let shape = differences.iter().filter(|difference| difference.is_shape()).count();
        if shape > 0 {
            for unchanged in self.unchanged(why) {
                let Some(left) = unchanged.shape(self, id).filter(|left| left.len() < shape) else {
                    continue;
                };
                let others = differences.iter().filter(|difference| !difference.is_shape()).cloned();
                return (others.chain(left).collect(), self.say_values(unchanged));
            }
        }
        (differences.to_vec(), Vec::new())
    }

    /// `KIND LABEL`.
    pub fn name(&self, id: ActionId) -> String {
        crate::commands::node::name(&self.session.graph, id)
    }

    fn say(&self, id: ActionId, why: &Why, difference: &Difference) -> Vec<String> {
        let name = self.name(id);
        let became = |change| match change {
            Change::Added => "is new",
            Change::Removed => "is gone",
            Change::Changed => "changed",
        };
        let text = match difference {
            Difference::File { of, file, change } => match self.folder(id) {
                Some(folder) => format!("`{}` {}", uk_loader::shown(&folder.join(file)), became(*change)),
                None => format!("`{file}` of `{}` {}", package(of), became(*change)),
            },
            Difference::Version { before, now } if before == now => {
                format!("`{now}` is another one of that name: its files changed")
            }
            Difference::Version { before, now } => format!("`{before}` became `{now}`"),
            Difference::Content { before, now } => return self.say_content(id, why, *before, *now),
            Difference::Output { path, from, .. } => match from {
                Some(from) => format!("the output of `{} {}` changed", from.kind, from.label),
                None => format!("`{path}` changed"),
            },
            Difference::Input { path, from, change } => {
                let what = match from {
                    Some(from) => format!("{} {}", from.kind, from.label),
                    None => package(path).to_owned(),
                };
                match change {
                    Change::Added => format!("`{name}` now needs `{what}`"),
                    Change::Removed => format!("`{name}` doesn't need `{what}` any more"),
                    Change::Changed => format!("`{what}`, which `{name}` needs, changed"),
                }
            }
            Difference::Argument { text, change } => match feature(text) {
                Some(feature) => {
                    let now = if *change == Change::Added { "on" } else { "off" };
                    format!("the feature `{feature}` of `{name}` is {now} now")
                }
                None => format!("the argument `{text}` of `{name}` {}", became(*change)),
            },
            Difference::Variable { name: variable, before, now } => match (before, now) {
                (_, None) => format!("the variable `{variable}` of `{name}` is gone"),
                (None, Some(now)) => format!("the variable `{variable}` of `{name}` is new: `{now}`"),
                (Some(before), Some(now)) => {
                    format!("the variable `{variable}` of `{name}` is now `{now}`; it was `{before}`")
                }
            },
            Difference::Field { name: field, before, now } if field == "class" => {
                format!("sandboxes are of the class `{now}` now; they were of `{before}`")
            }
            Difference::Field { name: field, before, now } => {
                format!("the {field} of `{name}` is now `{now}`; it was `{before}`")
            }
        };
        vec![text]
    }

    /// The folder of the files that a hook's program or data are made of; what is made of a crate's files names the crate.
    fn folder(&self, id: ActionId) -> Option<PathBuf> {
        let hook = self.session.hooks.iter().find(|plan| plan.actions().contains(&id));
        hook.map(|plan| plan.project.folder.clone()).or_else(|| {
            let data = |planned: &'a Planned| planned.data.iter().map(move |data| (planned, data));
            let (planned, made) =
                self.session.planned.iter().flat_map(data).find(|(_, data)| data.node == id)?;
            Some(planned.project.folder.join(&made.data.folder))
        })
    }

    /// What a generated file says otherwise, in the words of the manifest that it comes from.
    fn say_content(&self, id: ActionId, why: &Why, before: Digest, now: Digest) -> Vec<String> {
        let action = self.session.graph.get(id);
        let fallback = vec![format!("the generated `{}` changed", action.label)];
        let read = |digest| String::from_utf8(self.session.store.read(digest).ok()?).ok();
        let now = match &action.command {
            Command::Write(bytes) if Digest::of(bytes) == now => String::from_utf8(bytes.to_vec()).ok(),
            _ => read(now),
        };
        let (Some(before), Some(now)) = (read(before), now) else { return fallback };
        let said = match action.label.as_str() {
            "keys.rs" => self.say_keys(id, why, &before, &now),
            "main.rs" => self.say_main(id, why, &before, &now),
            _ => lines(&before, &now)
                .into_iter()
                .map(|(change, line)| match change {
                    Change::Removed => format!("`{}` of the manifest's keys is gone", line.trim()),
                    _ => format!("`{}` of the manifest's keys is new", line.trim()),
                })
                .filter(|_| action.label == "keys.kdl")
                .collect(),
        };
        if said.is_empty() { fallback } else { said }
    }

    fn say_keys(&self, id: ActionId, why: &Why, before: &str, now: &str) -> Vec<String> {
        let mut names = changed_keys(before, now);
        if let Some(unchanged) = self.unchanged(why).find(|unchanged| unchanged.keys == id) {
            // Devices that a key chose bring and take keys of their own.
            let left = changed_keys(before, &unchanged.key_table());
            names.retain(|name| unchanged.names.contains(name) || left.contains(name));
        }
        self.say_names(id, &names)
    }

    fn say_names(&self, keys: ActionId, names: &[String]) -> Vec<String> {
        let planned = self.session.planned.iter().filter(|planned| self.needs(planned.image.link, keys));
        let known: BTreeMap<&str, _> =
            planned.flat_map(|p| p.devices.keys()).map(|key| (key.name.as_str(), key)).collect();
        let changed = names.iter().map(|name| match known.get(name.as_str()) {
            Some(key) => format!("key `{name}` is now `{}` ({})", keys::value(key), keys::provenance(key)),
            None => format!("key `{name}` is gone"),
        });
        changed.collect()
    }

    fn say_values(&self, unchanged: &Unchanged) -> Vec<String> {
        self.say_names(unchanged.keys, &unchanged.names)
    }

    fn say_main(&self, id: ActionId, why: &Why, before: &str, now: &str) -> Vec<String> {
        let Some(planned) = self.session.planned.iter().find(|planned| self.needs(planned.image.link, id))
        else {
            return Vec::new();
        };
        let of_it = |unchanged: &&Unchanged| self.needs(planned.image.link, unchanged.keys);
        match self.unchanged(why).find(of_it) {
            Some(unchanged) if unchanged.planned().main.text != now => {
                let main = &unchanged.planned().main;
                let mut said = if main.text == before {
                    Vec::new()
                } else {
                    say_lines(unchanged.session(), main, before, &main.text)
                };
                said.extend(self.say_values(unchanged));
                said
            }
            _ => say_lines(self.session, &planned.main, before, now),
        }
    }

    fn needs(&self, link: ActionId, id: ActionId) -> bool {
        let inputs = &self.session.graph.get(link).inputs;
        inputs.iter().any(|i| matches!(i.source, uk_action::Source::Output { action, .. } if action == id))
    }
}

/// The lines of the manifest that `now`, the text of `main`, comes from where it differs from `before`.
fn say_lines(session: &Session, main: &MainRs, before: &str, now: &str) -> Vec<String> {
    let gone: BTreeSet<&str> = before.lines().collect();
    let mut said = BTreeSet::new();
    for (number, _) in now.lines().enumerate().filter(|(_, line)| !gone.contains(line)) {
        let Some(span) = main.origin(number as u32 + 1) else { continue };
        let source = session.sources.get(span.source);
        let line = source.line_of(span.start as usize);
        let text = source.text.lines().nth(line).unwrap_or_default().trim();
        said.insert((line, format!("line {} of {} is now `{text}`", line + 1, source.name)));
    }
    if said.is_empty() {
        return vec!["a device or job of the manifest is gone".to_owned()];
    }
    said.into_iter().map(|(_, text)| text).collect()
}

/// `hello` for `hello-0.1.0`.
fn package(folder: &str) -> &str {
    match folder.rsplit_once('-') {
        Some((name, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => name,
        _ => folder,
    }
}

/// The feature that an argument turns on.
fn feature(argument: &str) -> Option<&str> {
    argument.strip_prefix("feature=\"")?.strip_suffix('"')
}

/// The lines that one text has and the other hasn't.
fn lines<'t>(before: &'t str, now: &'t str) -> Vec<(Change, &'t str)> {
    let (old, new): (BTreeSet<&str>, BTreeSet<&str>) = (before.lines().collect(), now.lines().collect());
    let gone = old.difference(&new).map(|line| (Change::Removed, *line));
    gone.chain(new.difference(&old).map(|line| (Change::Added, *line))).collect()
}
