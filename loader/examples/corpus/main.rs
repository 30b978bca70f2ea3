//! Applications of crates.io, built by the engine and by cargo, and compared: `cargo xtask corpus` runs this.
//!
//! ```text
//! corpus FOLDER check [--own-profile] [NAME]...   builds, runs and compares
//! corpus FOLDER fetch NAME                        brings the sources, and prints where they are
//! corpus FOLDER build NAME STORE OUT              builds by the engine alone, for `cargo xtask bench ripgrep`
//! ```
//! `FOLDER` keeps sources, cargo's target folders, the store and the programs from one run to the next.
#![forbid(unsafe_code)]

mod applications;
mod by_cargo;
mod by_uk;
mod compare;
mod sample;
mod sources;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use applications::{ALL, Application};

/// What a step that fails says.
type Failure = String;

/// A profile that is fast to build. Both sides get it, so what is compared is the same.
const QUICK: [&str; 7] = [
    "--config=profile.release.opt-level=0",
    "--config=profile.release.lto=false",
    "--config=profile.release.debug=false",
    "--config=profile.release.codegen-units=16",
    "--config=profile.release.strip=false",
    "--config=profile.release.panic=\"unwind\"",
    "--config=profile.release.build-override.opt-level=0",
];

fn main() -> ExitCode {
    // The engine's build steps are started by this very program.
    if let Some(code) = uk_store::serve_launcher(uk_loader::unpack) {
        return code;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<(), Failure> {
    let (folder, args) = args.split_first().ok_or("usage: corpus FOLDER check|fetch|build ...")?;
    let folder = std::path::absolute(folder).map_err(|error| error.to_string())?;
    match args {
        ["check", "--own-profile", names @ ..] => check(&folder, names, &[]),
        ["check", names @ ..] => check(&folder, names, &QUICK),
        ["fetch", name] => {
            println!("{}", sources::fetch(application(name)?, &folder)?.display());
            Ok(())
        }
        ["build", name, store, out] => {
            let application = application(name)?;
            let source = sources::fetch(application, &folder)?;
            by_uk::build(&source, application.options, Path::new(store), Path::new(out)).map(drop)
        }
        _ => Err("usage: corpus FOLDER check|fetch|build ...".to_owned()),
    }
}

fn application(name: &str) -> Result<&'static Application, Failure> {
    ALL.iter()
        .find(|a| a.name == name)
        .ok_or_else(|| format!("there is no application `{name}` in loader/examples/corpus/applications.rs"))
}

/// Checks the applications `names`, or all, and tells of every one before it fails.
fn check(folder: &Path, names: &[&str], profile: &[&str]) -> Result<(), Failure> {
    let chosen: Vec<&Application> = match names {
        [] => ALL.iter().collect(),
        names => names.iter().map(|name| application(name)).collect::<Result<_, _>>()?,
    };
    let mut wrong = Vec::new();
    for application in &chosen {
        match check_one(application, folder, profile) {
            Ok(said) => println!("{} {}: {said}", application.name, application.version),
            Err(why) => {
                println!("{} {}: FAILED\n{why}", application.name, application.version);
                wrong.push(application.name);
            }
        }
    }
    println!("{} of {} behave as cargo's own builds do", chosen.len() - wrong.len(), chosen.len());
    if wrong.is_empty() { Ok(()) } else { Err(format!("different: {}", wrong.join(", "))) }
}

fn check_one(application: &Application, folder: &Path, profile: &[&str]) -> Result<String, Failure> {
    let source = sources::fetch(application, folder)?;
    let options = [application.options, profile].concat();
    let place = |side: &str| -> PathBuf { folder.join(side).join(application.name) };

    let begun = Instant::now();
    let ours = by_uk::build(&source, &options, &folder.join("store"), &place("uk"))?;
    let uk_took = begun.elapsed();
    let begun = Instant::now();
    let theirs = by_cargo::build(&source, &options, &folder.join("target"), &place("cargo"))?;
    let cargo_took = begun.elapsed();

    let mut differences = compare::units(&ours, &theirs);
    let sample = sample::make(&folder.join("sample"))?;
    differences.extend(compare::behaviour(application, &sample, &place("uk"), &place("cargo"))?);
    if !differences.is_empty() {
        return Err(differences.join("\n"));
    }
    Ok(format!(
        "the same {} units and {} build scripts, {} runs alike (uk {} executed, {} cached, sandbox: {}, in {:.1} s, cargo {:.1} s)",
        ours.units.len(),
        ours.scripts.len(),
        application.runs.len(),
        ours.executed,
        ours.cached,
        ours.class,
        uk_took.as_secs_f64(),
        cargo_took.as_secs_f64(),
    ))
}
