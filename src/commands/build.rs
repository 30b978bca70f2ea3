//! `uk build`: the artifacts into `dist/`.

use std::collections::BTreeSet;
use std::path::Path;

use uk_action::{ActionId, Kind, Source};
use uk_diagnostic::{Code, Diagnostic};
use uk_planner::lower::{DATA, DIRECTIVES, directive_files, warnings};
use uk_store::{
    Builtins, Cancel, CheckError, Fault, NotUnpacked, Options, Report, Root, State, Store, Unlike, realise,
    status,
};

use crate::cli::{Effort, Select};
use crate::difference;
use crate::dist::Dist;
use crate::effort;
use crate::excerpt::{SHOWN, excerpt};
use crate::failure::Failure;
use crate::faults;
use crate::hooks;
use crate::progress::Progress;
use crate::reasons::Reasons;
use crate::session::{Planned, Session};
use crate::ui::{Ui, duration, plain};

/// Plans and builds.
pub fn run(folder: &Path, select: &Select, effort: &Effort, cancel: &Cancel, ui: Ui) -> Result<(), Failure> {
    let mut session = Session::plan(folder, select, effort.keep_going, cancel)?;
    let mut faults = std::mem::take(&mut session.left_out);
    if let Err(failure) = build(&session, effort, ui) {
        faults.extend(failure.diagnostics);
    }
    if faults.is_empty() { Ok(()) } else { Err(Failure::new(faults, &session.sources)) }
}

/// Builds everything in `session`, says so in one line, and puts the artifacts into `dist/`.
pub fn build(session: &Session, effort: &Effort, ui: Ui) -> Result<Report, Failure> {
    ui.diagnostics(&session.warnings, &session.sources);
    // There is a plan for each project.
    let led_out = |plan: &hooks::Plan| plan.project.check_inside(Path::new("dist")).err();
    let led_out: Vec<Diagnostic> = session.hooks.iter().filter_map(led_out).map(|fault| *fault).collect();
    if !led_out.is_empty() {
        return Err(Failure::new(led_out, &session.sources));
    }
    let cancel = session.store.cancel();
    let options = effort::options(effort);
    let roots = session.roots();
    let progress = Progress::new(ui, &session.graph);
    let report = realise(&session.graph, &roots, &session.store, &options, &Made, &progress, cancel);
    let warnings = effort::without_walls(&session.store).into_iter().chain(damaged(&session.store));
    ui.diagnostics(&warnings.collect::<Vec<_>>(), &session.sources);
    if effort.explain {
        explain_executed(session, &progress.executed(), ui);
    }
    let (made, faults) = match &report {
        Ok(report) => (report, &[][..]),
        Err(failure) => (&failure.report, &failure.faults[..]),
    };
    show_warnings(session, made, &progress.executed(), faults, ui);
    let report = report.map_err(|failure| {
        // What could be made is there to be used.
        let wanted = session.planned.iter().filter(|_| effort.keep_going && !failure.cancelled);
        for planned in wanted {
            if planned.roots().all(|id| failure.report.outputs[id.index()].is_some())
                && let Err(unpublished) = publish(session, planned, &failure.report)
            {
                ui.failure(&unpublished);
            }
        }
        if failure.cancelled {
            return Failure::new(failure.diagnostics(&session.graph), &session.sources);
        }
        let mut faults: Vec<Diagnostic> = failure
            .faults
            .iter()
            .flat_map(|fault| faults::explain(session, fault, &failure.report, ui))
            .collect();
        // However many steps met a full disk, and however compilers end that did: what else is wrong is told when there is room.
        if let Some(full) = faults.iter().position(|fault| fault.code == Code::StoreFull) {
            faults = vec![faults.swap_remove(full)];
        }
        if let Some(last) = faults.last_mut().filter(|_| failure.skipped > 0) {
            let (number, were) =
                (failure.skipped, if failure.skipped == 1 { "step was" } else { "steps were" });
            last.notes.push(format!("{number} more {were} not begun because of this"));
        }
        Failure::new(faults, &session.sources)
    })?;
    for plan in &session.hooks {
        cancel.check()?;
        let done = hooks::carry_out(plan, &report, &session.store, effort.fresh);
        let done = done.map_err(|fault| Failure::new(vec![*fault], &session.sources))?;
        ui.diagnostics(&done.warnings, &session.sources);
        ui.paths("made", &plan.project.folder, &done.made);
    }
    for planned in &session.planned {
        cancel.check()?;
        publish(session, planned, &report)?;
    }
    if effort.check {
        check(session, &roots, &report, &options, &progress, ui)?;
    }
    let Report { executed, cached, .. } = report;
    ui.note(&format!("{executed} executed, {cached} cached in {}", duration(session.begun.elapsed())));
    Ok(report)
}

