//! Build scripts: running one, reading what it said, and handing it to the compilations that it is for.

use uk_action::{Action, ActionId, Arg, Command, Kind, Output, OutputKind};

use super::rustc::{Call, base_env, package_env};
use super::{CC, Lowering, RUST, Units, input};
use crate::units::{Mode, Unit};

mod directives;

pub use directives::{Directives, directive_files, error, warning, warnings};

/// Name of the builtin that turns a build script's standard output into compiler arguments.
pub const DIRECTIVES: &str = "cargo-directives";
/// Raised when [`directive_files`] would make other files from the same text.
pub const DIRECTIVES_VERSION: u32 = 2;

/// What `read` makes for everybody, in this order.
const FILES: [&str; 5] = ["cfg", "libs", "search", "env", "metadata"];
/// What `read` makes for one link.
const LINK: &str = "link";

fn folder(units: &Units<'_>, run: usize) -> String {
    format!("build/{}-{}", units.place(run), units.ids[run].metadata)
}

/// The action that runs the build script of the unit `index`.
pub(super) fn run(lowering: &Lowering<'_>, units: &Units<'_>, index: usize) -> Action {
    let unit = &units.crates.units[index];
    let here = folder(units, index);
    let host = &lowering.host;
    let mut env = package_env(units, index);
    let mut set = |name: &str, value: Arg| env.push((name.to_owned(), value));
    set("OUT_DIR", Arg::path(format!("{here}/out")));
    set("HOST", host.triple.clone().into());
    set("TARGET", host.triple.clone().into());
    set("NUM_JOBS", "1".into());
    set("OPT_LEVEL", unit.profile.opt_level.clone().into());
    set("DEBUG", if unit.profile.debuginfo == "0" { "false" } else { "true" }.into());
    set("PROFILE", "release".into());
    set("RUSTC", Arg::path(format!("{RUST}/bin/rustc")));
    set("RUSTDOC", Arg::path(format!("{RUST}/bin/rustdoc")));
    set("CARGO_ENCODED_RUSTFLAGS", "".into());
    for (name, value) in &host.cfg {
        set(name, value.clone().into());
    }
    if unit.profile.debug_assertions {
        set("CARGO_CFG_DEBUG_ASSERTIONS", "".into());
    }
    set("CARGO_CFG_FEATURE", unit.features.join(",").into());
    for feature in &unit.features {
        let name = feature.to_uppercase().replace('-', "_");
        set(&format!("CARGO_FEATURE_{name}"), "1".into());
    }
    let facts = &units.crates.packages[unit.package].facts;
    if let Some(links) = &facts.links {
        set("CARGO_MANIFEST_LINKS", links.clone().into());
    }

    let mut inputs = vec![input(RUST, lowering.rust, 0), input(CC, lowering.c, 0), units.sources(index)];
    let mut argv = Vec::new();
    let mut env_files = Vec::new();
    for dependency in &unit.dependencies {
        match units.crates.units[dependency.unit].mode {
            Mode::BuildScript => {
                inputs.push(input("script", units.actions[dependency.unit], 0));
                argv.push(Arg::path("script"));
            }
            // What a package that this one links against tells it, as `DEP_LINKS_KEY`.
            Mode::RunBuildScript => {
                let there = folder(units, dependency.unit);
                inputs.push(input(format!("{there}/out"), units.actions[dependency.unit], 0));
                // What it tells may be the path of a header among its sources.
                inputs.push(units.sources(dependency.unit));
                if let Some(read) = units.directives[dependency.unit] {
                    let file = format!("{there}/metadata");
                    inputs.push(input(file.clone(), read, 4));
                    env_files.push(file);
                }
            }
            Mode::Library | Mode::ProcMacro | Mode::Program => {}
        }
    }
    env.sort_by(|a, b| a.0.cmp(&b.0));
    let stdout = format!("{here}/stdout");
    Action {
        kind: Kind::RunScript,
        label: units.label(index),
        span: None,
        outputs: vec![
            Output { path: format!("{here}/out"), kind: OutputKind::Tree },
            Output { path: stdout.clone(), kind: OutputKind::Text },
        ],
        command: Command::Run {
            argv,
            env,
            cwd: units.package(index),
            stdout: Some(stdout),
            arg_files: Vec::new(),
            env_files,
        },
        inputs,
    }
}

