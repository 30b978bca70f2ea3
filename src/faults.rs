//! Actions that failed, as people see them.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use uk_action::{Action, Kind, Source};
use uk_diagnostic::{Code, Diagnostic};
use uk_planner::lower::{error, warning};
use uk_store::{Fault, Reason, Report};

use crate::excerpt::{Log, SHOWN, excerpt};
use crate::hooks;
use crate::libraries::{name_missing, without_command};
use crate::rejected;
use crate::session::Session;
use crate::ui::{Ui, plain};

/// A failed action as people see it, with what matters of its log; `report` is of what was done besides.
pub fn explain(session: &Session, fault: &Fault, report: &Report, ui: Ui) -> Vec<Diagnostic> {
    let action = session.graph.get(fault.action);
    let Log { text: mut log, gap } = Log::of(fault);
    if action.kind == Kind::Link
        && let Some(planned) = session.planned.iter().find(|p| p.image.link == fault.action)
    {
        let said = rejected::read(&log, planned);
        if !said.is_empty() {
            return said;
        }
        log = rejected::text(&log);
    }
    if !ui.colours() {
        log = plain(&log);
    }
    let log = without_command(&log);
    let mut diagnostic = fault.diagnostic(&session.graph);
    if action.kind == Kind::Hook {
        let lines: Vec<&str> = log.trim_end().lines().collect();
        let said = format!("it printed:\n{}", excerpt(&lines, gap));
        diagnostic.notes.extend((!lines.is_empty()).then_some(said));
        hooks::explain(&mut diagnostic, fault, &session.hooks);
        return vec![diagnostic];
    }
    let script = matches!(action.kind, Kind::RunScript | Kind::ReadScript);
    let errors: Vec<&str> = log.lines().filter(|_| script).filter_map(error).collect();
    let warned: Vec<&str> = log.lines().filter(|_| script).filter_map(warning).collect();
    // What a compiler says before its first error is warnings. What a script wants to be told has its own place.
    let told = |line: &&str| script && (error(line).is_some() || warning(line).is_some());
    let lines: Vec<&str> = log.lines().filter(|line| !told(line)).collect();
    let first = lines.iter().position(|l| plain(l).starts_with("error")).unwrap_or(0);
    let lines = &lines[first..];
    if !lines.is_empty() {
        let said = excerpt(lines, gap);
        // A compiler's messages need no word before them.
        let alone = script || !said.contains('\n');
        diagnostic.notes.push(if alone { format!("it printed:\n{said}") } else { said });
    }
    name_the_cause(&mut diagnostic, fault, action, &log);
    left_out(&mut diagnostic, session, action, &log);
    if matches!(action.kind, Kind::Link | Kind::Compile | Kind::CompileScript) {
        name_missing(&mut diagnostic, session, report, &log);
    }
    // What a C compiler said, for one, comes as warnings.
    if !warned.is_empty() {
        diagnostic.notes.insert(0, format!("it warned:\n{}", excerpt(&warned, gap)));
    }
    if !errors.is_empty() && matches!(fault.reason, Reason::Exit(_)) {
        diagnostic.message =
            format!("the build script of `{}` failed: {}", action.label, excerpt(&errors, gap));
    }
    if let Some((first, more)) = diagnostic.message.clone().split_once('\n').filter(|_| script) {
        diagnostic.message = first.to_owned();
        diagnostic.notes.insert(0, format!("this is wrong, too:\n{more}"));
    }
    let cut = [lines.len(), errors.len(), warned.len()].iter().any(|number| *number > SHOWN);
    if let Some(path) = fault.log_path.as_ref().filter(|_| cut) {
        let whole = format!("the whole log is in `{}`", path.display());
        if diagnostic.help.as_ref() != Some(&whole) {
            diagnostic.notes.insert(0, whole);
        }
    }
    vec![diagnostic]
}

/// The number of SIGKILL.
const KILLED: i32 = 9;
/// What a compiler says of a macro that panicked.
const MACRO_PANICKED: [&str; 3] =
    ["error: proc-macro derive panicked", "error: custom attribute panicked", "error: proc macro panicked"];
/// What programs say when they are given no more memory; the last one, where no reason follows, before they have begun.
const NO_MEMORY: [&str; 4] = [
    "memory allocation of",
    "Cannot allocate memory",
    "out of memory",
    "failed to map segment from shared object\n",
];
/// How `std::env::VarError` is shown by `unwrap`, and as a text.
const NO_VARIABLE: [&str; 2] = ["value: NotPresent", "environment variable not found"];

/// The signal that ended a process: `signal 9 (SIGKILL)`.
pub fn signal(status: ExitStatus) -> Option<String> {
    status.signal()?;
    // `signal: 6 (SIGABRT) (core dumped)`.
    Some(status.to_string().replacen("signal: ", "signal ", 1).replace(" (core dumped)", ""))
}

