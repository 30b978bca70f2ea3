//! The examples, run as a user runs them, on the host and on every virtual machine.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::{Folder, MACHINES, MICROVM, MICROVM_NOACPI, Place, Q35, Ran, UNIX, can_run, run, uk};

/// `uk run` in `folder`, built with `options`, with `args` for the guest.
fn run_in(folder: &Folder, place: Place, options: &[&str], args: &[&str]) -> Ran {
    let words = [&["run"], place, options, &["--"], args].concat();
    uk(folder.path(), words).run()
}

/// A line of a log: `2026-11-23 08:54:44 -01:00: INF [application] hello`.
#[derive(Debug)]
struct LogLine {
    /// Seconds since 1970, UTC.
    time: i64,
    level: String,
    source: String,
    text: String,
}

fn log_line(line: &str) -> LogLine {
    let parsed = (|| {
        let (stamp, rest) = line.split_at_checked(28)?;
        let shape: String = stamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        let zone = match shape.strip_prefix("0000-00-00 00:00:00 ")? {
            "+00:00: " => 1,
            "-00:00: " => -1,
            _ => return None,
        };
        let number = |from: usize, to: usize| stamp[from..to].parse::<i64>().ok();
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let seconds = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
        let offset = zone * (number(21, 23)? * 3600 + number(24, 26)? * 60);
        let (level, rest) = rest.split_once(" [")?;
        let (source, text) = rest.split_once("] ")?;
        let time = days(year, month, day) * 86_400 + seconds - offset;
        Some(LogLine { time, level: level.to_owned(), source: source.to_owned(), text: text.to_owned() })
    })();
    parsed.unwrap_or_else(|| panic!("not a line of a log: `{line}`"))
}

/// Days from 1970 to a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // March is the first month, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (month * 153 + 2) / 5
        + day
        - 719_469
}

