//! What every [`Block`] does.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::Poll;

use crate::{Block, BlockError, Geometry, join_all};

/// How many requests are made side by side.
const MANY: u64 = 40;
/// Sectors of the longest request that is made.
const LONG: u64 = 300;
/// Sectors that [`block`] needs.
pub const BLOCK_SECTORS: u64 = LONG + 2 * MANY * 3;

/// A byte of sector `sector` in round `round`: every sector and round differs.
fn pattern(sector: u64, round: u8, size: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..size).map(|at| (at as u64 * 31 + sector * 7) as u8 ^ round).collect();
    bytes[..8].copy_from_slice(&sector.to_le_bytes());
    bytes[8] = round;
    bytes
}

fn patterns(sector: u64, count: u64, round: u8, size: usize) -> Vec<u8> {
    (sector..sector + count).flat_map(|sector| pattern(sector, round, size)).collect()
}

/// [`Block`]: a disk that can be written, with at least [`BLOCK_SECTORS`] sectors, all of which are overwritten.
pub async fn block(disk: &impl Block) {
    let geometry = disk.geometry();
    let Geometry { sector_size, sectors, read_only } = geometry;
    assert!(sector_size.is_power_of_two() && sector_size >= 512, "sectors of {sector_size} bytes");
    assert!(!read_only, "the disk can be written");
    assert!(sectors >= BLOCK_SECTORS, "{sectors} sectors are too few to try it");
    block_refuses(disk).await;
    let size = sector_size as usize;

    // One write of each length, then all of it at once, read in other portions than it was written in.
    let (mut at, mut length) = (0, 1);
    while at < BLOCK_SECTORS {
        let count = length.min(BLOCK_SECTORS - at);
        assert_eq!(disk.write(at, &patterns(at, count, 1, size)).await, Ok(()), "{count} sectors at {at}");
        at += count;
        length = length * 3 % LONG + 1;
    }
    expect(disk, 0, BLOCK_SECTORS, 1).await;
    for (at, count) in [(0, 1), (1, LONG), (BLOCK_SECTORS - 1, 1), (5, 7)] {
        expect(disk, at, count, 1).await;
    }
    // The last sector, and the neighbours of what is written.
    assert_eq!(disk.write(sectors - 1, &pattern(sectors - 1, 2, size)).await, Ok(()));
    expect(disk, sectors - 1, 1, 2).await;
    assert_eq!(disk.write(10, &patterns(10, 3, 2, size)).await, Ok(()));
    expect(disk, 9, 1, 1).await;
    expect(disk, 10, 3, 2).await;
    expect(disk, 13, 1, 1).await;
    assert_eq!(disk.flush().await, Ok(()));

    side_by_side(disk, size).await;
    given_up(disk, size).await;

    assert_eq!(disk.discard(20, 16).await, Ok(()));
    assert_eq!(disk.discard(0, 0).await, Ok(()), "discarding nothing");
    expect(disk, 19, 1, 1).await;
    expect(disk, 36, 1, 1).await;
    let mut unknown = vec![0; 16 * size];
    assert_eq!(disk.read(20, &mut unknown).await, Ok(()), "what is discarded can be read");
    assert_eq!(disk.write(20, &patterns(20, 16, 3, size)).await, Ok(()));
    expect(disk, 20, 16, 3).await;
    assert_eq!(disk.flush().await, Ok(()));
}

/// [`Block`]: a disk that can only be read. It stays as it is.
pub async fn block_read_only(disk: &impl Block) {
    let Geometry { sector_size, sectors, read_only } = disk.geometry();
    assert!(read_only && sectors > 0, "a disk that can only be read");
    let (mut before, mut after) = (vec![0; sector_size as usize], vec![0; sector_size as usize]);
    assert_eq!(disk.read(0, &mut before).await, Ok(()));
    let other: Vec<u8> = before.iter().map(|byte| !byte).collect();
    assert_eq!(disk.write(0, &other).await, Err(BlockError::ReadOnly));
    assert_eq!(disk.write(0, &[]).await, Err(BlockError::ReadOnly), "not even nothing is written");
    assert_eq!(disk.discard(0, 1).await, Err(BlockError::ReadOnly));
    assert_eq!(disk.flush().await, Ok(()), "there is nothing to flush");
    assert_eq!(disk.read(0, &mut after).await, Ok(()));
    assert!(before == after, "a refused write changes nothing");
    let beyond = Err(BlockError::OutOfRange { sectors });
    assert_eq!(disk.read(sectors, &mut after).await, beyond);
}

