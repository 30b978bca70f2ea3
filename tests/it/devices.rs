//! The devices that every program needs, by their examples and by the suite that every implementation passes, on the host
//! and on every machine; and a device of somebody else.

use std::fs;

use uk_device::conformance;

use crate::support::{Folder, MACHINES, MICROVM, Place, Q35, Ran, UNIX, can_run, repository, uk};

/// The host and every machine that this one can run.
fn places() -> impl Iterator<Item = Place> {
    [UNIX].into_iter().chain(MACHINES).filter(|place| can_run(place))
}

fn run_in(folder: &Folder, place: Place, args: &[&str]) -> Ran {
    uk(folder.path(), [&["run"], place, &["--"], args].concat()).run()
}

/// Runs it with what a shell command prints as its input.
fn typed(folder: &Folder, place: Place, command: &str) -> Ran {
    let script = format!("{{ {command}; }} | \"$0\" \"$@\"");
    uk(folder.path(), [&["run"], place].concat()).through("sh", &["-c", &script]).run()
}

/// The messages of its log lines, all of the application's.
#[track_caller]
fn logged(ran: &Ran) -> Vec<&str> {
    let message = |line: &'_ str| line.find(" INF [application] ").map(|at| at + " INF [application] ".len());
    ran.stdout.lines().map(|line| message(line).map_or(line, |at| &line[at..])).collect()
}

/// The command line that `uk run` would use, with some of it replaced, run by a shell; and what the guest reported.
fn on_another_machine(folder: &Folder, place: Place, from: &str, to: &str) -> (Ran, String) {
    let words = [&["run", "--print"], place].concat();
    let command = uk(folder.path(), words.iter().copied()).run().ok().stdout;
    assert!(command.contains(from), "{command}");
    let path = command.split("path=").nth(1).and_then(|rest| rest.split([' ', '\'']).next());
    let report = path.expect("it names the report").to_owned();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &command.replace(from, to)]).current_dir(folder.path());
    let ran = crate::support::run::program(shell);
    let reported = fs::read_to_string(&report).unwrap_or_else(|error| panic!("{report}: {error}: {ran}"));
    (ran, reported)
}

#[test]
fn every_device_does_what_its_interface_says() {
    // The guest's output isn't UTF-8, and it wants its input at the right moment.
    const TALK: &str = "mkfifo in && { \"$0\" \"$@\" <in >out & } && exec 3>in && \
         until grep -q 'conformance: send' out; do kill -0 $! || break; sleep 0.05; done; \
         cat typed >&3; exec 3>&-; wait $!";
    let guest = repository().join("tests/guests/conformance");
    for place in places() {
        let folder = Folder::copy(&guest);
        fs::write(folder.join("typed"), conformance::console_input()).expect("files can be written");
        let ends = format!("--ends={}", place == UNIX);
        let words = [&["run"], place, &["--", &ends, "one", "two words"]].concat();
        let ran = uk(folder.path(), words).through("sh", &["-c", TALK]).run().ok();
        let output = folder.bytes("out");
        let expected = [conformance::CONSOLE_PROMPT.as_bytes(), &conformance::console_output()].concat();
        let rest = output.strip_prefix(&expected[..]);
        let rest = rest.unwrap_or_else(|| panic!("{place:?}: {}: {ran}", output.escape_ascii()));
        let lines: Vec<&str> = std::str::from_utf8(rest).expect("the rest is text").lines().collect();
        let [begun, log, ended] = lines[..] else { panic!("{place:?}: {lines:?}") };
        assert_eq!((begun, ended), ("begun", "ended"));
        assert!(log.ends_with(" INF [application] done"), "{log}");
    }
}

#[test]
fn the_console_reads_and_writes() {
    let folder = Folder::example("console");
    for place in places() {
        let ran =
            typed(&folder, place, "printf 'hello\\nwor'; sleep 0.3; printf 'ld\\nquit\\nnever\\n'").ok();
        assert_eq!(ran.stdout, "Type lines; `quit` ends.\nHELLO\nWORLD\n", "{place:?}: {ran}");
    }
}

#[test]
fn what_is_typed_before_the_guest_has_booted_is_not_lost() {
    let folder = Folder::example("console");
    let (line, shouted) = ("x".repeat(1000), "X".repeat(1000));
    folder.write("typed", &format!("{line}\n{line}\nquit\n"));
    for place in places() {
        let ran = typed(&folder, place, "cat typed").ok();
        assert_eq!(
            ran.stdout,
            format!("Type lines; `quit` ends.\n{shouted}\n{shouted}\n"),
            "{place:?}: {ran}"
        );
    }
}

#[test]
fn the_end_of_input_ends_a_console() {
    let ran = typed(&Folder::example("console"), UNIX, "printf 'one\\ntwo'").ok();
    assert_eq!(ran.stdout, "Type lines; `quit` ends.\nONE\nTWO\n");
}

#[test]
fn clocks_tell_the_time() {
    let folder = Folder::example("clock");
    for place in places() {
        let ran = run_in(&folder, place, &[]).ok();
        let [before, after] = logged(&ran)[..] else { panic!("{place:?}: {ran}") };
        let parse = |line: &str| {
            let (passed, wall) = line.split_once(" ms, and it is ")?;
            (wall.len() == "2026-11-23 08:54:44 -01:00".len()).then_some(())?;
            passed.parse::<u64>().ok()
        };
        let (before, after) = (parse(before).expect("a time"), parse(after).expect("a time"));
        assert!((1500..60_000).contains(&(after - before)), "{place:?}: {ran}");
    }
}