/// Four lines of the tutorial's form, each at least a second after the last, at the host's time.
#[track_caller]
fn says_four_times(ran: &Ran, text: &str) {
    let lines: Vec<LogLine> = ran.stdout.lines().map(log_line).collect();
    assert_eq!(lines.len(), 4, "{ran}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs() as i64;
    for line in &lines {
        assert_eq!((&*line.level, &*line.source, &*line.text), ("INF", "application", text), "{ran}");
        assert!((now - line.time).abs() < 600, "the clock is off by {} s: {ran}", now - line.time);
    }
    for pair in lines.windows(2) {
        assert!((1..60).contains(&(pair[1].time - pair[0].time)), "one a second: {ran}");
    }
}

fn nothing_happens(example: &str, place: Place) {
    if can_run(place) {
        let ran = run_in(&Folder::example(example), place, &[], &[]).ok();
        assert!(ran.stdout.is_empty(), "{ran}");
        assert!(ran.stderr.trim_end().lines().last().is_some_and(|l| l.contains(" cached in ")), "{ran}");
    }
}

#[test]
fn noop_ends_well_in_silence_on_unix() {
    nothing_happens("noop", UNIX);
}

#[test]
fn noop_ends_well_in_silence_on_every_machine() {
    MACHINES.into_iter().for_each(|machine| nothing_happens("noop", machine));
}

#[test]
fn an_entry_inside_a_type_ends_well_in_silence_on_unix() {
    nothing_happens("noop-type", UNIX);
}

#[test]
fn an_entry_inside_a_type_ends_well_in_silence_on_every_machine() {
    MACHINES.into_iter().for_each(|machine| nothing_happens("noop-type", machine));
}

fn hello(place: Place) {
    if can_run(place) {
        says_four_times(&run_in(&Folder::example("hello"), place, &[], &[]).ok(), "hello");
    }
}

#[test]
fn hello_logs_four_lines_one_a_second_on_unix() {
    hello(UNIX);
}

#[test]
fn hello_logs_four_lines_one_a_second_on_microvm() {
    hello(MICROVM);
}

#[test]
fn hello_logs_four_lines_one_a_second_on_microvm_without_acpi() {
    hello(MICROVM_NOACPI);
}

#[test]
fn hello_logs_four_lines_one_a_second_on_q35() {
    hello(Q35);
}

fn hello_key(place: Place, options: &[&str], args: &[&str], text: &str) {
    if can_run(place) {
        says_four_times(&run_in(&Folder::example("hello-key"), place, options, args).ok(), text);
    }
}

#[test]
fn a_key_has_its_default_on_unix() {
    hello_key(UNIX, &[], &[], "Hello World!");
}

#[test]
fn a_key_has_its_default_on_virtio() {
    hello_key(MICROVM, &[], &[], "Hello World!");
}

#[test]
fn set_bakes_another_default_on_unix() {
    hello_key(UNIX, &["--set", "hello=Hola!"], &[], "Hola!");
}

#[test]
fn set_bakes_another_default_on_virtio() {
    hello_key(MICROVM, &["--set", "hello=Hola, \"señor\"!"], &[], "Hola, \"señor\"!");
}

#[test]
fn an_argument_overrides_what_set_baked_on_unix() {
    hello_key(UNIX, &["--set", "hello=Hola!"], &["--hello=Bonjour!"], "Bonjour!");
}

#[test]
fn an_argument_overrides_what_set_baked_on_virtio() {
    hello_key(MICROVM, &["--set", "hello=Hola!"], &["--hello", "Bonjour!"], "Bonjour!");
}

/// Values that quoting could break on their way to a guest.
const HARD: [&str; 14] = [
    "two words",
    "  three  spaces  ",
    "\"quoted\"",
    "it's",
    "both ' and \"",
    "back\\slash\\",
    "\\\"",
    "a=b --text=c",
    "--help",
    "-l",
    "$HOME `id` ; # %s",
    "Grüße, 世界 🦀",
    "virtio_mmio.device=512@0xfeb00000:5",
    "tab\there",
];

fn hard_values(place: Place) {
    if !can_run(place) {
        return;
    }
    let folder = Folder::deeds();
    for value in HARD {
        let ran = run_in(&folder, place, &[], &[&format!("--text={value}")]).ok();
        assert_eq!(log_line(ran.stdout.trim_end_matches('\n')).text, value, "{ran}");
        // A word that starts with a dash is an argument of its own.
        if !value.starts_with('-') {
            let ran = run_in(&folder, place, &[], &["--text", value]).ok();
            assert_eq!(log_line(ran.stdout.trim_end_matches('\n')).text, value, "{ran}");
        }
    }
}

#[test]
fn spaces_quotes_and_utf8_in_values_reach_the_guest_on_unix() {
    hard_values(UNIX);
}

#[test]
fn spaces_quotes_and_utf8_in_values_reach_the_guest_on_virtio() {
    hard_values(MICROVM);
}

fn log_levels(place: Place) {
    if !can_run(place) {
        return;
    }
    let folder = Folder::deeds();
    let said = |args: &[&str]| run_in(&folder, place, &[], args).ok().stdout;
    assert_eq!(said(&[]), "");
    for args in [["-l", "*:debug"], ["--logs", "debug"], ["-l", "application:debug"]] {
        let line = said(&args);
        let line = log_line(line.trim_end());
        assert_eq!((&*line.level, &*line.source, &*line.text), ("DBG", "application", "deed: end"));
    }
    assert_eq!(said(&["-l", "application:error", "--text=unheard"]), "");
    assert_eq!(said(&["-l", "net:debug"]), "");
}

#[test]
fn log_levels_are_chosen_at_boot_on_unix() {
    log_levels(UNIX);
}

#[test]
fn log_levels_are_chosen_at_boot_on_virtio() {
    log_levels(MICROVM);
}

fn help(place: Place) {
    if can_run(place) {
        let said = run_in(&Folder::example("hello-key"), place, &[], &["--help"]).ok().stdout;
        let key = said.lines().find(|l| l.contains("--hello=")).unwrap_or_else(|| panic!("{said}"));
        for part in ["STRING", "How to say hello.", "Hello World!"] {
            assert!(key.contains(part), "`{part}` in `{key}`");
        }
        assert!(said.contains("--logs=") && said.contains("--help"), "{said}");
    }
}

#[test]
fn help_lists_keys_with_type_default_and_doc_on_unix() {
    help(UNIX);
}

#[test]
fn help_lists_keys_with_type_default_and_doc_on_virtio() {
    help(MICROVM);
}

fn wrong_arguments(place: Place) {
    if !can_run(place) {
        return;
    }
    let folder = Folder::deeds();
    for (args, message) in [
        (&["--ded=end"][..], "unknown key `ded`; did you mean `--deed`?"),
        (&["--deed=sleep"], "`--deed=sleep`: expected one of `end`, `fail`,"),
        (&["--deed=end", "--deed", "end"], "`--deed` is given twice"),
        (&["--text"], "`--text`"),
        (&["stray"], "unexpected word `stray`"),
        (&["-l", "*:loud"], "`-l=*:loud`: expected levels"),
    ] {
        let ran = run_in(&folder, place, &[], args).ends(64);
        // A guest has one console; a process says it on standard error.
        let said = if place == UNIX { &ran.stderr } else { &ran.stdout };
        let line = said.trim_end().lines().last().unwrap_or_default();
        assert!(line.starts_with("deeds: ") && line.contains(message), "`{message}`: {ran}");
        assert!(!ran.stdout.contains("] "), "nothing was logged: {ran}");
    }
}

#[test]
fn a_wrong_argument_ends_with_64_and_says_what_is_wrong_on_unix() {
    wrong_arguments(UNIX);
}

#[test]
fn a_wrong_argument_ends_with_64_and_says_what_is_wrong_on_virtio() {
    wrong_arguments(MICROVM);
}

#[test]
fn the_exit_code_comes_back_whole_on_unix() {
    let ran = run_in(&Folder::deeds(), UNIX, &[], &["--deed=fail"]).ends(200);
    assert!(ran.stderr.ends_with("deeds: failed as asked\n"), "{ran}");
}

#[test]
fn the_exit_code_comes_back_whole_on_every_machine() {
    let folder = Folder::deeds();
    for machine in MACHINES.into_iter().filter(|machine| can_run(machine)) {
        let ran = run_in(&folder, machine, &[], &["--deed=fail"]).ends(200);
        assert_eq!(ran.stdout, "deeds: failed as asked\n", "{ran}");
    }
}

#[test]
fn the_unix_artifact_needs_nothing_but_itself() {
    let (folder, elsewhere) = (Folder::deeds(), Folder::empty());
    uk(folder.path(), ["build"]).run().ok();
    let artifact = elsewhere.join("renamed");
    std::fs::copy(folder.join("dist/deeds"), &artifact).expect("it was built");
    drop(folder);
    let mut command = Command::new(&artifact);
    command.env_clear().current_dir("/").arg("--text=on its own");
    let ran = run::program(command).ok();
    assert_eq!(log_line(ran.stdout.trim_end()).text, "on its own");
    assert_eq!(ran.stderr, "");
    assert_eq!(elsewhere.listing(), ["renamed"]);
}

#[test]
fn a_folder_may_have_any_name() {
    let name = "we,ird \"na'me $x \u{e9};=1";
    let parent = Folder::empty();
    crate::support::copy(&crate::support::repository().join("tests/guests/deeds"), &parent.join(name));
    for place in [UNIX, MICROVM].into_iter().filter(|place| can_run(place)) {
        let words = [&["run"], place, &["--", "--text", "here"]].concat();
        let ran = uk(&parent.join(name), words).run().ok();
        assert_eq!(log_line(ran.stdout.trim_end()).text, "here", "{ran}");
    }
}
