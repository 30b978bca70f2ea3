//! Finding the node that somebody means.

use uk_action::{ActionId, Digest, Graph};
use uk_diagnostic::{Code, Diagnostic};
use uk_planner::names;

/// So many digits of a key are no accident.
const DIGITS: usize = 4;
/// More names than anybody reads.
const MOST: usize = 10;

/// `KIND LABEL`.
pub fn name(graph: &Graph, id: ActionId) -> String {
    let action = graph.get(id);
    format!("{} {}", action.kind.name(), action.label)
}

/// The nodes that `wanted` means: all of that name, also behind their kind (`hello` for `link hello`, `link hello.virtio`
/// and `compile hello 0.1.0`, though not for a `hello-key`); else with a label or a key that begins so, and then only if they
/// are called alike.
pub fn find(
    graph: &Graph,
    key: impl Fn(ActionId) -> Option<Digest>,
    wanted: &str,
) -> Result<Vec<ActionId>, Box<Diagnostic>> {
    let all = |is: &dyn Fn(ActionId) -> bool| -> Vec<ActionId> {
        graph.iter().map(|(id, _)| id).filter(|id| is(*id)).collect()
    };
    let label = |id: ActionId| graph.get(id).label.as_str();
    let fits = |label: &str, wanted: &str| {
        // What a version, a target or a variant begins with is in no name.
        label.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '.', '+']))
    };
    let of_kind = |id: ActionId| wanted.strip_prefix(graph.get(id).kind.name())?.strip_prefix(' ');
    let named =
        all(&|id| fits(label(id), wanted) || of_kind(id).is_some_and(|wanted| fits(label(id), wanted)));
    if !named.is_empty() {
        return Ok(named);
    }
    let hexadecimal = wanted.len() >= DIGITS && wanted.bytes().all(|b| b.is_ascii_hexdigit());
    let prefixes: [&dyn Fn(ActionId) -> bool; 2] =
        [&|id| label(id).starts_with(wanted) || name(graph, id).starts_with(wanted), &|id| {
            hexadecimal && key(id).is_some_and(|key| key.to_string().starts_with(wanted))
        }];
    for prefix in prefixes {
        let found = all(prefix);
        let Some(first) = found.first() else { continue };
        if found.iter().all(|id| label(*id) == label(*first)) {
            return Ok(found);
        }
        let mut names: Vec<String> = found.iter().map(|id| format!("`{}`", name(graph, *id))).collect();
        let more = names.len().saturating_sub(MOST);
        names.truncate(MOST);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        return Err(Box::new(
            Diagnostic::error(Code::UnknownPlanNode, format!("several nodes begin with `{wanted}`"))
                .help(format!("say which one: {}{more}", names.join(", "))),
        ));
    }
    let mut known: Vec<&str> = graph.iter().map(|(_, action)| action.label.as_str()).collect();
    let short: Vec<&str> =
        known.iter().filter_map(|label| label.split_once(' ')).map(|(name, _)| name).collect();
    known.extend(short);
    let all = "`uk plan` lists all nodes, with `--target` and `--set` those of another plan";
    let help = match names::nearest(wanted, known) {
        Some(near) => format!("did you mean `{near}`? {all}"),
        None => all.to_owned(),
    };
    Err(Box::new(
        Diagnostic::error(Code::UnknownPlanNode, format!("there is no node `{wanted}` in this plan"))
            .help(help),
    ))
}
