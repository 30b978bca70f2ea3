//! Throws a die ten times.
#![no_std]

use dice::Dice;

/// Throws and logs.
pub async fn start(dice: impl Dice) {
    for _ in 0..10 {
        log::info!("{} of {}", dice.roll(), dice.sides());
    }
}

#[cfg(test)]
mod tests {
    use dice::Dice;
    use uk_device::fake::{Logs, block_on};

    /// Always shows its highest side.
    struct Loaded;

    impl Dice for Loaded {
        fn sides(&self) -> u8 {
            6
        }

        fn roll(&self) -> u8 {
            6
        }
    }

    #[test]
    fn it_throws_ten_times() {
        let logs = Logs::capture();
        block_on(super::start(Loaded));
        assert_eq!(logs.lines(), ["6 of 6"; 10]);
    }
}
