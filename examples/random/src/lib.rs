//! Draws 32 random bytes twice, and checks that the draws differ.
#![no_std]

use core::fmt;

use uk_device::{Error, Random};

/// Draws and logs.
pub async fn start(random: impl Random) -> uk_device::Result {
    let (mut one, mut other) = ([0; 32], [0; 32]);
    for draw in [&mut one, &mut other] {
        random.fill(draw);
        log::info!("{}", Hex(draw));
    }
    if one == other { Err(Error::new("the same was drawn twice")) } else { Ok(()) }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use uk_device::fake::{Logs, Random, block_on};

    #[test]
    fn it_draws_twice() {
        let logs = Logs::capture();
        block_on(super::start(Random::seeded(1))).expect("the draws differ");
        let lines = logs.lines();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.len() == 64 && line.bytes().all(|b| b.is_ascii_hexdigit())));
        assert_ne!(lines[0], lines[1]);
    }

    #[test]
    fn a_constant_is_an_error() {
        struct Stuck;
        impl uk_device::Random for Stuck {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(4);
            }
        }
        // Its lines aren't for the other test.
        let _logs = Logs::capture();
        assert!(block_on(super::start(Stuck)).is_err());
    }
}
