//! How hard a build tries: jobs, time and memory of its steps, from the command line and the machine.

use std::time::Duration;

use uk_action::Class;
use uk_diagnostic::{Code, Diagnostic};
use uk_store::{Options, Store};

use crate::cli::Effort;

/// What a step may take unless the user says otherwise: far more than any compiler does.
const TIMEOUT: Duration = Duration::from_secs(3600);
/// Address space that a step has on the smallest machine: compilers map more than they touch.
const LEAST: u64 = 8 << 30;

/// What `effort` asks for.
pub fn options(effort: &Effort) -> Options {
    let mut options = Options { keep_going: effort.keep_going, ..Options::default() };
    let machine = rustix::system::sysinfo();
    let bytes = |count: u64| count.saturating_mul(machine.mem_unit.into());
    let (memory, swap) = (bytes(machine.totalram as u64), bytes(machine.totalswap as u64));
    options.jobs = effort.jobs.map_or(0, |jobs| jobs.get());
    options.timeout = match effort.timeout {
        Some(0) => None,
        Some(seconds) => Some(Duration::from_secs(seconds)),
        None => Some(TIMEOUT),
    };
    options.memory = match effort.memory_limit {
        Some(0) => None,
        Some(mib) => Some(mib << 20),
        None => Some(memory.saturating_add(swap).max(LEAST)),
    };
    options
}

/// Says that nothing kept a build's steps to their inputs, unless the user wanted it so.
pub fn without_walls(store: &Store) -> Option<Diagnostic> {
    let refused = store.refused_walls();
    if store.class() != Class::Folder || refused.is_empty() {
        return None;
    }
    let message = "this machine has no sandbox: build steps could read any file and use the network";
    let mut diagnostic = Diagnostic::warning(Code::NoWalls, message);
    diagnostic.notes.extend(refused.iter().cloned());
    Some(diagnostic.help("`uk explain UK0627` tells how to allow one, or how to go without on purpose"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_lifts_a_limit_and_nothing_sets_the_usual_one() {
        let unlimited = Effort { timeout: Some(0), memory_limit: Some(0), ..Effort::default() };
        let options = super::options(&unlimited);
        assert_eq!((options.timeout, options.memory), (None, None));
        let options = super::options(&Effort::default());
        assert_eq!(options.timeout, Some(TIMEOUT));
        assert!(options.memory.is_some_and(|bytes| bytes >= LEAST));
        assert!(uk_store::usual_jobs() > 0);
    }
}