/// Requests that no disk takes.
async fn block_refuses(disk: &impl Block) {
    let Geometry { sector_size, sectors, .. } = disk.geometry();
    let size = sector_size as usize;
    let mut buffer = vec![0; 2 * size];
    for length in [1, size - 1, size + 1] {
        let refused = Err(BlockError::Length { sector_size });
        assert_eq!(disk.read(0, &mut buffer[..length]).await, refused, "reading {length} bytes");
        assert_eq!(disk.write(0, &buffer[..length]).await, refused, "writing {length} bytes");
    }
    let beyond = Err(BlockError::OutOfRange { sectors });
    for sector in [sectors - 1, sectors, sectors + 1, u64::MAX / u64::from(sector_size), u64::MAX] {
        assert_eq!(disk.read(sector, &mut buffer).await, beyond, "reading two sectors at {sector}");
        assert_eq!(disk.write(sector, &buffer).await, beyond, "writing two sectors at {sector}");
        assert_eq!(disk.discard(sector, 2).await, beyond, "discarding two sectors at {sector}");
    }
    assert_eq!(disk.discard(1, u64::MAX).await, beyond, "more sectors than there are numbers");
    assert_eq!(disk.read(sectors, &mut []).await, Ok(()), "nothing can be read at the end");
    assert_eq!(disk.write(sectors, &[]).await, Ok(()), "nothing can be written at the end");
    assert_eq!(disk.read(sectors + 1, &mut []).await, beyond);
}

/// Many requests at once, of different lengths, all to their own sectors.
async fn side_by_side(disk: &impl Block, size: usize) {
    let place = |number: u64| (LONG + number * 6, 1 + number % 6);
    let data: Vec<Vec<u8>> =
        (0..MANY).map(|number| patterns(place(number).0, place(number).1, 4, size)).collect();
    let writes = data.iter().zip(0..MANY).map(|(data, number)| disk.write(place(number).0, data));
    assert!(join_all(writes).await.iter().all(|outcome| *outcome == Ok(())));
    let mut buffers: Vec<Vec<u8>> = data.iter().map(|data| vec![0; data.len()]).collect();
    let reads = buffers.iter_mut().zip(0..MANY).map(|(buffer, number)| disk.read(place(number).0, buffer));
    assert!(join_all(reads).await.iter().all(|outcome| *outcome == Ok(())));
    assert!(buffers == data, "what was written side by side is read side by side");
}

/// Futures that are dropped, or forgotten with what they borrow, before they are ready: nothing that they borrowed is
/// touched afterwards, and the disk goes on.
async fn given_up(disk: &impl Block, size: usize) {
    for forget in [false, true] {
        for number in 0..2 * MANY {
            let mut buffer = vec![0xee; 3 * size];
            if number % 2 == 0 {
                begin(Box::pin(disk.read(LONG + number, &mut buffer)), forget).await;
            } else {
                buffer.copy_from_slice(&patterns(LONG + number, 3, 5, size));
                begin(Box::pin(disk.write(LONG + number, &buffer)), forget).await;
            }
            // Whoever gets this memory next must find it untouched.
            drop(buffer);
            let other = vec![0x11; 3 * size];
            poll_once().await;
            assert!(other.iter().all(|byte| *byte == 0x11), "a request given up writes to memory");
        }
    }
    assert_eq!(disk.flush().await, Ok(()));
    for number in 0..2 * MANY + 3 {
        let sector = LONG + number;
        assert_eq!(disk.write(sector, &pattern(sector, 6, size)).await, Ok(()));
    }
    expect(disk, LONG, 2 * MANY + 3, 6).await;
    expect(disk, 13, LONG - 13, 1).await;
}

async fn begin(mut future: Pin<Box<impl Future>>, forget: bool) {
    poll_fn(|context| {
        let _ = future.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
    if forget {
        core::mem::forget(future);
    }
}

async fn poll_once() {
    let mut first = true;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        if core::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

async fn expect(disk: &impl Block, sector: u64, count: u64, round: u8) {
    let size = disk.geometry().sector_size as usize;
    let mut buffer = vec![0; count as usize * size];
    assert_eq!(disk.read(sector, &mut buffer).await, Ok(()), "reading {count} sectors at {sector}");
    let expected = patterns(sector, count, round, size);
    if buffer != expected {
        let differs = buffer.chunks(size).zip(expected.chunks(size)).position(|(got, wanted)| got != wanted);
        panic!(
            "reading {count} sectors at {sector}: the one after {differs:?} others isn't what was written"
        );
    }
}
