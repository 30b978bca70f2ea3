//! Panics, and lack of memory, which arrives as one.

use core::arch::asm;
use core::fmt::Write;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use uk_device::backend::{MEMORY, PANIC};

use crate::exit::{Side, exit};
use crate::serial::Serial;
use crate::{heap, start, trace};

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    static PANICKING: AtomicBool = AtomicBool::new(false);
    if PANICKING.swap(true, Ordering::Relaxed) {
        // The message's own `Display` panics, or printing does.
        exit(PANIC);
    }
    Serial.fresh_line();
    let code = match heap::refused().filter(|_| is_lack_of_memory(info)) {
        Some(size) => {
            let _ = writeln!(Side, "out-of-memory size={size}");
            let _ = write!(Serial, "{}: out of memory", start::name());
            start::write_job(&mut Serial);
            let _ = writeln!(Serial, ": {size} bytes wanted, of {} at the start", heap::total());
            MEMORY
        }
        None => {
            let _ = writeln!(Side, "panic");
            let _ = write!(Serial, "{}: panic", start::name());
            start::write_job(&mut Serial);
            if let Some(place) = info.location() {
                let _ = write!(Serial, " at {place}");
            }
            let _ = writeln!(Serial, ": {}", info.message());
            PANIC
        }
    };
    let (base, stack): (usize, usize);
    // SAFETY: reads two registers.
    unsafe { asm!("mov {}, rbp", "mov {}, rsp", out(reg) base, out(reg) stack, options(nomem, nostack)) }
    trace::print(base, stack);
    exit(code)
}

/// Whether this is how `alloc` panics when an allocation fails: it has no other way to say so on stable Rust.
fn is_lack_of_memory(info: &PanicInfo<'_>) -> bool {
    let place = info.location().is_some_and(|place| place.file().ends_with("alloc/src/alloc.rs"));
    let message = info.message().as_str();
    // The message is "memory allocation of N bytes failed", whose number isn't known while compiling.
    place && message.is_none()
}
