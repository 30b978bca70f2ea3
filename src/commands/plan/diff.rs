//! `uk plan --diff`: which nodes two plans share.

use std::collections::HashSet;
use std::path::Path;

use uk_action::{Action, Digest};

use crate::cli::Select;
use crate::failure::Failure;
use crate::session::Session;
use crate::ui::table;

/// Compares the plan of the defaults with that of `select`, whose packages both have.
pub(super) fn diff(folder: &Path, select: &Select, other: &Session) -> Result<String, Failure> {
    let base = Select { target: Vec::new(), set: Vec::new(), ..select.clone() };
    let base = Session::plan(folder, &base, false)?;
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

/// The nodes by what they are, whatever is known of their outputs.
fn nodes(session: &Session) -> Vec<(Digest, &Action)> {
    session.graph.identities().into_iter().zip(session.graph.iter().map(|(_, action)| action)).collect()
}
