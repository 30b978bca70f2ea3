//! Guest half of the unix target: the main function of an executable, its console and its event loop.
//!
//! Crates of devices find here what they share with it: [`fd`] to wait for file descriptors, and [`write()`] to write to
//! standard output between log lines, and [`attached`] for the files that the process is given.
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks, clippy::unwrap_used)]
#![warn(missing_docs)]

mod attach;
mod console;
mod event;
pub mod fd;
mod panic;

use std::env;
use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;

use uk_device::backend::{USAGE, log_with};
use uk_device::keys::{Key, Outcome, Values, parse};

pub use attach::{attached, unfit};
pub use console::write;
pub use uk_executor::{Job, alone, job, jobs};

/// Declares `main`.
///
/// - `name`: the unikernel's name, for `--help` and messages;
/// - `application`: the application's crate, whose log lines are tagged `application`;
/// - `keys`: the table of its keys, `&'static [uk_device::keys::Key<'static>]`;
/// - `start`: an `async fn(&'static uk_device::keys::Values) -> uk_device::Result`.
#[macro_export]
macro_rules! entry {
    (name: $name:expr, application: $application:expr, keys: $keys:expr, start: $start:expr $(,)?) => {
        fn main() -> ::std::process::ExitCode {
            $crate::main($name, $application, $keys, $start)
        }
    };
}

/// What [`entry!`] calls: reads the command line, runs, and says with which code to exit.
pub fn main<F>(
    name: &'static str,
    application: &'static str,
    keys: &'static [Key<'static>],
    start: impl FnOnce(&'static Values) -> F,
) -> ExitCode
where
    F: Future<Output = uk_device::Result>,
{
    panic::install(name);
    // Keys are text: what isn't is a wrong command line.
    let args: Result<Vec<String>, _> = env::args_os().skip(1).map(OsString::into_string).collect();
    let args = match args {
        Ok(args) => args,
        Err(arg) => {
            console::complain(name, &format!("the argument {arg:?} isn't UTF-8"));
            return ExitCode::from(USAGE);
        }
    };
    let values = match parse(name, keys, args) {
        Outcome::Run(values) => uk_device::share(values),
        Outcome::Help(text) => {
            console::print(&text);
            return ExitCode::SUCCESS;
        }
        Outcome::Usage(error) => {
            console::complain(name, &error);
            return ExitCode::from(USAGE);
        }
    };
    log_with(application, values.logs(), console::log);
    match uk_executor::run(event::platform(), start(values)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.message().is_empty() {
                console::complain(name, &error);
            }
            ExitCode::from(error.code())
        }
    }
}
