//! Writes a series of patterns to a disk and reads them back to see that they are the same.
#![no_std]

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Display;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use uk_device::{Block, BlockError, Duration, Error, Time};

/// A disk that takes longer for one request hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// Ten tests: patterns at both ends of the disk, in requests of different lengths, then requests beyond the end.
pub async fn start(time: impl Time, block: impl Block) -> uk_device::Result {
    let geometry = block.geometry();
    log::info!(
        "sectors = {} read_write={} sector_size={}",
        geometry.sectors,
        !geometry.read_only,
        geometry.sector_size
    );
    let end = geometry.sectors;
    if end < 12 {
        return Err(Error::new(format_args!("a disk of {end} sectors is too small for these tests")));
    }
    let (mut started, mut failed) = (0, 0);
    let mut tally = |test: &str, sector: u64, count: usize, outcome: Result<(), &dyn Display>| {
        started += 1;
        if let Err(error) = outcome {
            failed += 1;
            log::error!("{test} of {count} sectors at {sector}: {error}");
        }
    };
    for (sector, count) in [(0, 1), (end - 1, 1), (0, 2), (end - 2, 2), (0, 12), (end - 12, 12)] {
        let outcome = write_and_read(&time, &block, sector, count).await;
        tally("write and read", sector, count, outcome.as_ref().map_err(|e| e as &dyn Display).copied());
    }
    for (sector, count) in [(end, 1), (end - 11, 12)] {
        log::info!("expecting an error from the following write");
        let buffer = buffer(&block, count);
        let outcome = refused(&block, within(&time, block.write(sector, &buffer)).await);
        tally("write", sector, count, outcome.as_ref().map_err(|e| e as &dyn Display).copied());
    }
    for (sector, count) in [(end, 1), (end - 11, 12)] {
        log::info!("expecting an error from the following read");
        let mut buffer = buffer(&block, count);
        let outcome = refused(&block, within(&time, block.read(sector, &mut buffer)).await);
        tally("read", sector, count, outcome.as_ref().map_err(|e| e as &dyn Display).copied());
    }
    block.flush().await?;
    log::info!("Test sequence finished");
    log::info!("Total tests started: {started}");
    log::info!("Total tests passed:  {}", started - failed);
    log::info!("Total tests failed:  {failed}");
    if failed == 0 { Ok(()) } else { Err(Error::exit(1, "")) }
}

/// Why a test failed.
#[derive(Debug)]
enum Failure {
    Request(BlockError),
    Hangs,
    Differs,
    Done,
}

impl Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Failure::Request(error) => error.fmt(f),
            Failure::Hangs => f.write_str("the disk doesn't answer"),
            Failure::Differs => f.write_str("what is read isn't what was written"),
            Failure::Done => f.write_str("the disk did what it can't"),
        }
    }
}

fn buffer(block: &impl Block, sectors: usize) -> Vec<u8> {
    vec![0; sectors * block.geometry().sector_size as usize]
}

async fn write_and_read(
    time: &impl Time,
    block: &impl Block,
    sector: u64,
    count: usize,
) -> Result<(), Failure> {
    let mut data = buffer(block, count);
    data.iter_mut().zip(0_usize..).for_each(|(byte, at)| *byte = (at / 7) as u8 ^ sector as u8);
    within(time, block.write(sector, &data)).await?;
    let mut read = buffer(block, count);
    within(time, block.read(sector, &mut read)).await?;
    if read == data { Ok(()) } else { Err(Failure::Differs) }
}

/// Turns an outcome that should be an error around.
fn refused(block: &impl Block, outcome: Result<(), Failure>) -> Result<(), Failure> {
    let sectors = block.geometry().sectors;
    match outcome {
        Err(Failure::Request(BlockError::OutOfRange { sectors: told })) if told == sectors => Ok(()),
        Ok(()) => Err(Failure::Done),
        other => other,
    }
}

/// Waits for a request, but not for ever.
async fn within(
    time: &impl Time,
    request: impl Future<Output = Result<(), BlockError>>,
) -> Result<(), Failure> {
    let (mut request, mut limit) = (pin!(request), pin!(time.sleep(LIMIT)));
    poll_fn(|context| match request.as_mut().poll(context) {
        Poll::Ready(outcome) => Poll::Ready(outcome.map_err(Failure::Request)),
        Poll::Pending => limit.as_mut().poll(context).map(|()| Err(Failure::Hangs)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use uk_device::fake::{Clock, Disk, IO_ERROR, Logs, block_on};

    #[test]
    fn a_disk_that_works_passes_all_ten() {
        let (logs, clock) = (Logs::capture(), Clock::new());
        block_on(super::start(&clock, Disk::new(100_000))).expect("all pass");
        let lines = logs.lines();
        assert_eq!(lines[0], "sectors = 100000 read_write=true sector_size=512");
        let last = &lines[lines.len() - 3..];
        assert_eq!(last, ["Total tests started: 10", "Total tests passed:  10", "Total tests failed:  0"]);
    }

    #[test]
    fn a_disk_that_fails_once_fails_one_test() {
        let (logs, clock, disk) = (Logs::capture(), Clock::new(), Disk::new(12));
        disk.fail(3, IO_ERROR);
        let error = block_on(super::start(&clock, &disk)).expect_err("one fails");
        assert_eq!(error.code(), 1);
        let lines = logs.lines();
        assert!(lines.contains(&"write and read of 1 sectors at 11: the disk fails with error 5".into()));
        assert_eq!(lines[lines.len() - 1], "Total tests failed:  1");
    }

    #[test]
    fn a_disk_that_can_only_be_read_fails_eight() {
        let (logs, clock) = (Logs::capture(), Clock::new());
        block_on(super::start(&clock, Disk::new(100).read_only())).expect_err("writes are refused");
        assert_eq!(logs.lines().last().map(String::as_str), Some("Total tests failed:  8"));
    }

    #[test]
    fn a_disk_that_is_too_small_is_an_error() {
        // Its lines aren't for the other tests.
        let _logs = Logs::capture();
        let error = block_on(super::start(&Clock::new(), Disk::new(3))).expect_err("too small");
        assert!(error.message().contains("3 sectors"), "{error}");
    }
}
