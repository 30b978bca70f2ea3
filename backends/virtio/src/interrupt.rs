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
const BASE: usize = 0xfec0_0000;
const VERSION: u32 = 1;
const REDIRECTIONS: u32 = 0x10;
/// The vector of all devices' interrupts.
const VECTOR: u32 = 0x30;

static WAITING: Single<Vec<Waker>> = Single::new(Vec::new());

fn select(register: u32) -> *mut u32 {
    // SAFETY: `paging` maps the registers as a device, and these touch no memory.
    unsafe { (BASE as *mut u32).write_volatile(register) };
    (BASE + 0x10) as *mut u32
}

fn write(register: u32, value: u32) {
    // SAFETY: as above.
    unsafe { select(register).write_volatile(value) }
}

fn read(register: u32) -> u32 {
    // SAFETY: as above.
    unsafe { select(register).read_volatile() }
}

/// Lets a line of the first I/O APIC interrupt this processor, at its rising edge. False if there is no such line.
pub fn route(line: u8) -> bool {
    let (version, line) = (read(VERSION), u32::from(line));
    if version == u32::MAX || line > version >> 16 & 0xff {
        return false;
    }
    write(REDIRECTIONS + 2 * line + 1, lapic::id() << 24);
    write(REDIRECTIONS + 2 * line, VECTOR);
    true
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
