//! `uk` builds Rust unikernels from a declarative manifest.
//!
//! The way through: [`cli`] reads the command line, a module of [`commands`] carries it out, [`session`] composes the
//! stages (loader, planner, store), [`ui`] prints. See `docs/architecture.md`.
#![forbid(unsafe_code)]

mod cli;
mod commands;
mod difference;
mod dist;
mod effort;
mod excerpt;
mod failure;
mod faults;
mod guest;
mod hooks;
mod in_use;
mod libraries;
mod made;
mod progress;
mod reasons;
mod rejected;
mod session;
mod ui;

use std::process::ExitCode;

use clap::Parser;
use uk_store::Cancel;

fn main() -> ExitCode {
    // Build steps are started by this very program, which puts up the walls around them first.
    if let Some(code) = uk_store::serve_launcher(uk_loader::unpack) {
        return code;
    }
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let ui = ui::Ui::new(cli.color);
    match commands::run(&cli, &Cancel::listening(cancel_on_signal), ui) {
        Ok(code) => code,
        Err(failure) => {
            ui.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Ends the command's processes on Ctrl-C and the like, but for signals that `uk` was started to ignore, as by `nohup`. Where
/// signals can't be had, Ctrl-C ends `uk` alone, and what it had begun is cleared away by the next build.
fn cancel_on_signal(cancel: &Cancel) {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let ignored = ignored_signals();
    let heard = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    if let Ok(mut signals) = signal_hook::iterator::Signals::new(heard) {
        let cancel = cancel.clone();
        // Where there are no threads, no step begins that would have to be ended.
        let _ = std::thread::Builder::new().spawn(move || signals.forever().for_each(|_| cancel.cancel()));
    }
}

/// The signals that this process ignores, a bit each from the lowest on (`SigIgn` in proc_pid_status(5)).
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// What clap has to say: help and versions, or why the command line can't be read. A guest could end with clap's own 2, so
/// `uk run` ends with the code that says that no guest was run.
fn refuse(error: &clap::Error) -> ExitCode {
    let printed = ui::written(error.print());
    let running = std::env::args().skip(1).take_while(|word| word != "--").any(|word| word == "run");
    match error.exit_code() {
        0 => match printed {
            Ok(()) => ExitCode::SUCCESS,
            Err(fault) => {
                let failure = failure::Failure::from(fault);
                ui::Ui::new(cli::When::Auto).failure(&failure);
                ExitCode::from(failure.exit_code())
            }
        },
        _ if running => ExitCode::from(failure::CANNOT_RUN),
        _ => ExitCode::from(2),
    }
}
