//! What differs between two explanations of the same node.

use std::collections::{BTreeMap, HashMap};

use super::kept::{Explained, ExplainedInput, From};
use super::{Change, Difference, Name};

/// Shorter words can stand for anything.
const NAMING: usize = 8;

/// What differs, in the order in which it is encoded, but inputs first.
pub(super) fn differences(before: &Explained, now: &Explained) -> Vec<Difference> {
    let mut found = Vec::new();
    // An input that is called otherwise now renames what is said of it in arguments: that is no other difference.
    let mut renamed = HashMap::new();
    inputs(before, now, &mut renamed, &mut found);
    for (was, is) in before.outputs.iter().zip(&now.outputs) {
        words(was, is, &mut renamed);
    }
    let rename = |text: &str| renamed.iter().fold(text.to_owned(), |text, (was, is)| text.replace(was, is));

    let args: Vec<String> = before.args.iter().map(|arg| rename(arg)).collect();
    for (text, change) in
        without(&args, &now.args, Change::Removed).chain(without(&now.args, &args, Change::Added))
    {
        found.push(Difference::Argument { text, change });
    }
    let env: BTreeMap<&String, String> =
        before.env.iter().map(|(name, value)| (name, rename(value))).collect();
    let names = env.keys().copied().chain(now.env.keys()).collect::<std::collections::BTreeSet<_>>();
    for name in names {
        let (was, is) = (env.get(name), now.env.get(name));
        if was != is {
            found.push(Difference::Variable { name: name.clone(), before: was.cloned(), now: is.cloned() });
        }
    }
    for (name, is) in &now.fields {
        let was = before.fields.iter().find(|(other, _)| other == name).map(|(_, value)| rename(value));
        if was.as_ref() != Some(is) {
            let was = was.unwrap_or_default();
            found.push(Difference::Field { name: name.clone(), before: was, now: is.clone() });
        }
    }
    if found.is_empty() && before != now {
        // Only what things are called: a crate's own features or profile, or those of what it needs.
        let text = |outputs: &[String]| outputs.join(" ");
        found.push(Difference::Field {
            name: "name".to_owned(),
            before: text(&before.outputs),
            now: text(&now.outputs),
        });
    }
    found
}

fn inputs(
    before: &Explained,
    now: &Explained,
    renamed: &mut HashMap<String, String>,
    found: &mut Vec<Difference>,
) {
    let mut old: Vec<Option<&ExplainedInput>> = before.inputs.iter().map(Some).collect();
    let mut take = |is: &dyn Fn(&ExplainedInput) -> bool| {
        old.iter_mut().find(|input| input.is_some_and(is)).and_then(Option::take)
    };
    let mut unmatched = Vec::new();
    for input in &now.inputs {
        match take(&|was| was.path == input.path) {
            Some(was) => input_difference(was, input, found),
            None => unmatched.push(input),
        }
    }
    for input in unmatched {
        // The same node under another name.
        match take(&|was| was.from == input.from && matches!(was.from, From::Node { .. })) {
            Some(was) => {
                words(&was.path, &input.path, renamed);
                found.push(Difference::Output {
                    path: input.path.clone(),
                    from: name(&input.from),
                    known: input.digest.is_some(),
                });
            }
            None => found.push(Difference::Input {
                path: input.path.clone(),
                from: name(&input.from),
                change: Change::Added,
            }),
        }
    }
    for was in old.into_iter().flatten() {
        found.push(Difference::Input {
            path: was.path.clone(),
            from: name(&was.from),
            change: Change::Removed,
        });
    }
}

fn input_difference(was: &ExplainedInput, is: &ExplainedInput, found: &mut Vec<Difference>) {
    match (&was.from, &is.from) {
        (From::Files(old), From::Files(new)) => {
            let of = &is.path;
            let files = old.keys().chain(new.keys()).collect::<std::collections::BTreeSet<_>>();
            for file in files {
                let change = match (old.get(file), new.get(file)) {
                    (Some(_), None) => Change::Removed,
                    (None, Some(_)) => Change::Added,
                    (a, b) if a != b => Change::Changed,
                    _ => continue,
                };
                found.push(Difference::File { of: of.clone(), file: file.clone(), change });
            }
        }
        _ if was.digest == is.digest => {}
        (_, From::Node { .. }) => {
            let known = is.digest.is_some();
            found.push(Difference::Output { path: is.path.clone(), from: name(&is.from), known });
        }
        _ => found.push(Difference::Input { path: is.path.clone(), from: None, change: Change::Changed }),
    }
}

fn name(from: &From) -> Option<Name> {
    match from {
        From::Node { kind, label } => Some(Name { kind: kind.clone(), label: label.clone() }),
        From::Fixed | From::Files(_) => None,
    }
}

/// Words that differ between two names of one thing, such as the digest in a library's file name.
fn words(was: &str, is: &str, renamed: &mut HashMap<String, String>) {
    let split = |text: &'_ str| -> Vec<String> {
        text.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_owned).collect()
    };
    let (old, new) = (split(was), split(is));
    if old.len() == new.len() {
        let pairs = old.into_iter().zip(new).filter(|(old, new)| old != new && old.len() >= NAMING);
        renamed.extend(pairs);
    }
}

/// What `all` has more of than `other`.
fn without(all: &[String], other: &[String], change: Change) -> impl Iterator<Item = (String, Change)> {
    let mut left: HashMap<&String, usize> = HashMap::new();
    other.iter().for_each(|text| *left.entry(text).or_default() += 1);
    let mut more = Vec::new();
    for text in all {
        match left.get_mut(text) {
            Some(count) if *count > 0 => *count -= 1,
            _ => more.push((text.clone(), change)),
        }
    }
    more.into_iter()
}