/// What is linked by the compilation of `unit`, in the words of [`directive_files`]; nothing where nothing is.
pub(super) fn link_of(unit: &Unit) -> Option<String> {
    match unit.mode {
        Mode::Program => Some(format!("bin {}", unit.target)),
        Mode::ProcMacro => Some("proc-macro".to_owned()),
        Mode::Library | Mode::BuildScript | Mode::RunBuildScript => None,
    }
}

/// The action that reads what the build script of `index`, run by `run`, printed: for everybody, or for one link.
pub(super) fn read(units: &Units<'_>, index: usize, run: ActionId, link: Option<&str>) -> Action {
    let facts = &units.crates.packages[units.crates.units[index].package].facts;
    let files = if link.is_some() { &[LINK][..] } else { &FILES };
    Action {
        kind: Kind::ReadScript,
        label: units.label(index),
        span: None,
        command: Command::Builtin {
            name: DIRECTIVES,
            version: DIRECTIVES_VERSION,
            args: vec![facts.links.clone().unwrap_or_default(), link.unwrap_or_default().to_owned()],
        },
        inputs: vec![input("stdout", run, 1)],
        outputs: files.iter().map(|f| Output { path: (*f).to_owned(), kind: OutputKind::Text }).collect(),
    }
}

/// Hands the directives of a unit's own build script, and the search paths of those below it, to its compilation. `link`
/// reads what the script says of this link.
pub(super) fn apply(
    units: &Units<'_>,
    index: usize,
    link: Option<ActionId>,
    call: &mut Call<'_>,
    env: &mut Vec<(String, Arg)>,
) {
    let unit = &units.crates.units[index];
    if let Some(run) = own(units, unit) {
        let there = folder(units, run);
        env.push(("OUT_DIR".to_owned(), Arg::path(format!("{there}/out"))));
        stage(units, run, call);
        args(units, run, "cfg", call);
        if takes_libraries(units, unit) {
            args(units, run, "libs", call);
        }
        args(units, run, "search", call);
        if let Some(read) = units.directives[run] {
            let file = format!("{there}/env");
            call.inputs.push(input(file.clone(), read, 3));
            call.env_files.push(file);
        }
        if let Some(read) = link {
            let file = format!("{there}/{LINK}");
            call.inputs.push(input(file.clone(), read, 0));
            call.arg_files.push(file);
        }
    }
    if unit.mode != Mode::Library {
        search(units, &units.closure[index], call);
    }
}

/// Whether the native libraries that a package's build script names are linked by this unit: a program leaves them to the
/// library beside it.
fn takes_libraries(units: &Units<'_>, unit: &Unit) -> bool {
    let beside = |d: &usize| {
        let other = &units.crates.units[*d];
        other.package == unit.package && other.mode == Mode::Library
    };
    unit.mode != Mode::Program || !unit.dependencies.iter().any(|d| beside(&d.unit))
}

/// Native search paths of every build script below a link.
pub(super) fn search(units: &Units<'_>, closure: &[usize], call: &mut Call<'_>) {
    for &library in closure {
        let unit = &units.crates.units[library];
        if unit.mode != Mode::Library {
            continue;
        }
        if let Some(run) = own(units, unit) {
            stage(units, run, call);
            // A library may come with the sources.
            call.stage(units.sources(run));
            args(units, run, "search", call);
        }
    }
}

/// The run of a unit's own build script.
pub(super) fn own(units: &Units<'_>, unit: &Unit) -> Option<usize> {
    let run = |d: &usize| units.crates.units[*d].mode == Mode::RunBuildScript;
    unit.dependencies.iter().map(|d| d.unit).find(run)
}

fn stage(units: &Units<'_>, run: usize, call: &mut Call<'_>) {
    call.stage(input(format!("{}/out", folder(units, run)), units.actions[run], 0));
}

/// Gives the lines of one of [`FILES`] to the compiler, once.
fn args(units: &Units<'_>, run: usize, name: &str, call: &mut Call<'_>) {
    let number = FILES.iter().position(|f| *f == name);
    if let (Some(read), Some(number)) = (units.directives[run], number) {
        let file = format!("{}/{name}", folder(units, run));
        if !call.arg_files.contains(&file) {
            call.inputs.push(input(file.clone(), read, number as u32));
            call.arg_files.push(file);
        }
    }
}

/// The environment of a step that is neither a crate's nor a script's.
pub(super) fn plain_env() -> Vec<(String, Arg)> {
    base_env()
}
