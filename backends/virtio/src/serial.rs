//! The console: a 16550 at the first serial port's address.

use core::fmt;

use crate::cpu::{in8, out8};
use crate::interrupt;
use crate::single::Single;

const PORT: u16 = 0x3f8;
/// Its line at the interrupt controllers.
const LINE: u8 = 4;

// Registers, from `PORT`.
const DATA: u16 = 0;
const INTERRUPTS: u16 = 1;
const LINE_CONTROL: u16 = 3;
const MODEM_CONTROL: u16 = 4;
const LINE_STATUS: u16 = 5;
const SCRATCH: u16 = 7;

// Bits of the line status.
const RECEIVED: u8 = 1;
const TAKES: u8 = 1 << 5;
const ALL_SENT: u8 = 1 << 6;

struct State {
    present: bool,
    /// The last byte wasn't the end of a line.
    within_line: bool,
}

static STATE: Single<State> = Single::new(State { present: false, within_line: false });

fn has(bit: u8) -> bool {
    in8(PORT + LINE_STATUS) & bit != 0
}

fn with<R>(touch: impl FnOnce(&mut State) -> R) -> R {
    // SAFETY: the closures of this module come back to nothing.
    unsafe { STATE.with(touch) }
}

/// Looks for the device and sets it up: 115,200 baud, 8 bits, no parity, one stop bit.
pub fn init() {
    // Where nothing is, the scratch register holds nothing.
    out8(PORT + SCRATCH, 0x5a);
    if in8(PORT + SCRATCH) != 0x5a {
        return;
    }
    // Its queues stay off: switching them on empties the device, and what a host has just sent is lost.
    let divisor_latch = 0x80;
    for (register, value) in [
        (INTERRUPTS, 0),
        (LINE_CONTROL, divisor_latch),
        (0, 1),
        (1, 0),
        (LINE_CONTROL, 3),
        (MODEM_CONTROL, 3),
    ] {
        out8(PORT + register, value);
    }
    with(|state| state.present = true);
}

/// Waits until all is out.
pub fn flush() {
    with(|state| {
        while state.present && !has(ALL_SENT) {
            core::hint::spin_loop();
        }
    });
}

/// The console as a sink for text. Without a device, text goes nowhere.
pub struct Serial;

impl Serial {
    /// Ends the line that is begun, if one is.
    pub fn fresh_line(&mut self) {
        with(|state| {
            if state.within_line {
                state.write(b"\n");
            }
        });
    }
}

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        with(|state| state.write(text.as_bytes()));
        Ok(())
    }
}

impl State {
    fn write(&mut self, bytes: &[u8]) {
        if self.present {
            bytes.iter().for_each(|byte| self.send(*byte));
        }
    }

    fn send(&mut self, byte: u8) {
        // The host takes its time; a console loses nothing.
        while !has(TAKES) {
            core::hint::spin_loop();
        }
        out8(PORT + DATA, byte);
        self.within_line = byte != b'\n';
    }
}

/// Whether there is a serial port.
pub fn is_present() -> bool {
    with(|state| state.present)
}

/// Writes bytes as they are. Waits while the host takes nothing: ask [`is_ready`] before. Without a port they go nowhere.
pub fn write(bytes: &[u8]) {
    with(|state| state.write(bytes));
}

/// Whether the host takes bytes now.
pub fn is_ready() -> bool {
    with(|state| !state.present || has(TAKES))
}

/// Takes what has come in, up to `buffer`'s length; 0 if nothing has.
pub fn read(buffer: &mut [u8]) -> usize {
    with(|state| {
        let mut count = 0;
        while state.present && count < buffer.len() && has(RECEIVED) {
            buffer[count] = in8(PORT + DATA);
            count += 1;
        }
        count
    })
}

/// Makes input an interrupt, as [`interrupt::next`] wants it. False if interrupts can't be had.
pub fn listen() -> bool {
    let possible = is_present() && interrupt::route(LINE);
    if possible {
        // PCs pass the interrupt on only with the third output on.
        out8(PORT + MODEM_CONTROL, 0xb);
        out8(PORT + INTERRUPTS, 1);
    }
    possible
}