/// Tells of damaged objects: they are made again, but what damages some can damage others.
fn damaged(store: &Store) -> Option<Diagnostic> {
    let message = match store.damaged() {
        0 => return None,
        1 => "an object of the store was damaged: it was put into its `bad/`, and isn't used".to_owned(),
        number => {
            format!(
                "{number} objects of the store were damaged: they were put into its `bad/`, and aren't used"
            )
        }
    };
    let warning = Diagnostic::warning(Code::StoreCorrupt, message);
    Some(
        warning.help(
            "`uk store verify` looks at all others; if nobody has changed them, the disk may be failing",
        ),
    )
}

/// Says why what ran had to: the causes with the nodes that they are causes of, then what only followed.
fn explain_executed(session: &Session, executed: &[ActionId], ui: Ui) {
    if executed.is_empty() {
        return;
    }
    let states = status(&session.graph, &session.store);
    let reasons = Reasons::new(session, &states);
    let mut followed = Vec::new();
    for id in executed {
        let (own, from) = reasons.split(*id, &reasons.history.why(*id));
        // Toolchains and known files don't run: what they cause is said of what does.
        let given = from.iter().filter(|from| !executed.contains(from));
        let roots = given.flat_map(|from| reasons.of(*from).roots.into_iter().map(|(_, text)| text));
        let own: Vec<String> = own.into_iter().chain(roots).collect();
        for cause in &own {
            ui.note(&format!("cause          {cause}: ran `{}`", reasons.name(*id)));
        }
        if own.is_empty() {
            followed.push(format!("`{}`", reasons.name(*id)));
        }
    }
    if !followed.is_empty() {
        ui.note(&format!("cascade        {}", followed.join(", ")));
    }
}

/// What the compiler and build scripts said of the user's own crates that were compiled just now, and scripts whose words
/// can't be followed.
fn show_warnings(session: &Session, report: &Report, executed: &[ActionId], faults: &[Fault], ui: Ui) {
    let inputs = |id: ActionId| session.graph.get(id).inputs.iter();
    let own = |id: &ActionId| inputs(*id).any(|input| matches!(input.source, Source::Local(_)));
    let read = faults.iter().filter(|fault| session.graph.get(fault.action).kind == Kind::ReadScript);
    let scripts = read.flat_map(|fault| inputs(fault.action)).filter_map(|input| match input.source {
        Source::Output { action, .. } => Some(action),
        Source::Local(_) | Source::Fixed(_) => None,
    });
    let all: BTreeSet<ActionId> = executed.iter().copied().filter(own).chain(scripts).collect();
    if all.is_empty() {
        return;
    }
    let states = status(&session.graph, &session.store);
    for id in all {
        let action = session.graph.get(id);
        if action.kind == Kind::RunScript {
            let stdout = report.outputs[id.index()].as_ref().and_then(|outputs| outputs.get(1));
            let said = stdout.and_then(|stdout| session.store.read(stdout.digest).ok()).unwrap_or_default();
            let warned = warnings(&said);
            let line = |warning| format!("warning: the build script of `{}`: {warning}", action.label);
            let warned: Vec<String> = warned.into_iter().map(line).collect();
            let path = stdout.map(|stdout| session.store.blob_path(stdout.digest)).unwrap_or_default();
            show(&warned, &path, ui);
        }
        let State::Cached { key, .. } = states[id.index()] else { continue };
        let path = session.store.log_path(key);
        let Ok(log) = std::fs::read(&path) else { continue };
        let log = String::from_utf8_lossy(&log);
        if action.kind == Kind::Compile && !log.trim().is_empty() {
            let text = if ui.colours() { log.into_owned() } else { plain(&log) };
            show(&text.trim_end().lines().collect::<Vec<_>>(), &path, ui);
        }
    }
}

/// Prints `lines`, or what matters of many, whose whole is in the file `whole`.
fn show<S: AsRef<str>>(lines: &[S], whole: &Path, ui: Ui) {
    if !lines.is_empty() {
        ui.note(&excerpt(lines, false));
    }
    if lines.len() > SHOWN {
        ui.note(&format!("all that it printed is in `{}`", whole.display()));
    }
}

fn publish(session: &Session, planned: &Planned, report: &Report) -> Result<(), Failure> {
    let name = planned.artifact();
    let mut dist = Dist::load(&planned.project);
    for (action, name) in [(planned.image.pack, name.clone()), (planned.image.link, format!("{name}.debug"))]
    {
        let produced = &report.outputs(action)[0];
        let runs = action == planned.image.pack;
        dist.put(&name, produced.digest, runs, &session.store)?;
    }
    for (name, node) in planned.files() {
        dist.put(name, report.outputs(node)[0].digest, false, &session.store)?;
    }
    dist.save(session.store.cancel())?;
    let witness = dist.witness();
    // Where nothing was done, the root is as it was; other keys can come out the same.
    if report.changed || report.executed > 0 || dist.is_changed() || !session.store.has_root(&witness, &name)
    {
        let actions: Vec<ActionId> = planned.roots().collect();
        let root = Root::of(witness, &name, &session.store, &session.graph, &actions, report);
        // A store that can't be written can't be collected, either.
        let _ = session.store.add_root(&root);
    }
    Ok(())
}

