//! Interrupts of devices, for the crates of devices.
//!
//! An interrupt does nothing but end `hlt`. Afterwards every task that waits for one is woken, and looks at its device: so no
//! code ever runs within an interrupt.

use alloc::vec::Vec;
use core::future::poll_fn;
use core::task::{Poll, Waker};

use crate::lapic;
use crate::single::Single;

/// The first I/O APIC, where all machines of this target have it. Its first 16 lines are those of ISA.
const FIRST: usize = 0xfec0_0000;
/// The second one, which QEMU's microvm with ACPI has for its virtio devices.
const SECOND: usize = 0xfec1_0000;
const VERSION: u32 = 1;
const REDIRECTIONS: u32 = 0x10;
/// The vector of all devices' interrupts.
const VECTOR: u32 = 0x30;

static WAITING: Single<Vec<Waker>> = Single::new(Vec::new());

fn select(base: usize, register: u32) -> *mut u32 {
    // SAFETY: `paging` maps the registers as a device, and these touch no memory.
    unsafe { (base as *mut u32).write_volatile(register) };
    (base + 0x10) as *mut u32
}

fn write(base: usize, register: u32, value: u32) {
    // SAFETY: as above.
    unsafe { select(base, register).write_volatile(value) }
}

fn read(base: usize, register: u32) -> u32 {
    // SAFETY: as above.
    unsafe { select(base, register).read_volatile() }
}

/// How many lines an I/O APIC has; 0 where none is.
fn lines(base: usize) -> u32 {
    match read(base, VERSION) {
        0 | u32::MAX => 0,
        version => (version >> 16 & 0xff) + 1,
    }
}

fn route_at(base: usize, line: u32) -> bool {
    if line >= lines(base) {
        return false;
    }
    write(base, REDIRECTIONS + 2 * line + 1, lapic::id() << 24);
    write(base, REDIRECTIONS + 2 * line, VECTOR);
    true
}

/// Lets a line of the first I/O APIC interrupt this processor, at its rising edge. False if there is no such line.
pub fn route(line: u8) -> bool {
    route_at(FIRST, line.into())
}

/// The same for a line of the second I/O APIC.
pub(crate) fn route_second(line: u8) -> bool {
    route_at(SECOND, line.into())
}

/// Whether there is a second I/O APIC.
pub(crate) fn has_second() -> bool {
    lines(SECOND) > 0
}

/// The address and the data by which a device sends its interrupt as a message.
pub(crate) fn message() -> (u64, u32) {
    (lapic::BASE as u64 | u64::from(lapic::id()) << 12, VECTOR)
}

/// Waits for the next interrupt of any device: look at the device first, then wait, then look again.
pub async fn next() {
    let mut waited = false;
    poll_fn(|context| {
        if core::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        // SAFETY: growing the list comes back to nothing here.
        unsafe { WAITING.with(|waiting| waiting.push(waker)) };
        Poll::Pending
    })
    .await;
}

/// Wakes who waits.
pub(crate) fn arrived() {
    // SAFETY: the closure only swaps.
    let waiting = unsafe { WAITING.with(core::mem::take) };
    waiting.into_iter().for_each(Waker::wake);
}
