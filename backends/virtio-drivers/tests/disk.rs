//! The driver of disks against a device that keeps to the standard in all the ways it may, and against some that don't.

mod support;

use std::time::Duration;

use support::{Bus, Manner, READ_ONLY, SECTOR_SIZE, run};
use uk_device::{Block, BlockError, conformance};
use uk_virtio_drivers::EVENT_INDEX;
use uk_virtio_drivers::block::Disk;

const SECTORS: usize = conformance::BLOCK_SECTORS as usize + 3;

#[test]
fn it_conforms_whatever_the_device_offers() {
    for (events, interrupts) in [(true, true), (false, true), (true, false), (false, false)] {
        for delay in [None, Some(Duration::ZERO), Some(Duration::from_micros(400))] {
            for (queue, manner) in [(256, Manner::Honest), (16, Manner::Reversed), (4, Manner::Honest)] {
                let bus = Bus::new(SECTORS).with(|model| {
                    (model.interrupts, model.delay) = (interrupts, delay);
                    (model.queue_size, model.manner) = (queue, manner);
                    model.features &= if events { u64::MAX } else { !EVENT_INDEX };
                });
                run(async {
                    conformance::block(&Disk::start(bus.clone(), 512).expect("it starts")).await;
                });
                let model = bus.0.borrow();
                assert!(model.kinds.contains(&4) && model.kinds.contains(&11), "flushes and discards");
                assert_eq!(model.resets, 2, "at the beginning and at the end");
            }
        }
    }
}

#[test]
fn requests_made_together_are_one_notification() {
    let bus = Bus::new(64).with(|model| model.delay = Some(Duration::ZERO));
    run(async {
        let disk = Disk::start(bus.clone(), 512).expect("it starts");
        let mut buffers = [[0; 512], [0; 512], [0; 512]];
        let [a, b, c] = &mut buffers;
        let (a, b, c) = (disk.read(0, a), disk.read(1, b), disk.read(2, c));
        let mut all = [Box::pin(a), Box::pin(b), Box::pin(c)].map(Some);
        std::future::poll_fn(|context| {
            for slot in &mut all {
                if slot.as_mut().is_some_and(|future| future.as_mut().poll(context).is_ready()) {
                    *slot = None;
                }
            }
            if all.iter().all(Option::is_none) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
    });
    assert_eq!(bus.0.borrow().notifications, 1);
}

/// Every request of a device that breaks the rules fails, at once and for good, and the device is reset.
#[test]
fn a_device_that_breaks_the_rules_is_used_no_more() {
    for manner in [Manner::WrongNumber, Manner::Twice, Manner::TooLong, Manner::Runaway] {
        let bus = Bus::new(64).with(|model| model.manner = manner);
        run(async {
            let disk = Disk::start(bus.clone(), 512).expect("it starts");
            let mut buffer = [7; 512];
            let first = disk.read(0, &mut buffer).await;
            if manner != Manner::Twice {
                assert_eq!((first, buffer), (Err(BlockError::Failed(255)), [7; 512]), "{manner:?}");
            }
            bus.0.borrow_mut().manner = Manner::Honest;
            assert_eq!(disk.read(0, &mut buffer).await, Err(BlockError::Failed(255)), "{manner:?}");
            assert_eq!(disk.write(0, &buffer).await, Err(BlockError::Failed(255)), "{manner:?}");
            assert_eq!(bus.0.borrow().resets, 2, "{manner:?}: at the beginning, and when it was found out");
        });
    }
}

#[test]
fn an_answer_without_data_is_an_error_and_nothing_old_is_read() {
    let bus = Bus::new(64).with(|model| model.manner = Manner::Short);
    run(async {
        let disk = Disk::start(bus, 512).expect("it starts");
        let mut buffer = [7; 512];
        assert_eq!(disk.read(0, &mut buffer).await, Err(BlockError::Failed(255)));
        assert_eq!(buffer, [7; 512]);
    });
}

#[test]
fn the_device_s_status_is_the_error_s_number() {
    let bus = Bus::new(64);
    run(async {
        let disk = Disk::start(bus.clone(), 512).expect("it starts");
        bus.0.borrow_mut().manner = Manner::Status(1);
        assert_eq!(disk.read(0, &mut [0; 512]).await, Err(BlockError::Failed(1)));
        assert_eq!(disk.flush().await, Err(BlockError::Failed(1)));
        bus.0.borrow_mut().manner = Manner::Status(2);
        assert_eq!(disk.write(0, &[0; 512]).await, Err(BlockError::Failed(2)));
        assert_eq!(disk.discard(0, 64).await, Ok(()), "what can't be discarded stays");
        assert_eq!(disk.id().await, Ok(String::new()));
        bus.0.borrow_mut().manner = Manner::Honest;
        assert_eq!(disk.read(0, &mut [0; 512]).await, Ok(()), "one failure isn't the end");
        assert_eq!(disk.id().await, Ok("serial".to_owned()));
    });
}

/// Requests that never end are given up with the disk, and the device is reset before their memory is.
#[test]
fn a_disk_is_dropped_while_the_device_has_requests() {
    let bus = Bus::new(64).with(|model| model.manner = Manner::Never);
    run(async {
        let disk = Disk::start(bus.clone(), 512).expect("it starts");
        let mut buffer = [0; 512];
        {
            let mut read = Box::pin(disk.read(0, &mut buffer));
            for _ in 0..100 {
                std::future::poll_fn(|context| {
                    assert!(read.as_mut().poll(context).is_pending());
                    std::task::Poll::Ready(())
                })
                .await;
                uk_executor::yield_now().await;
            }
        }
        drop(disk);
    });
    assert_eq!(bus.0.borrow().resets, 2);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let start = |bus: Bus, size| run(async { Disk::start(bus, size).map(|disk| disk.geometry()) });
    let wide = || {
        Bus::new(64).with(|model| (model.features, model.sector_size) = (model.features | SECTOR_SIZE, 4096))
    };
    let error = start(wide(), 512).expect_err("sectors that are too big");
    assert!(error.message().contains("sectors of 4096 bytes, and sectors of 512"), "{error}");
    assert_eq!(start(wide(), 4096).map(|geometry| geometry.sectors).ok(), Some(8));
    assert!(start(Bus::new(63), 4096).is_err(), "no whole number of sectors");
    assert!(start(Bus::new(0), 512).is_err(), "nothing at all");
    assert!(start(Bus::new(64).with(|model| model.features = 0), 512).is_err(), "a device of before 1.0");
    assert!(start(Bus::new(64).with(|model| model.queue_size = 2), 512).is_err(), "no room for a request");
    let fixed = start(Bus::new(64).with(|model| model.features |= READ_ONLY), 512);
    assert!(fixed.is_ok_and(|geometry| geometry.read_only));
    let bus = Bus::new(64).with(|model| model.features |= READ_ONLY);
    run(async { conformance::block_read_only(&Disk::start(bus, 512).expect("it starts")).await });
}
