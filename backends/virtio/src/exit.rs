//! The end: the exit code goes to the side channel, then the power goes off.

use core::arch::asm;
use core::fmt::{self, Write};

use crate::cpu::{out8, out16, out32};
use crate::serial;

/// The port of the side channel.
const SIDE: u16 = 0x5e9;

/// The side channel: lines of text for the host, which README.md describes. Where no host listens, nothing happens.
pub struct Side;

impl Write for Side {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| out8(SIDE, byte));
        Ok(())
    }
}

/// Ends with an exit code.
pub fn exit(code: u8) -> ! {
    serial::flush();
    let _ = writeln!(Side, "exit {code}");
    // QEMU's isa-debug-exit, if it is there; its status can't carry every code, hence the side channel.
    out32(0xf4, code.into());
    // ACPI's S5 on QEMU's q35 and pc: SLP_EN with SLP_TYP 0 in PM1a_CNT.
    out16(0x604, 0x2000);
    // The sleep register of QEMU's microvm with ACPI (hw/i386/generic_event_device_x86.c): S5 is 5 << 2 | 1 << 5.
    // SAFETY: the address is below 4 GiB, where `paging` maps all that isn't memory as devices. Should this be memory,
    // nobody needs it any more.
    unsafe { (0xfea0_0200 as *mut u8).write_volatile(0x34) };
    // The keyboard controller's reset line; monitors without ACPI end on it.
    out8(0x64, 0xfe);
    // An exception without a table to handle it is a triple fault, which resets the machine.
    let none = [0_u8; 10];
    loop {
        // SAFETY: nothing runs after this.
        unsafe { asm!("lidt [{}]", "ud2", in(reg) &raw const none) }
    }
}
