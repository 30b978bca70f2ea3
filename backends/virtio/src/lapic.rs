//! The local APIC: its timer ends `hlt`.

use crate::cpu;
use crate::cpu::{in8, out8};
use crate::fault::SPURIOUS;

/// Where the registers are unless somebody moved them; no loader does.
pub const BASE: usize = 0xfee0_0000;
const ID: usize = 0x20;
pub const END_OF_INTERRUPT: usize = 0xb0;
const SPURIOUS_VECTOR: usize = 0xf0;
const TIMER: usize = 0x320;
const INITIAL_COUNT: usize = 0x380;
const CURRENT_COUNT: usize = 0x390;
const DIVIDE: usize = 0x3e0;

const ENABLED: u32 = 1 << 8;
const MASKED: u32 = 1 << 16;
const PERIODIC: u32 = 1 << 17;
/// The timer's interrupt vector.
const VECTOR: u32 = 0x20;

fn write(register: usize, value: u32) {
    // SAFETY: `paging` maps the registers as a device, and these touch no memory.
    unsafe { ((BASE + register) as *mut u32).write_volatile(value) }
}

fn read(register: usize) -> u32 {
    // SAFETY: as above.
    unsafe { ((BASE + register) as *const u32).read_volatile() }
}

/// Switches the APIC on and the old interrupt controllers off.
pub fn init() {
    out8(0x21, 0xff);
    out8(0xa1, 0xff);
    write(SPURIOUS_VECTOR, ENABLED | u32::from(SPURIOUS));
    // Divided by one.
    write(DIVIDE, 0xb);
}

/// Starts to count down from the top, once and silently.
pub fn free_run() {
    write(TIMER, MASKED | VECTOR);
    write(INITIAL_COUNT, u32::MAX);
}

/// Starts to count `ticks` down over and over, with an interrupt each time: so the count tells the time even after the
/// interrupt.
pub fn alarm(ticks: u32) {
    write(TIMER, PERIODIC | VECTOR);
    write(INITIAL_COUNT, ticks);
}

/// Stops the timer.
pub fn stop() {
    write(INITIAL_COUNT, 0);
}

/// This processor's number, to which interrupts are sent.
pub fn id() -> u32 {
    read(ID) >> 24
}

/// The ticks that are left of the count.
pub fn count() -> u32 {
    read(CURRENT_COUNT)
}

/// Ticks of the timer in a second.
///
/// QEMU and KVM count nanoseconds. Elsewhere the count is held against channel 2 of the interval timer for 5 ms.
pub fn frequency() -> u64 {
    const NANOSECONDS: u64 = 1_000_000_000;
    const PIT: u64 = 1_193_182;
    const WAIT: u64 = PIT / 200;
    if let Some((b"KVMKVMKVM\0\0\0" | b"TCGTCGTCGTCG", _)) =
        cpu::hypervisor().as_ref().map(|(name, leaf)| (name, leaf))
    {
        return NANOSECONDS;
    }
    // The gate on and the speaker off; mode 0 counts once, and raises the output at its end.
    out8(0x61, in8(0x61) & !2 | 1);
    out8(0x43, 0xb0);
    out8(0x42, WAIT as u8);
    out8(0x42, (WAIT >> 8) as u8);
    let (start, mut tries) = (count(), 0);
    while in8(0x61) & 0x20 == 0 {
        tries += 1;
        if tries == 1_000_000 {
            // No interval timer.
            return NANOSECONDS;
        }
    }
    u64::from(start.wrapping_sub(count())) * PIT / WAIT
}
