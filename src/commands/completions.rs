//! `uk completions`: a shell's completion script.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::ui::Ui;

/// Prints the script for `shell`.
pub fn run(shell: Shell, ui: Ui) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "uk", &mut script);
    Ok(ui.output(&String::from_utf8_lossy(&script))?)
}
