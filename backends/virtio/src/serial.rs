//! The console: a 16550 at the first serial port's address.

use core::fmt;

use crate::cpu::{in8, out8};
use crate::single::Single;

const PORT: u16 = 0x3f8;
/// Bytes that its queue takes.
const QUEUE: u8 = 16;

struct State {
    present: bool,
    /// Bytes that the queue takes before the line status must be read again.
    room: u8,
}

static STATE: Single<State> = Single::new(State { present: false, room: 0 });

/// Looks for the device and sets it up: 115,200 baud, 8 bits, no parity, one stop bit.
pub fn init() {
    // Where nothing is, the scratch register holds nothing.
    out8(PORT + 7, 0x5a);
    if in8(PORT + 7) != 0x5a {
        return;
    }
    for (register, value) in [(1, 0), (3, 0x80), (0, 1), (1, 0), (3, 3), (2, 7), (4, 3)] {
        out8(PORT + register, value);
    }
    // SAFETY: the closure comes back to nothing.
    unsafe { STATE.with(|state| state.present = true) }
}

/// The console as a sink for text. Without a device, text goes nowhere.
pub struct Serial;

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: the closure comes back to nothing.
        unsafe {
            STATE.with(|state| {
                if state.present {
                    text.bytes().for_each(|byte| state.send(byte));
                }
            });
        }
        Ok(())
    }
}

impl State {
    fn send(&mut self, byte: u8) {
        if self.room == 0 {
            // The host takes its time; a console loses nothing.
            while in8(PORT + 5) & 0x20 == 0 {
                core::hint::spin_loop();
            }
            self.room = QUEUE;
        }
        out8(PORT, byte);
        self.room -= 1;
    }
}