/// The crates whose macros `action` can use, in a line.
fn macros(action: &Action) -> Option<String> {
    let macros = action.inputs.iter().filter_map(|input| {
        let name = input.path.rsplit('/').next()?.strip_prefix("lib")?.strip_suffix(".so")?;
        Some(format!("`{}`", name.rsplit_once('-').map_or(name, |(name, _)| name)))
    });
    let macros = macros.collect::<Vec<_>>().join(", ");
    (!macros.is_empty()).then(|| format!("the crates whose macros it can use: {macros}"))
}

/// Says in a fault's message what its log tells of the cause.
fn name_the_cause(diagnostic: &mut Diagnostic, fault: &Fault, action: &Action, log: &str) {
    let says = |texts: &[&str]| texts.iter().any(|text| log.contains(text));
    let exited = matches!(fault.reason, Reason::Exit(_));
    let compiles = matches!(action.kind, Kind::Compile | Kind::CompileScript | Kind::Link);
    if let (Reason::MissingOutput { .. }, true, Some(macros)) = (&fault.reason, compiles, macros(action)) {
        diagnostic.notes.insert(0, macros);
        diagnostic.help =
            Some("a macro that ends its process ends the compiler: let it not call `exit`".into());
    } else if let (Reason::Builtin(cause), Kind::Data) = (&fault.reason, action.kind) {
        // What is on the disk was looked at before: this is of what a hook made.
        diagnostic.code = Code::UnfitFolder;
        let folder = action.label.split_once(' ').map_or(&*action.label, |(_, folder)| folder);
        diagnostic.message = format!("no data can be made of the folder `{folder}`: {cause}");
        diagnostic.help =
            Some("change what the hook makes there, or take another device: `uk devices`".into());
    } else if exited && compiles && says(&MACRO_PANICKED) {
        if diagnostic.code == Code::ActionFailed {
            diagnostic.code = Code::MacroPanicked;
        }
        diagnostic.message = format!("a macro panicked while `{}` was compiled", action.label);
        macros(action).into_iter().for_each(|macros| diagnostic.notes.insert(0, macros));
    } else if exited
        && matches!(diagnostic.code, Code::ActionFailed | Code::BuildScriptFailed)
        && says(&NO_MEMORY)
    {
        diagnostic.code = Code::OutOfMemory;
        diagnostic.message = format!("`{}` ran out of memory", action.label);
        diagnostic.help =
            Some("give it more with `--memory-limit MIB`, or run fewer steps at once with `-j 1`".into());
    } else if let (Reason::Exit(status), true) = (&fault.reason, compiles)
        && let Some(signal) = signal(*status)
    {
        diagnostic.message =
            format!("the compiler was ended by {signal} while `{}` was compiled", action.label);
        macros(action).into_iter().for_each(|macros| diagnostic.notes.insert(0, macros));
        if status.signal() == Some(KILLED) {
            diagnostic.help = Some(
                "the system ends so what takes too much memory: run fewer steps at once with `-j 1`".into(),
            );
        }
    } else if exited && compiles && action.kind != Kind::Link {
        diagnostic.message = format!("`{}` doesn't compile", action.label);
    } else if matches!(action.kind, Kind::RunScript | Kind::ReadScript)
        && diagnostic.message.starts_with(&format!("`{}`", action.label))
    {
        diagnostic.message = format!("the build script of {}", diagnostic.message);
        if exited && says(&NO_VARIABLE) {
            diagnostic.help = Some(
                "a build script is given the variables that cargo sets, and none of yours, nor `HOME`".into(),
            );
        }
    }
}

/// Says so where the application wants a file that isn't one of its sources.
fn left_out(diagnostic: &mut Diagnostic, session: &Session, action: &Action, log: &str) {
    let wanted: Vec<&str> =
        log.lines().filter(|line| line.contains("couldn't read") || line.contains("No such file")).collect();
    let local = action.inputs.iter().find_map(|input| match &input.source {
        Source::Local(tree) if !wanted.is_empty() => Some(&tree.root),
        _ => None,
    });
    let planned = session.planned.iter().find(|planned| Some(&planned.project.folder) == local);
    let Some(planned) = planned.filter(|_| action.kind != Kind::Hook) else { return };
    let sources = &planned.sources;
    let is_wanted = |path: &&String| wanted.iter().any(|line| names(line, path));
    if let Some(path) = sources.made.iter().find(is_wanted) {
        let message =
            format!("`{path}` is made by a hook, and what hooks make is no source of the application");
        diagnostic.notes.push(message);
        diagnostic.help = Some("make it by a build script (`build.rs`), or by hand for good".into());
    } else if let Some(path) = sources.apart.iter().find(is_wanted) {
        let message = format!(
            "`{path}` is there for a hook or a device, and is no source of the application by itself"
        );
        diagnostic.notes.push(message);
        let glob = if planned.project.folder.join(path).is_dir() { "/**" } else { "" };
        diagnostic.help = Some(format!("`include \"{path}{glob}\"` in the manifest makes it one"));
    }
}

/// Whether `line` has `path` at the end of a path, or in one.
fn names(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let (before, behind) = (line[..at].chars().next_back(), line[at + path.len()..].chars().next());
        matches!(before, Some('/' | '`' | '"')) && matches!(behind, None | Some('/' | '`' | '"' | ':' | ' '))
    })
}
