//! Time: a monotonic clock on the time stamp, the time of day, and sleeping until a moment.
//!
//! What a tick of the time stamp is worth comes from KVM's clock or the processor, if either says. Otherwise it is measured
//! against the APIC's timer, without delaying the boot: roughly at its end, better when somebody first asks for the time
//! after a while or wants to sleep, and better still over every long sleep.

use core::arch::x86_64::__cpuid;

use crate::cpu::{self, tsc, write_msr};
use crate::kvmclock::{Time, Wall};
use crate::single::Single;
use crate::{lapic, rtc};

const SECOND: u64 = 1_000_000_000;
/// Counts shorter than this don't measure well.
const LONG_ENOUGH: u64 = 2_000_000;
/// Sleeps from this length on improve the measure.
const LONG: u64 = 50_000_000;

const MSR_WALL_CLOCK: u32 = 0x4b56_4d00;
const MSR_SYSTEM_TIME: u32 = 0x4b56_4d01;

#[derive(Clone, Copy, PartialEq)]
enum Source {
    /// KVM's clock.
    Kvm,
    /// The time stamp, whose frequency is known.
    Known,
    /// The time stamp, measured; the APIC has been counting since `init`.
    Rough,
    /// The time stamp, measured well.
    Measured,
}

#[derive(Clone, Copy)]
struct Clock {
    source: Source,
    /// The APIC timer's ticks in a second.
    frequency: u64,
    /// The time stamp at `init`, as the APIC began to count.
    start: u64,
    /// A moment as time stamp and as nanoseconds.
    stamp: u64,
    nanoseconds: u64,
    /// Nanoseconds in a tick of the time stamp, times 2^32.
    multiplier: u64,
    epoch: Epoch,
}

/// Where the time of day comes from.
#[derive(Clone, Copy)]
enum Epoch {
    /// The CMOS clock, which is slow and so is read once, when somebody asks.
    Unread,
    /// Nowhere.
    None,
    /// Nanoseconds from 1970 to the clock's zero.
    At(u64),
}

static CLOCK: Single<Clock> = Single::new(Clock {
    source: Source::Rough,
    frequency: SECOND,
    start: 0,
    stamp: 0,
    nanoseconds: 0,
    multiplier: 0,
    epoch: Epoch::Unread,
});
static KVM_TIME: Single<Time> = Single::new(Time::ZERO);
static KVM_WALL: Single<Wall> = Single::new(Wall { version: 0, seconds: 0, nanoseconds: 0 });

/// Starts the clock.
pub fn init() {
    lapic::init();
    lapic::free_run();
    let start = tsc();
    let mut clock = CLOCK.load();
    (clock.start, clock.stamp) = (start, start);
    clock.frequency = lapic::frequency();
    if has_kvm_clock() {
        // SAFETY: KVM said that it has these registers. It writes to the two statics, whose alignment keeps each within a
        // page, and which are read with care for that (`kvm_now`).
        unsafe {
            write_msr(MSR_SYSTEM_TIME, KVM_TIME.get() as u64 | 1);
            write_msr(MSR_WALL_CLOCK, KVM_WALL.get() as u64);
        }
        clock.source = Source::Kvm;
        // SAFETY: the pointer is to a static, which KVM wrote when the register was.
        let wall = unsafe { KVM_WALL.get().read_volatile() };
        clock.epoch = Epoch::At(u64::from(wall.seconds) * SECOND + u64::from(wall.nanoseconds));
    } else if let Some(frequency) = processor_frequency() {
        clock.source = Source::Known;
        clock.multiplier = ratio(SECOND, frequency);
    } else {
        let ticks = u64::from(u32::MAX - lapic::count());
        clock.measure(ticks, tsc(), start);
    }
    CLOCK.store(clock);
}

fn has_kvm_clock() -> bool {
    match cpu::hypervisor() {
        Some((name, last)) => {
            name == *b"KVMKVMKVM\0\0\0" && last > 0x4000_0000 && __cpuid(0x4000_0001).eax & 1 << 3 != 0
        }
        None => false,
    }
}

/// The time stamp's ticks in a second, if the processor says so exactly. QEMU's own processor may repeat the host's
/// words while its time stamp follows another clock.
fn processor_frequency() -> Option<u64> {
    if cpu::hypervisor().is_some_and(|(name, _)| name == *b"TCGTCGTCGTCG") || __cpuid(0).eax < 0x15 {
        return None;
    }
    let leaf = __cpuid(0x15);
    (leaf.eax != 0 && leaf.ebx != 0 && leaf.ecx != 0)
        .then(|| u64::from(leaf.ecx) * u64::from(leaf.ebx) / u64::from(leaf.eax))
}

