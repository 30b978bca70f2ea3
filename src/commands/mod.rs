//! One module a command.

mod build;
mod clean;
mod completions;
mod devices;
mod explain;
pub mod keys;
mod log;
mod new;
pub mod node;
mod plan;
mod run;
mod store;
mod why;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use uk_loader::{Locking, Project};
use uk_store::Cancel;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::ui::Ui;

/// Carries out what the command line says, until `cancel` ends it.
pub fn run(cli: &Cli, cancel: &Cancel, ui: Ui) -> Result<ExitCode, Failure> {
    let folder: PathBuf = cli.folder.clone().unwrap_or_else(|| Path::new(".").to_owned());
    match &cli.command {
        Command::Plan { select, format, diff } => plan::run(&folder, select, *format, *diff, cancel, ui)?,
        Command::Build { select, effort } => build::run(&folder, select, effort, cancel, ui)?,
        Command::Run { select, effort, runner, args } => {
            return run::run(&folder, select, effort, runner, args, cancel, ui)
                .map(ExitCode::from)
                .map_err(Failure::while_running);
        }
        Command::Clean { force } => clean::run(&Project::find(&folder)?, *force, ui)?,
        Command::Why { node, select, format } => why::run(&folder, node, select, *format, cancel, ui)?,
        Command::Log { node, select } => log::run(&folder, node, select, cancel, ui)?,
        Command::Keys { select } => keys::run(&folder, select, cancel, ui)?,
        Command::Devices { name, offline } => {
            let locking = Locking { locked: false, offline: *offline };
            devices::run(&folder, name.as_deref(), locking, cancel, ui)?;
        }
        Command::New { path } => new::run(&folder, path, cancel, ui)?,
        Command::Store(command) => return store::run(command, ui),
        Command::Explain { code } => explain::run(code.as_deref(), ui)?,
        Command::Completions { shell } => completions::run(*shell, ui)?,
    }
    Ok(ExitCode::SUCCESS)
}
