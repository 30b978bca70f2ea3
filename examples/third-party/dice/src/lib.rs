//! Dice: an interface for them, and a device that is fair.
#![no_std]

use core::cell::Cell;

use uk_device::{Random, Result, log};

/// A die to be thrown.
pub trait Dice {
    /// How many sides it has.
    fn sides(&self) -> u8;

    /// Throws it: a number from 1 to [`Dice::sides`].
    fn roll(&self) -> u8;
}

impl<D: Dice + ?Sized> Dice for &D {
    fn sides(&self) -> u8 {
        (**self).sides()
    }

    fn roll(&self) -> u8 {
        (**self).roll()
    }
}

/// The device `fair-die`.
#[derive(Debug)]
pub struct FairDie<R> {
    sides: u8,
    random: R,
    rolls: Cell<u64>,
}

/// Connects the device: first the implementation's params, then what it requires.
pub async fn connect<R: Random>(sides: u8, random: R) -> Result<FairDie<R>> {
    Ok(FairDie { sides, random, rolls: Cell::new(0) })
}

/// Ends the device, which the jobs shared, when all of them have ended.
pub async fn put_away<R: Random>(die: &FairDie<R>) {
    log::info!("rolled {} times", die.rolls.get());
}

impl<R: Random> Dice for FairDie<R> {
    fn sides(&self) -> u8 {
        self.sides
    }

    fn roll(&self) -> u8 {
        self.rolls.set(self.rolls.get() + 1);
        // Bytes beyond the last whole run of the sides would make some sides likelier.
        let fair = u8::MAX - u8::MAX % self.sides;
        loop {
            let mut byte = [0];
            self.random.fill(&mut byte);
            if byte[0] < fair {
                return byte[0] % self.sides + 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Dice, connect, put_away};
    use uk_device::fake::{Logs, Random, block_on};

    #[test]
    fn every_side_comes_up_about_as_often() {
        for sides in [2, 6, 20, 255] {
            let die = block_on(connect(sides, Random::seeded(7))).expect("it connects");
            let mut counts = [0_u32; 256];
            (0..u32::from(sides) * 1_000).for_each(|_| counts[usize::from(die.roll())] += 1);
            assert_eq!(counts[0], 0);
            assert!(counts[1..=usize::from(sides)].iter().all(|count| count.abs_diff(1_000) < 200));
        }
    }

    #[test]
    fn its_end_tells_how_often_it_was_rolled() {
        let die = block_on(connect(6, Random::seeded(7))).expect("it connects");
        (0..3).for_each(|_| assert!(die.roll() <= 6));
        let logs = Logs::capture();
        block_on(put_away(&die));
        assert_eq!(logs.lines(), ["rolled 3 times"]);
    }
}
