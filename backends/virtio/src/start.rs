//! The way from boot to the unikernel, and its end.

use alloc::string::ToString;
use core::fmt::{Display, Write};
use core::future::Future;

use uk_device::Wall;
use uk_device::backend::{MEMORY, USAGE, log_with};
use uk_device::keys::{Key, Outcome, Values, parse, words};
use uk_executor::Platform;

use crate::exit::exit;
use crate::memory::Free;
use crate::pvh::Info;
use crate::serial::Serial;
use crate::single::Single;
use crate::{clock, fault, heap, interrupt, logger, paging, serial};

/// What `main` needs to know of the boot and of itself.
struct State {
    info: Option<Info>,
    name: &'static str,
}

static STATE: Single<State> = Single::new(State { info: None, name: "uk" });

unsafe extern "C" {
    /// What `entry!` declares.
    safe fn uk_main() -> !;
}

/// Where `boot` arrives in long mode, with the loader's start information.
#[unsafe(no_mangle)]
extern "C" fn uk_boot(start_info: usize) -> ! {
    serial::init();
    // SAFETY: each is called once, here, in the order that they ask for: the tables of `boot` map the first 4 GiB as they
    // are, and what is free is given away once.
    unsafe {
        fault::init();
        let Some(info) = Info::new(start_info) else {
            die(MEMORY, "the loader gives no PVH start information of version 1");
        };
        STATE.with(|state| state.info = Some(info));
        let mut free = Free::new(info);
        if paging::protect(info, &mut free).is_none() {
            die(MEMORY, "the machine has too little memory for its page tables");
        }
        heap::init(&free);
        clock::init();
    }
    uk_main()
}

/// The kernel command line, as the loader gives it.
pub fn command_line() -> &'static [u8] {
    // SAFETY: the closure comes back to nothing.
    unsafe { STATE.with(|state| state.info) }.map_or(&[][..], Info::command_line)
}

/// The unikernel's name.
pub fn name() -> &'static str {
    // SAFETY: the closure comes back to nothing.
    unsafe { STATE.with(|state| state.name) }
}

/// Writes ` in job ...` if a job runs.
pub fn write_job(out: &mut dyn Write) {
    if let Some(job) = uk_executor::current_job() {
        let _ = write!(out, " in job `{job}`");
    }
}

fn die(code: u8, message: impl Display) -> ! {
    Serial.fresh_line();
    let _ = writeln!(Serial, "{}: {message}", name());
    exit(code)
}

/// What [`entry!`](crate::entry) calls: reads the command line, runs, and ends with the unikernel's exit code.
pub fn main<F>(
    name: &'static str,
    application: &'static str,
    keys: &'static [Key<'static>],
    start: impl FnOnce(&'static Values) -> F,
) -> !
where
    F: Future<Output = uk_device::Result>,
{
    // SAFETY: the closure comes back to nothing.
    let info = unsafe {
        STATE.with(|state| {
            state.name = name;
            state.info
        })
    };
    let line = info.map_or(&[][..], Info::command_line);
    let values = match read(name, keys, line) {
        Outcome::Run(values) => uk_device::share(values),
        Outcome::Help(text) => {
            let _ = Serial.write_str(&text);
            exit(0)
        }
        Outcome::Usage(error) => die(USAGE, error),
    };
    log_with(application, values.logs(), logger::log);
    match uk_executor::run(&Machine, start(values)) {
        Ok(()) => exit(0),
        Err(error) if error.message().is_empty() => exit(error.code()),
        Err(error) => die(error.code(), error),
    }
}

fn read(name: &str, keys: &[Key<'_>], line: &[u8]) -> Outcome {
    let wrong = |error: &dyn Display| {
        Outcome::Usage(uk_device::keys::Usage { message: error.to_string(), help: Default::default() })
    };
    match core::str::from_utf8(line) {
        Err(_) => wrong(&"the command line isn't UTF-8"),
        Ok(line) => match words::split(line) {
            Err(error) => wrong(&error),
            Ok(words) => parse(name, keys, words),
        },
    }
}

/// The platform of the executor.
struct Machine;

impl Platform for Machine {
    fn now(&self) -> u64 {
        clock::now()
    }

    fn wall(&self) -> Option<Wall> {
        logger::wall()
    }

    fn park(&self, deadline: Option<u64>) {
        clock::halt_until(deadline);
        interrupt::arrived();
    }

    /// There is one processor, and nothing wakes a task while it halts: `park` does so afterwards.
    fn unpark(&self) {}
}
