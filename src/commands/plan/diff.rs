//! `uk plan --diff`: which nodes two plans share, or a plan and the last build.

use std::collections::HashSet;
use std::path::Path;

use uk_action::{Action, Digest};
use uk_store::{Cause, When, status};

use crate::cli::Select;
use crate::failure::Failure;
use crate::reasons::Reasons;
use crate::session::Session;
use crate::ui::table;

/// Compares the plan of the defaults with that of `select`, whose packages both have.
pub(super) fn diff(folder: &Path, select: &Select, other: &Session) -> Result<String, Failure> {
    let base = Select { target: Vec::new(), set: Vec::new(), ..select.clone() };
    let base = Session::plan(folder, &base, false, other.store.cancel())?;
    let (here, there) = (nodes(&base), nodes(other));
    let only = |of: &[(Digest, &Action)], without: &[(Digest, &Action)]| -> Vec<[String; 2]> {
        let without: HashSet<Digest> = without.iter().map(|n| n.0).collect();
        let mine = of.iter().filter(|(identity, _)| !without.contains(identity));
        mine.map(|(_, action)| [action.kind.name().to_owned(), action.label.clone()]).collect()
    };
    let (left, right) = (only(&here, &there), only(&there, &here));
    let mut text = format!("{} nodes are shared\n", there.len() - right.len());
    let options = select
        .target
        .iter()
        .map(|t| format!(" --target {t}"))
        .chain(select.set.iter().map(|s| format!(" --set {s}")));
    let options: String = options.collect();
    for (title, rows) in
        [("only without these options".to_owned(), left), (format!("only with{options}"), right)]
    {
        if !rows.is_empty() {
            text.push_str(&format!("\n{title}: {}\n", rows.len()));
            text.push_str(&table(&["kind", "node"].map(str::to_owned), &rows));
        }
    }
    Ok(text)
}

/// Compares a plan with the last build of the same roots.
pub(super) fn last(session: &Session) -> String {
    let states = status(&session.graph, &session.store);
    let reasons = Reasons::new(session, &states);
    if reasons.history.builds() == 0 {
        return "no build of this is recorded\n".to_owned();
    }
    let (mut same, mut changed, mut new) = (0, Vec::new(), Vec::new());
    for (id, action) in session.graph.iter() {
        let why = reasons.history.why(id);
        let row = |why: String| [action.kind.name().to_owned(), action.label.clone(), why];
        match (why.when, &why.cause) {
            (When::Did, _) => same += 1,
            (_, Cause::New) => new.push(row("-".to_owned())),
            _ => {
                let (own, from) = reasons.split(id, &why);
                let cascade = from.iter().map(|from| format!("needs `{}`", reasons.name(*from)));
                changed.push(row(own.into_iter().chain(cascade).collect::<Vec<_>>().join("; ")));
            }
        }
    }
    let dropped: Vec<[String; 3]> =
        reasons.history.dropped().into_iter().map(|name| [name.kind, name.label, "-".to_owned()]).collect();
    let mut text = format!("{same} nodes are as in the last build\n");
    for (title, rows) in [("changed", changed), ("new", new), ("not there any more", dropped)] {
        if !rows.is_empty() {
            text.push_str(&format!("\n{title}: {}\n", rows.len()));
            text.push_str(&table(&["kind", "node", "why"].map(str::to_owned), &rows));
        }
    }
    text
}

/// The nodes by what they are, whatever is known of their outputs.
fn nodes(session: &Session) -> Vec<(Digest, &Action)> {
    session.graph.identities().into_iter().zip(session.graph.iter().map(|(_, action)| action)).collect()
}
