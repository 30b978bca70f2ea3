//! Calling off what is asked something.

use std::fs;
use std::io::ErrorKind;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use uk_store::Cancel;

fn shell(script: &str) -> Command {
    // Whoever runs the tests in the background ignores some of these, and shells keep to that.
    let mut command = Command::new("env");
    command.args(["--default-signal=INT,TERM,HUP", "/bin/sh", "-c", script]);
    command
}

#[test]
fn what_a_process_writes_is_told_whole() {
    let asked = Cancel::default().output(&mut shell("seq 100000; seq 100000 >&2; exit 3"));
    let output = asked.expect("it ends");
    let numbers: String = (1..=100_000).map(|number| format!("{number}\n")).collect();
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout == numbers.as_bytes() && output.stderr == numbers.as_bytes());
}

#[test]
fn a_signal_that_ends_what_is_asked_calls_the_whole_command_off() {
    for signal in ["INT", "TERM", "HUP"] {
        let cancel = Cancel::default();
        let asked = cancel.output(&mut shell(&format!("kill -{signal} $$")));
        assert_eq!(asked.expect_err("it says nothing").kind(), ErrorKind::Interrupted);
        assert!(cancel.is_cancelled(), "what was asked for beside it would be taken for known");
    }
}

#[test]
fn what_an_asked_process_has_left_behind_is_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    // Nobody's child any more, it holds what is read for a minute.
    let script = "(sleep 60 & echo $! > left); : > done";
    let cancel = Cancel::default();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| cancel.output(shell(script).current_dir(folder.path())));
        while !folder.path().join("done").exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        cancel.cancel();
        let asked = asked.join().expect("it doesn't panic");
        assert_eq!(asked.expect_err("it was called off").kind(), ErrorKind::Interrupted);
    });
    let left = fs::read_to_string(folder.path().join("left")).expect("it was written");
    let left = left.trim().parse().ok().and_then(Pid::from_raw).expect("a number");
    let line = fs::read(format!("/proc/{}/cmdline", left.as_raw_pid())).unwrap_or_default();
    assert!(!line.is_empty(), "it runs still");
    kill_process(left, Signal::KILL).expect("it is ours");
}
