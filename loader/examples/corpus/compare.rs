//! What cargo's build and the engine's have in common, and what not.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Failure;
use crate::applications::{Application, Run};
use crate::{by_cargo, by_uk};

/// Units that only one side has, and build scripts that asked for other things.
pub fn units(ours: &by_uk::Built, theirs: &by_cargo::Built) -> Vec<String> {
    let mut count: BTreeMap<&str, i32> = BTreeMap::new();
    ours.units.iter().for_each(|unit| *count.entry(unit).or_default() += 1);
    theirs.units.iter().for_each(|unit| *count.entry(unit).or_default() -= 1);
    let mut found = Vec::new();
    for (unit, count) in count.into_iter().filter(|(_, count)| *count != 0) {
        found.push(format!("  {} only: {unit}", if count > 0 { "uk" } else { "cargo" }));
    }
    for (package, scripts) in &ours.scripts {
        let other = theirs.scripts.get(package);
        if other != Some(scripts) {
            found.push(format!(
                "  the build script of {package} asked for\n    uk    {scripts:?}\n    cargo {other:?}"
            ));
        }
    }
    found
}

/// Runs of the two programs that did not come out alike.
pub fn behaviour(
    application: &Application,
    sample: &Path,
    ours: &Path,
    theirs: &Path,
) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for run in application.runs {
        let (uk, cargo) = (said(run, sample, ours)?, said(run, sample, theirs)?);
        if uk != cargo {
            found.push(format!("  `{}`", run.words.join(" ")));
            found.extend(only(&uk, &cargo).map(|line| format!("    uk     {line}")));
            found.extend(only(&cargo, &uk).map(|line| format!("    cargo  {line}")));
        } else if !uk.contains(run.says) {
            found.push(format!("  `{}` doesn't say `{}`:\n{uk}", run.words.join(" "), run.says));
        }
    }
    Ok(found)
}

/// Lines of `one` that `other` doesn't have.
fn only<'t>(one: &'t str, other: &'t str) -> impl Iterator<Item = &'t str> {
    one.lines().filter(move |line| !other.lines().any(|o| o == *line)).take(20)
}

/// Exit status and output of a run.
fn said(run: &Run, sample: &Path, programs: &Path) -> Result<String, Failure> {
    let io = |error: std::io::Error| format!("{}: {error}", programs.display());
    let (program, args) = run.words.split_first().ok_or("a run has no program")?;
    let stdin = match run.stdin {
        "" => Stdio::null(),
        file => std::fs::File::open(sample.join(file)).map_err(io)?.into(),
    };
    let state = programs.join("state");
    let _ = std::fs::remove_dir_all(&state);
    std::fs::create_dir_all(&state).map_err(io)?;
    let mut command = Command::new(programs.join(program));
    command.args(args).current_dir(sample).stdin(stdin).env_clear();
    command.env("PATH", "/usr/bin:/bin").env("HOME", &state).env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    let output = command.output().map_err(io)?;
    let text = format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let text = text.replace(&state.display().to_string(), "HOME");
    let text = text.replace(&programs.display().to_string(), "PROGRAMS");
    if !run.unsteady {
        return Ok(text);
    }
    // Times and the order of threads: the words alone count.
    let mut words: Vec<&str> =
        text.split_whitespace().filter(|w| !w.contains(|c: char| c.is_ascii_digit())).collect();
    words.sort_unstable();
    Ok(words.join(" "))
}
