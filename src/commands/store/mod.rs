//! `uk store`: looking after the store.

mod exchange;
mod gc;
mod stats;
mod verify;

use std::process::ExitCode;

use serde::Serialize;
use uk_store::Store;

use crate::cli;
use crate::failure::Failure;
use crate::ui::Ui;

/// The version of what `--format json` prints.
const JSON: u32 = 1;

/// Carries out a command of `uk store`.
pub fn run(command: &cli::Store, ui: Ui) -> Result<ExitCode, Failure> {
    match command {
        cli::Store::Stats { format } => stats::run(&open()?, *format, ui)?,
        cli::Store::Verify { format } => return verify::run(&open()?, *format, ui),
        cli::Store::Gc { keep_days, max_size, dry_run, format } => {
            gc::run(&open()?, *keep_days, *max_size, *dry_run, *format, ui)?;
        }
        cli::Store::Export { artifact } => exchange::export(&open()?, artifact, ui)?,
        cli::Store::Import { file, trust, max_size } => {
            exchange::import(&open_or_make()?, file, trust, *max_size, ui)?;
        }
        cli::Store::Key => exchange::key(ui)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The store that the environment names. None is made.
fn open() -> Result<Store, Failure> {
    let store =
        Store::default_root(|name| std::env::var_os(name)).and_then(|root| Store::open_existing(&root));
    Ok(store.map_err(|error| error.diagnostic())?)
}

/// The same; it is made when there is none.
fn open_or_make() -> Result<Store, Failure> {
    let store = Store::default_root(|name| std::env::var_os(name)).and_then(|root| Store::open(&root));
    Ok(store.map_err(|error| error.diagnostic())?)
}

fn json(value: &impl Serialize) -> String {
    // Text, numbers and lists can always be written.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// `1 record`, `2 records`.
fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}
