//! The loop of every soak, shared by the tests of what reads texts: values are drawn for `UK_SOAK_SECONDS`, or a second.

use std::env;
use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Says what made a panic, and how to make it again.
struct Culprit<'c>(u64, &'c dyn Debug);

impl Drop for Culprit<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "UK_SOAK_SEED={} made this, which fails; keep it in fuzz/corpus:\n{:?}",
                self.0, self.1
            );
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// Draws values for as long as it is told; from `UK_SOAK_SEED`, or the clock's time. A long run says how many there were.
pub fn soak<S: Strategy>(name: &str, strategy: S, run: impl Fn(&S::Value)) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let seed = number("UK_SOAK_SEED").unwrap_or(now.as_nanos() as u64);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let seconds = number("UK_SOAK_SECONDS").unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut count = 0_u64;
    while Instant::now() < end {
        let value = strategy.new_tree(&mut runner).expect("a strategy without a filter").current();
        let _culprit = Culprit(seed, &value);
        run(&value);
        count += 1;
    }
    eprintln!("{name}: {count} values in {seconds} s from UK_SOAK_SEED={seed}");
}
