//! The disk for tests keeps the interface's word, and breaks it as told.

use uk_device::fake::{Disk, IO_ERROR, Random, block_on};
use uk_device::{Block, BlockError, Geometry, conformance};

fn read(disk: &Disk, sector: u64) -> Result<Vec<u8>, BlockError> {
    let mut buffer = vec![0; disk.geometry().sector_size as usize];
    block_on(disk.read(sector, &mut buffer)).map(|()| buffer)
}

#[test]
fn the_disk_conforms() {
    block_on(conformance::block(&Disk::new(conformance::BLOCK_SECTORS + 3)));
    let wide = Geometry { sector_size: 4096, sectors: conformance::BLOCK_SECTORS, read_only: false };
    block_on(conformance::block(&Disk::with(wide)));
    block_on(conformance::block_read_only(&Disk::from_image(&[7; 700]).read_only()));
}

#[test]
fn one_request_fails_and_the_next_works() {
    let disk = Disk::new(4);
    disk.fail(1, BlockError::Failed(28));
    assert_eq!(block_on(disk.write(0, &[1; 512])), Ok(()));
    assert_eq!(block_on(disk.write(0, &[2; 512])), Err(BlockError::Failed(28)));
    assert_eq!(read(&disk, 0), Ok(vec![1; 512]));
    assert_eq!(disk.requests(), 3);
}

#[test]
fn a_request_that_falls_short_has_done_half() {
    let disk = Disk::new(4);
    disk.fall_short(0);
    assert_eq!(block_on(disk.write(0, &[1; 4 * 512])), Err(IO_ERROR));
    disk.fall_short(0);
    let mut buffer = [9; 4 * 512];
    assert_eq!(block_on(disk.read(0, &mut buffer)), Err(IO_ERROR));
    assert_eq!((&buffer[..1024], &buffer[1024..]), (&[1; 1024][..], &[9; 1024][..]));
    assert_eq!(read(&disk, 2), Ok(vec![0; 512]));
}

#[test]
fn a_bad_sector_fails_whatever_touches_it() {
    let disk = Disk::new(4);
    disk.break_sector(2);
    assert_eq!(read(&disk, 2), Err(IO_ERROR));
    assert_eq!(block_on(disk.write(1, &[1; 1024])), Err(IO_ERROR));
    assert_eq!(read(&disk, 1), Ok(vec![1; 512]), "the sector before it was written");
    assert_eq!(read(&disk, 3), Ok(vec![0; 512]));
}

#[test]
fn what_was_flushed_outlives_the_power_and_the_rest_may_not() {
    let (mut lost, mut kept, mut torn) = (0, 0, 0);
    for seed in 0..200 {
        let disk = Disk::new(2);
        block_on(disk.write(0, &[1; 1024])).expect("it works");
        block_on(disk.flush()).expect("it works");
        block_on(disk.write(0, &[2; 512])).expect("it works");
        let after = disk.lose_power(&Random::seeded(seed), true);
        assert_eq!(read(&after, 1), Ok(vec![1; 512]), "flushed");
        match read(&after, 0).expect("a new boot") {
            sector if sector == [1; 512] => lost += 1,
            sector if sector == [2; 512] => kept += 1,
            _ => torn += 1,
        }
        assert_eq!(read(&disk.lose_power(&Random::seeded(seed), true), 0), read(&after, 0), "a seed repeats");
    }
    assert!(lost > 20 && kept > 20 && torn > 5, "{lost} lost, {kept} kept, {torn} torn");
}

#[test]
fn the_power_goes_within_a_request() {
    let disk = Disk::new(4);
    disk.cut_power_after(3);
    assert_eq!(block_on(disk.write(0, &[1; 1024])), Ok(()));
    assert!(!disk.is_dead());
    assert_eq!(block_on(disk.write(2, &[1; 1024])), Err(IO_ERROR));
    assert!(disk.is_dead());
    assert_eq!(block_on(disk.flush()), Err(IO_ERROR));
    assert_eq!(read(&disk, 0), Err(IO_ERROR));
    assert_eq!(disk.image()[..], [[1; 1536].as_slice(), &[0; 512]].concat());
}
