//! A lottery on a disk: each boot draws a slot at random, and the disk remembers.
//!
//! Sector 0 is the ledger: how many slots there are, which one wins, how often was drawn and won. Behind it each slot
//! has a sector that counts how often it was drawn.
#![no_std]

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;

use uk_device::{Block, Error, Random};

uk_device::keys!();

const MAGIC: [u8; 8] = *b"lottery1";

/// What sector 0 says.
struct Ledger {
    slots: u32,
    winner: u32,
    drawn: u64,
    won: u64,
}

impl Ledger {
    fn encode(&self, sector: &mut [u8]) {
        sector.fill(0);
        sector[..8].copy_from_slice(&MAGIC);
        sector[8..12].copy_from_slice(&self.slots.to_le_bytes());
        sector[12..16].copy_from_slice(&self.winner.to_le_bytes());
        sector[16..24].copy_from_slice(&self.drawn.to_le_bytes());
        sector[24..32].copy_from_slice(&self.won.to_le_bytes());
    }

    fn decode(sector: &[u8]) -> Option<Self> {
        let four = |at: usize| Some(u32::from_le_bytes(sector.get(at..at + 4)?.try_into().ok()?));
        let ledger = Ledger {
            slots: four(8)?,
            winner: four(12)?,
            drawn: number(sector, 16)?,
            won: number(sector, 24)?,
        };
        (sector[..8] == MAGIC && ledger.winner < ledger.slots).then_some(ledger)
    }
}

fn number(sector: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(sector.get(at..at + 8)?.try_into().ok()?))
}

/// A number below `end`; the larger `end` is, the less even, by less than one in a billion here.
fn draw(random: &impl Random, end: u32) -> u32 {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    (u64::from_le_bytes(bytes) % u64::from(end)) as u32
}

/// Draws once.
pub async fn start(keys: Keys, random: impl Random, block: impl Block) -> uk_device::Result {
    let geometry = block.geometry();
    let mut sector = vec![0; geometry.sector_size as usize];
    block.read(0, &mut sector).await?;
    let empty = sector.iter().all(|byte| *byte == 0);
    let mut ledger = match Ledger::decode(&sector) {
        Some(ledger) if !keys.reset => ledger,
        _ if keys.reset || empty => begin(&keys, &random, &block).await?,
        _ => {
            return Err(Error::new(
                "the disk holds something that isn't a lottery; `--reset=true` begins one anyway",
            ));
        }
    };
    if u64::from(ledger.slots) >= geometry.sectors {
        return Err(Error::new("the disk is too small for the slots of its lottery"));
    }
    let slot = draw(&random, ledger.slots);
    let place = 1 + u64::from(slot);
    block.read(place, &mut sector).await?;
    let times = number(&sector, 0).unwrap_or_default().saturating_add(1);
    sector[..8].copy_from_slice(&times.to_le_bytes());
    block.write(place, &sector).await?;
    ledger.drawn += 1;
    ledger.won += u64::from(slot == ledger.winner);
    ledger.encode(&mut sector);
    block.write(0, &sector).await?;
    // Nothing is said before it is safe.
    block.flush().await?;
    let outcome = if slot == ledger.winner { "wins" } else { "loses" };
    log::info!("draw {}: slot {slot} of {} {outcome}, drawn {times} times", ledger.drawn, ledger.slots);
    log::info!("{} of {} draws have won", ledger.won, ledger.drawn);
    Ok(())
}

/// A new lottery: every slot's sector counts from 0.
async fn begin(keys: &Keys, random: &impl Random, block: &impl Block) -> uk_device::Result<Ledger> {
    let geometry = block.geometry();
    if u64::from(keys.slots) >= geometry.sectors {
        return Err(Error::new(format_args!(
            "{} slots need {} sectors, and the disk has {}",
            keys.slots,
            keys.slots + 1,
            geometry.sectors
        )));
    }
    let zeros: Vec<u8> = vec![0; geometry.sector_size as usize];
    for slot in 0..u64::from(keys.slots) {
        block.write(1 + slot, &zeros).await?;
    }
    block.flush().await?;
    log::info!("a new lottery with {} slots", keys.slots);
    Ok(Ledger { slots: keys.slots, winner: draw(random, keys.slots), drawn: 0, won: 0 })
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::Keys;
    use uk_device::Block;
    use uk_device::fake::{Disk, Logs, Random, block_on};

    fn play(disk: &Disk, random: &Random, reset: bool) -> uk_device::Result {
        block_on(super::start(Keys { slots: 4, reset }, random, disk))
    }

    #[test]
    fn each_boot_draws_once_and_the_disk_remembers() {
        let (disk, random, logs) = (Disk::new(8), Random::seeded(3), Logs::capture());
        for _ in 0..40 {
            play(&disk, &random, false).expect("the disk works");
        }
        let image = disk.image();
        let count =
            |sector: usize| u64::from_le_bytes(image[sector * 512..][..8].try_into().expect("eight bytes"));
        assert_eq!((1..5).map(count).sum::<u64>(), 40);
        let lines = logs.lines();
        assert_eq!(lines.iter().filter(|line| line.contains("new lottery")).count(), 1);
        let won = lines.iter().filter(|line| line.contains(" wins,")).count();
        assert_eq!(lines.last().expect("a line"), &format!("{won} of 40 draws have won"));
        assert!(won > 0 && won < 40);
        play(&disk, &random, true).expect("the disk works");
        assert!(logs.lines().last().expect("a line").ends_with("of 1 draws have won"));
    }

    #[test]
    fn other_disks_are_left_alone() {
        // Its lines aren't for the other tests.
        let _logs = Logs::capture();
        let disk = Disk::new(8);
        block_on(disk.write(0, &[7; 512])).expect("the disk works");
        play(&disk, &Random::seeded(3), false).expect_err("it is no lottery");
        assert_eq!(disk.image()[..512], [7; 512]);
        play(&Disk::new(4), &Random::seeded(3), false).expect_err("it is too small");
    }
}
