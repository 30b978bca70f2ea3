//! Links that lack a library: which, and who asked for it.

use std::collections::BTreeSet;

use uk_action::Kind;
use uk_diagnostic::Diagnostic;
use uk_store::Report;

use crate::session::Session;
use crate::ui::plain;

/// What linkers say before the name of a library that they don't find: rust-lld, then GNU's.
const MISSING: [&str; 2] = ["unable to find library -l", "cannot find -l"];

/// Says in a failed link's message which libraries its `log` says are missing, and whose build scripts asked for them.
pub fn name_missing(diagnostic: &mut Diagnostic, session: &Session, report: &Report, log: &str) {
    let names = log.lines().flat_map(|line| MISSING.iter().filter_map(|said| line.split_once(said)));
    let names = names.filter_map(|(_, rest)| rest.split([':', ' ']).next());
    let names: BTreeSet<&str> = names.filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return;
    }
    let (askers, scripts, ask) = match &*askers(session, report, &names) {
        [] => (String::new(), "", ""),
        [one] => (one.clone(), ", which the build script of ", " asks for"),
        several => (several.join(", "), ", which the build scripts of ", " ask for"),
    };
    let there = if names.len() == 1 { "there is no library" } else { "there are no libraries" };
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    diagnostic.message = format!("{there} {} to link{scripts}{askers}{ask}", names.join(", "));
    diagnostic.help = Some(
        "a link finds no library of this machine but those of libc and the C compiler: let a build script make it in \
         `OUT_DIR` and say where it is (`cargo::rustc-link-search`); many crates have a feature for that, such as `vendored`"
            .to_owned(),
    );
}

/// The packages whose build scripts want one of `names` linked.
fn askers(session: &Session, report: &Report, names: &BTreeSet<&str>) -> Vec<String> {
    let reads = session.graph.iter().filter(|(_, action)| action.kind == Kind::ReadScript);
    let asking = reads.filter(|(id, action)| {
        let libs = action.outputs.iter().position(|output| output.path == "libs");
        let produced = libs.and_then(|at| report.outputs[id.index()].as_ref()?.get(at));
        let text = produced.and_then(|libs| session.store.read(libs.digest).ok()).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().any(|line| names.contains(library(line)))
    });
    let asking: BTreeSet<String> = asking.map(|(_, action)| format!("`{}`", action.label)).collect();
    asking.into_iter().collect()
}

/// The name that the linker is given for `[KIND[:MODIFIERS]=]NAME[:RENAME]`, the value of rustc's `-l`.
fn library(value: &str) -> &str {
    let name = value.split_once('=').map_or(value, |(_, name)| name);
    name.split_once(':').map_or(name, |(_, renamed)| renamed)
}

/// `log` without the linker's command line as rustc tells it, which is longer than all that it says.
pub fn without_command(log: &str) -> String {
    let told = |line: &&str| {
        let line = plain(line);
        let note = line.trim_start().strip_prefix("= note:").map(str::trim_start);
        note.is_some_and(|note| note.contains("\" \"") || note.starts_with("some arguments are omitted"))
    };
    let lines = log.lines().filter(|line| !told(line));
    if log.contains("linking with `") { lines.collect::<Vec<_>>().join("\n") } else { log.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_named_as_the_linker_is_given_it() {
        for value in ["z", "static=z", "static:+whole-archive,-bundle=z", "dylib=zlib:z"] {
            assert_eq!(library(value), "z");
        }
    }
}
