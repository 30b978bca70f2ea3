//! Running a program as a step of something larger.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What a step that fails says.
pub type Done = Result<(), String>;

/// The repository's top folder.
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The cargo that runs this.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(repository());
    cargo
}

/// Runs `command`, tells how long it took, and makes anything but success an error.
pub fn run(title: &str, command: &mut Command) -> Done {
    eprintln!("== {title}");
    let start = Instant::now();
    let status =
        command.status().map_err(|error| format!("{title}: {command:?} can't be started: {error}"))?;
    eprintln!("== {title}: {:.1} s", start.elapsed().as_secs_f64());
    if status.success() { Ok(()) } else { Err(format!("{title}: {command:?} ended with {status}")) }
}

/// As [`run`], for tests of which words choose some: words that none is called by are an error, which cargo doesn't see.
pub fn run_chosen(title: &str, command: &mut Command) -> Done {
    let mut list = Command::new(command.get_program());
    list.args(command.get_args().filter(|word| *word != "--nocapture"));
    // Behind `--`, where the words are that the tests themselves take.
    list.args((!command.get_args().any(|word| word == "--")).then_some("--")).arg("--list");
    list.current_dir(repository());
    if !output(&mut list)?.lines().any(|line| line.ends_with(": test")) {
        return Err(format!("{title}: {command:?} has no test to run"));
    }
    run(title, command)
}

/// Standard output of `command`, which must succeed.
pub fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?} can't be started: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "{command:?} ended with {}:\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