#[test]
fn a_machine_without_a_wall_clock_says_so() {
    if can_run(MICROVM) {
        let folder = Folder::example("clock");
        let (ran, report) = on_another_machine(&folder, MICROVM, "microvm,", "microvm,rtc=off,");
        assert!(report.ends_with("exit 0\n"), "{ran}");
        assert_eq!(logged(&ran).len(), 2, "{ran}");
        for line in logged(&ran) {
            assert!(line.ends_with(" ms, and the machine has no wall clock"), "{ran}");
        }
    }
}

#[test]
fn random_numbers_differ() {
    let folder = Folder::example("random");
    for place in places() {
        let draws: Vec<Ran> = (0..2).map(|_| run_in(&folder, place, &[]).ok()).collect();
        let mut numbers: Vec<&str> = draws.iter().flat_map(logged).collect();
        assert_eq!(numbers.len(), 4, "{place:?}: {numbers:?}");
        let hex = |number: &&str| number.len() == 64 && number.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(numbers.iter().all(hex), "{place:?}: {numbers:?}");
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), 4, "{place:?}: the same was drawn twice");
    }
}

#[test]
fn a_machine_without_a_source_of_random_numbers_is_an_error() {
    for machine in [MICROVM, Q35] {
        if can_run(machine) {
            let folder = Folder::example("random");
            let (ran, report) =
                on_another_machine(&folder, machine, "qemu64,+rdrand", "qemu64,-rdrand,-rdseed");
            assert_eq!(report, "exit 1\n", "{ran}");
            assert!(ran.stdout.starts_with("random: the processor gives no random numbers: "), "{ran}");
            assert_eq!(ran.stdout.lines().count(), 1, "{ran}");
        }
    }
}

#[test]
fn words_reach_the_application() {
    let folder = Folder::example("args");
    for place in places() {
        let ran = run_in(&folder, place, &["one", "--upper", "two words", "--", "--upper=3", "ü"]).ok();
        assert_eq!(logged(&ran), ["ONE", "TWO WORDS", "--UPPER=3", "ü"], "{place:?}");
        assert_eq!(run_in(&folder, place, &[]).ok().stdout, "", "{place:?}");
        run_in(&folder, place, &["one", "-x"]).ends(64);
    }
}

#[test]
fn the_first_job_that_fails_ends_them_all() {
    let folder = Folder::example("jobs");
    for place in places() {
        let ran = run_in(&folder, place, &["--code=200"]).ends(200);
        let said = [&*ran.stdout, &*ran.stderr].concat();
        assert!(said.contains("jobs: job `ender`: as the key says\n"), "{place:?}: {ran}");
        let counted = ran.stdout.lines().filter(|line| line.contains("] ")).count();
        assert!((1..10).contains(&counted), "{place:?}: {ran}");
        let ran = run_in(&folder, place, &["--code=0"]).ok();
        assert_eq!(
            logged(&ran),
            ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
            "{place:?}: all jobs end before the unikernel does"
        );
    }
}

fn third_party() -> (Folder, std::path::PathBuf) {
    let folder = Folder::example("third-party");
    let application = folder.join("roll");
    (folder, application)
}

#[test]
fn a_device_of_a_third_party_works_on_every_target() {
    let (_folder, application) = third_party();
    for place in places() {
        let ran = uk(&application, [&["run"], place].concat()).run().ok();
        let lines = logged(&ran);
        let Some((end, rolls)) = lines.split_last() else { panic!("{place:?}: {ran}") };
        assert!(end.ends_with(" INF [dice] rolled 10 times"), "{place:?}: it is torn down last: {ran}");
        assert_eq!(rolls.len(), 10, "{place:?}: {ran}");
        for line in rolls {
            let side = line.strip_suffix(" of 20").and_then(|side| side.parse().ok());
            assert!(side.is_some_and(|side| (1..=20).contains(&side)), "{place:?}: {ran}");
        }
    }
}

#[test]
fn a_device_of_a_third_party_is_checked_as_any_other() {
    let (folder, application) = third_party();
    folder.edit("roll/unikernel.kdl", "    dice die", "    dice default-time");
    let said = uk(&application, ["plan"]).run().fails(1, &["UK0303"]);
    assert!(said.contains("fair-die"), "it names what would fit: {said}");
    folder.edit("roll/unikernel.kdl", "    dice default-time", "    dice die");
    folder.edit("roll/unikernel.kdl", "sides=20", "sides=1");
    let ran = uk(&application, ["plan"]).run().ends(1);
    assert!(ran.stderr.contains("from 2 to 255"), "{ran}");
    folder.edit("roll/unikernel.kdl", "sides=1", "sides=20");
    folder.edit("roll/unikernel.kdl", "fair-die", "fair-dye");
    let ran = uk(&application, ["plan"]).run().ends(1);
    assert!(ran.stderr.contains("did you mean `fair-die`?"), "{ran}");
}
