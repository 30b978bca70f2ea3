//! The fakes keep the interfaces' word too.

use std::pin::pin;
use std::task::Poll;

use uk_device::fake::{Args, Clock, Console, KvRo, Random, block_on, poll};
use uk_device::{Console as _, ConsoleError, Duration, NoWallClock, Wall, conformance};

#[test]
fn the_clock_conforms() {
    let clock = Clock::running();
    block_on(conformance::clock(&clock, &clock, false));
    clock.set_wall(Some(Wall { unix: Duration::from_secs(1_795_427_684), offset: Some(-3600) }));
    block_on(conformance::clock(&clock, &clock, true));
}

#[test]
fn sleeping_conforms() {
    let clock = Clock::new();
    let mut test = pin!(conformance::time(&clock, &clock));
    while poll(test.as_mut()).is_pending() {
        clock.advance(Duration::from_millis(1));
    }
}

#[test]
fn the_wall_clock_goes_with_the_clock() {
    let clock = Clock::new();
    clock.advance(Duration::from_secs(5));
    assert_eq!(uk_device::Clock::wall(&clock), Err(NoWallClock));
    clock.set_wall(Some(Wall { unix: Duration::from_secs(1_795_427_684), offset: Some(-3600) }));
    clock.advance(Duration::from_secs(2));
    let wall = uk_device::Clock::wall(&&clock).expect("it was set");
    assert_eq!(wall.to_string(), "2026-11-23 08:54:46 -01:00");
}

#[test]
fn random_numbers_conform_and_repeat() {
    conformance::random(&Random::seeded(1));
    let draw = |seed| {
        let mut bytes = [0; 5];
        uk_device::Random::fill(&Random::seeded(seed), &mut bytes);
        bytes
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn words_conform() {
    conformance::args(&Args::new(["a b", "", "ü"]), &["a b", "", "ü"]);
    conformance::args(&Args::default(), &[]);
}

#[test]
fn the_console_conforms() {
    let (console, clock) = (Console::new(), Clock::new());
    let mut test = pin!(conformance::console(&console, &clock, true));
    assert_eq!(poll(test.as_mut()), Poll::Pending);
    assert_eq!(console.output(), "", "it waits with the prompt");
    clock.advance(Duration::from_secs(1));
    assert_eq!(poll(test.as_mut()), Poll::Pending);
    assert_eq!(console.output(), conformance::CONSOLE_PROMPT);
    console.type_in(conformance::console_input());
    console.end();
    block_on(test);
    let expected = [conformance::CONSOLE_PROMPT.as_bytes(), &conformance::console_output()].concat();
    assert!(console.bytes() == expected);
}

#[test]
fn a_closed_console_refuses() {
    let console = Console::with_input("a");
    console.close();
    assert_eq!(block_on(console.write(b"b")), Err(ConsoleError::Closed));
    assert_eq!(console.output(), "");
}

#[test]
fn values_conform() {
    // Not BLAKE3, but a digest that tells these values apart.
    let digest = |value: &[u8]| {
        let sum = |start: u64| value.iter().fold(start, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&sum(7).to_le_bytes());
        digest
    };
    block_on(conformance::kv_ro(&KvRo::new(conformance::kv_files(), digest), digest));
}

#[test]
#[should_panic = "`a` has both a value and a folder"]
fn a_key_has_a_value_or_a_folder() {
    KvRo::new([("a", "1"), ("a/b", "2")], |_| [0; 32]);
}
