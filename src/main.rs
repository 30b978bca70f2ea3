//! `uk` builds Rust unikernels from a declarative manifest.
//!
//! The way through: [`cli`] reads the command line, a module of [`commands`] carries it out, [`session`] composes the
//! stages (loader, planner, store), [`ui`] prints. See `docs/architecture.md`.
#![forbid(unsafe_code)]

mod cli;
mod commands;
mod dist;
mod failure;
mod guest;
mod progress;
mod rejected;
mod session;
mod ui;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let ui = ui::Ui::new(cli.color);
    match commands::run(&cli, ui) {
        Ok(code) => code,
        Err(failure) => {
            ui.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}