/// What the executor can't know: what a build script's words mean, and how data are made.
struct Made;

impl Builtins for Made {
    fn run(&self, name: &str, args: &[String], sandbox: &Path) -> Result<(), String> {
        match name {
            DIRECTIVES => directives(args, sandbox),
            DATA => data(args, sandbox),
            _ => Err(format!("there is no builtin `{name}`")),
        }
    }

    fn unpack(&self, archive: &Path, sum: &str, to: &Path) -> Result<(), NotUnpacked> {
        uk_loader::unpack(archive, sum, to)
    }
}

/// Makes data of the files in a sandbox.
fn data(args: &[String], sandbox: &Path) -> Result<(), String> {
    let mut folder = sandbox.join("files");
    if let Some(inside) = args.get(1) {
        folder.push(inside);
        if !folder.is_dir() {
            return Err(format!("there is no folder `{inside}` in what the hook made"));
        }
    }
    uk_data::make(args.first().map_or("", String::as_str), &folder, &sandbox.join("out/data"))
}

/// Reads what a build script printed.
fn directives(args: &[String], sandbox: &Path) -> Result<(), String> {
    let text = std::fs::read(sandbox.join("stdout")).map_err(|error| error.to_string())?;
    directive_files(&text, args)?
        .into_iter()
        .try_for_each(|(name, text)| std::fs::write(sandbox.join(name), text))
        .map_err(|error| error.to_string())
}

/// More lines of a difference than tell anything new.
const LINES: usize = 12;

/// Builds everything once more and compares.
fn check(
    session: &Session,
    roots: &[ActionId],
    first: &Report,
    options: &Options,
    progress: &Progress<'_>,
    ui: Ui,
) -> Result<(), Failure> {
    let Session { graph, store, .. } = session;
    let options = Options { ahead: uk_store::ahead(store), ..options.clone() };
    let day = match options.ahead {
        0 => "on the same day, since here no step can be told another".to_owned(),
        seconds => format!("{} days from now", seconds / 86_400),
    };
    ui.note(&format!("once more, in another place, {day}"));
    let checked = uk_store::check(graph, roots, first, store, &options, &Made, progress, store.cancel());
    let checked = checked.map_err(|error| match error {
        CheckError::Build(failure) if failure.cancelled => {
            Failure::new(failure.diagnostics(graph), &session.sources)
        }
        CheckError::Build(failure) => {
            let faults =
                failure.faults.iter().flat_map(|fault| faults::explain(session, fault, &failure.report, ui));
            let date = match options.ahead {
                0 => String::new(),
                seconds => format!(", whose steps see a date {} days ahead", seconds / 86_400),
            };
            let note = format!("this is the second build{date}; the first one went well");
            Failure::new(faults.map(|fault| fault.note(note.clone())).collect(), &session.sources)
        }
        CheckError::Store(error) => error.diagnostic().into(),
    })?;
    if checked.unlike.is_empty() {
        let apart = match checked.apart {
            0 => String::new(),
            apart => format!("; {apart} have other inputs now and could not be compared"),
        };
        let written = match checked.written {
            0 => String::new(),
            written => format!("; {written} only write what the plan says"),
        };
        ui.note(&format!("{} nodes came out the same twice{written}{apart}", checked.compared));
        return Ok(());
    }
    let mut faults: Vec<Diagnostic> =
        checked.unlike.iter().map(|unlike| not_reproducible(session, unlike)).collect();
    if let (Some(last), true) = (faults.last_mut(), checked.apart > 0) {
        last.notes.push(format!("{} nodes that need what differs could not be compared", checked.apart));
    }
    Err(Failure::new(faults, &session.sources))
}

fn not_reproducible(session: &Session, unlike: &Unlike) -> Diagnostic {
    let action = session.graph.get(unlike.action);
    let name = crate::commands::node::name(&session.graph, unlike.action);
    let output = &action.outputs[unlike.output].path;
    let mut diagnostic = Diagnostic::error(
        Code::NotReproducible,
        format!("`{name}` makes another `{output}` from the same inputs"),
    );
    if unlike.mode {
        diagnostic = diagnostic.note("only one of the two may be executed");
    }
    if let (Some(first), Some(second)) = (&unlike.first, &unlike.second) {
        let lines = difference::of_paths(first, second, LINES);
        if !lines.is_empty() {
            diagnostic.notes.push(lines.join("\n"));
        }
        diagnostic = diagnostic.note(format!("both are kept: {} and {}", first.display(), second.display()));
    }
    diagnostic.help(
        "look for a time, a random number, an address or the order of a hash map in it; the time to use is in the variable \
         `SOURCE_DATE_EPOCH`. Its record was taken out of the store",
    )
}
