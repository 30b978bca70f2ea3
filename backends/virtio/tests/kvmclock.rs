//! The arithmetic of KVM's clock, which no test machine may have.

#[path = "../src/kvmclock.rs"]
mod kvmclock;

use kvmclock::Time;

#[test]
fn the_layout_is_the_hypervisors() {
    assert_eq!((size_of::<Time>(), align_of::<Time>()), (32, 32));
    assert_eq!(std::mem::offset_of!(Time, system_time), 16);
    assert_eq!(std::mem::offset_of!(Time, shift), 28);
    assert_eq!(size_of::<kvmclock::Wall>(), 12);
}

#[test]
fn stamps_become_nanoseconds() {
    // 2 GHz: half a nanosecond a tick, as a shift of -1 with a multiplier that is almost one, or as no shift with a half.
    for (shift, multiplier) in [(-1, u32::MAX), (0, 1 << 31)] {
        let time = Time { stamp: 1_000, system_time: 5, multiplier, shift, ..Time::ZERO };
        let later = time.at(1_000 + 2_000_000_000);
        assert!((1_000_000_004..=1_000_000_005).contains(&later), "{later}");
        // A stamp from before the moment doesn't go back.
        assert_eq!(time.at(0), 5);
    }
    // 250 MHz: four nanoseconds a tick; years of them.
    let time = Time { multiplier: 1 << 31, shift: 3, ..Time::ZERO };
    assert_eq!(time.at(1 << 60), 1 << 62);
}