/// `nanoseconds / ticks`, times 2^32.
fn ratio(nanoseconds: u64, ticks: u64) -> u64 {
    ((u128::from(nanoseconds) << 32) / u128::from(ticks.max(1))) as u64
}

impl Clock {
    fn at(&self, stamp: u64) -> u64 {
        let ticks = u128::from(stamp.saturating_sub(self.stamp));
        self.nanoseconds + ((ticks * u128::from(self.multiplier)) >> 32) as u64
    }

    /// Learns that `ticks` of the APIC passed from the time stamp `from` to `stamp`. The clock goes on from where it is.
    fn measure(&mut self, ticks: u64, stamp: u64, from: u64) {
        let nanoseconds = (u128::from(ticks) * u128::from(SECOND) / u128::from(self.frequency.max(1))) as u64;
        (self.nanoseconds, self.stamp) = (self.at(stamp), stamp);
        self.multiplier = ratio(nanoseconds, stamp.saturating_sub(from));
    }

    /// Measures against what the APIC has counted since `init`, if that is long enough.
    fn improve(&mut self, stamp: u64) {
        let left = lapic::count();
        let ticks = u64::from(u32::MAX - left);
        if left != 0 && ticks * SECOND / self.frequency.max(1) >= LONG_ENOUGH {
            self.measure(ticks, stamp, self.start);
            self.source = Source::Measured;
        }
    }
}

/// Nanoseconds since some moment before the start; never goes back.
pub fn now() -> u64 {
    let mut clock = CLOCK.load();
    if clock.source == Source::Kvm {
        return kvm_now();
    }
    let stamp = tsc();
    if clock.source == Source::Rough && clock.at(stamp) >= LONG_ENOUGH {
        clock.improve(stamp);
        CLOCK.store(clock);
    }
    clock.at(stamp)
}

fn kvm_now() -> u64 {
    let time = KVM_TIME.get().cast_const();
    // SAFETY: the pointer is to a static. KVM writes it only while this processor doesn't run, so between two reads: those
    // are volatile, so that each is made, in this order.
    let version = || unsafe { (&raw const (*time).version).read_volatile() };
    loop {
        let before = version();
        // SAFETY: as above; any bytes are a `Time`.
        let now = unsafe { time.read_volatile() }.at(tsc());
        if before & 1 == 0 && before == version() {
            return now;
        }
    }
}

/// Nanoseconds since 1970, to the second where they come from the CMOS clock; `None` without a clock.
pub fn wall() -> Option<u64> {
    let mut clock = CLOCK.load();
    if let Epoch::Unread = clock.epoch {
        let seconds = rtc::seconds().and_then(|seconds| u64::try_from(seconds).ok());
        // `now` may learn how fast the clock goes: that comes before what is kept here.
        let now = now();
        clock = CLOCK.load();
        clock.epoch =
            seconds.map_or(Epoch::None, |seconds| Epoch::At((seconds * SECOND).saturating_sub(now)));
        CLOCK.store(clock);
    }
    match clock.epoch {
        Epoch::At(epoch) => Some(epoch + now()),
        _ => None,
    }
}

/// Waits for an interrupt, which comes at `deadline` at the latest, or earlier if that is far off. If `deadline` is over, takes
/// the interrupts that wait.
pub fn halt_until(deadline: Option<u64>) {
    let Some(deadline) = deadline else { return cpu::halt() };
    if deadline <= now() {
        return cpu::take_interrupts();
    }
    let mut clock = CLOCK.load();
    while clock.source == Source::Rough {
        clock.improve(tsc());
        CLOCK.store(clock);
        if lapic::count() == 0 {
            // Nobody asked for the time for so long that the count has ended: the rough measure must do.
            clock.source = Source::Measured;
        }
    }
    let wait = deadline.saturating_sub(now());
    if wait == 0 {
        return;
    }
    let ticks = u128::from(wait) * u128::from(clock.frequency) / u128::from(SECOND);
    let ticks = ticks.clamp(1, u128::from(u32::MAX / 2)) as u32;
    let before = tsc();
    lapic::alarm(ticks);
    cpu::halt();
    let (left, after) = (lapic::count(), tsc());
    lapic::stop();
    if clock.source == Source::Measured && wait >= LONG {
        // The count began again at its end, which the rough clock tells: one period more makes it right.
        let counted = u64::from(ticks - left.min(ticks));
        let passed = clock.at(after) - clock.at(before);
        let period = u64::from(ticks) + 1;
        let expected = (u128::from(passed) * u128::from(clock.frequency) / u128::from(SECOND)) as u64;
        let periods = (expected.saturating_sub(counted) + period / 2) / period;
        clock.measure(counted + periods * period, after, before);
        CLOCK.store(clock);
    }
}
