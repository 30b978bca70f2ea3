//! Exceptions: what happened, where, and the end.

use core::arch::asm;
use core::fmt::Write;
use core::mem::size_of;
use core::sync::atomic::{AtomicBool, Ordering};

use uk_device::backend::{FAULT, STACK};

use crate::boot::{CODE, STUB, TASK, boot_gdt, exception_stubs, interrupt_stub, spurious_stub};
use crate::exit::{Side, exit};
use crate::serial::Serial;
use crate::single::Single;
use crate::{image, start, trace};

/// A gate of the interrupt descriptor table.
#[derive(Clone, Copy)]
#[repr(C)]
struct Gate {
    low: u64,
    high: u64,
}

impl Gate {
    /// An interrupt gate; `stack` 0 stays on the stack that is in use, 1 and 2 are those of the task state.
    fn new(handler: usize, stack: u64) -> Self {
        let handler = handler as u64;
        let low = handler & 0xffff
            | u64::from(CODE) << 16
            | stack << 32
            | 0x8e << 40
            | (handler >> 16 & 0xffff) << 48;
        Gate { low, high: handler >> 32 }
    }
}

/// The task state: it holds the stacks of exceptions. 32-bit words, since its 64-bit fields aren't aligned.
#[repr(C)]
struct Task([u32; 26]);

#[repr(C, packed)]
struct Register {
    limit: u16,
    base: u64,
}

static GATES: Single<[Gate; 256]> = Single::new([Gate { low: 0, high: 0 }; 256]);
static TASK_STATE: Single<Task> = Single::new(Task([0; 26]));

/// Vectors below this are exceptions.
const EXCEPTIONS: usize = 32;
const DOUBLE_FAULT: usize = 8;
const PAGE_FAULT: u64 = 14;

/// The vector of interrupts that turn out to be none.
pub const SPURIOUS: u8 = 0xff;

/// Makes exceptions and interrupts arrive.
///
/// # Safety
/// To be called once, before interrupts are on.
pub unsafe fn init() {
    let (fault, double) = (image::fault_stack().end as u64, image::double_stack().end as u64);
    let base = TASK_STATE.get() as u64;
    let limit = size_of::<Task>() as u64 - 1;
    // SAFETY: this runs once and alone; the processor reads the tables only after they are loaded below.
    unsafe {
        TASK_STATE.with(|task| {
            for (stack, word) in [(fault, 9), (double, 11)] {
                task.0[word] = stack as u32;
                task.0[word + 1] = (stack >> 32) as u32;
            }
            // No permission map: it would begin after the end.
            task.0[25] = (size_of::<Task>() as u32) << 16;
        });
        GATES.with(|gates| {
            for (vector, gate) in gates.iter_mut().enumerate() {
                *gate = if vector < EXCEPTIONS {
                    let stack = if vector == DOUBLE_FAULT { 2 } else { 1 };
                    Gate::new((&raw const exception_stubs).addr() + vector * STUB, stack)
                } else if vector == usize::from(SPURIOUS) {
                    Gate::new((&raw const spurious_stub).addr(), 0)
                } else {
                    Gate::new((&raw const interrupt_stub).addr(), 0)
                };
            }
        });
        let gdt = &raw mut boot_gdt;
        (*gdt)[usize::from(TASK) / 8] =
            limit | (base & 0xff_ffff) << 16 | 0x89 << 40 | (base >> 24 & 0xff) << 56;
        (*gdt)[usize::from(TASK) / 8 + 1] = base >> 32;
        let gates = Register { limit: (size_of::<[Gate; 256]>() - 1) as u16, base: GATES.get() as u64 };
        asm!("lidt [{}]", in(reg) &raw const gates, options(nostack, preserves_flags));
        asm!("ltr {:x}", in(reg) TASK, options(nostack, preserves_flags));
    }
}

/// What the stubs and the processor leave on the stack.
#[repr(C)]
struct Frame {
    base_pointer: usize,
    vector: u64,
    error: u64,
    instruction_pointer: usize,
    code_segment: u64,
    flags: u64,
    stack_pointer: usize,
}

/// The exceptions' names, in words that can stand in a line of the side channel.
const NAMES: [&str; 22] = [
    "divide-error",
    "debug",
    "non-maskable-interrupt",
    "breakpoint",
    "overflow",
    "bound-range",
    "invalid-opcode",
    "device-not-available",
    "double-fault",
    "coprocessor-overrun",
    "invalid-task-state",
    "segment-not-present",
    "stack-segment",
    "general-protection",
    "page-fault",
    "reserved",
    "x87-error",
    "alignment-check",
    "machine-check",
    "simd-error",
    "virtualization",
    "control-protection",
];

/// Where `boot` brings exceptions.
#[unsafe(no_mangle)]
extern "C" fn uk_fault(frame: &Frame) -> ! {
    static FAULTED: AtomicBool = AtomicBool::new(false);
    if FAULTED.swap(true, Ordering::Relaxed) {
        // Saying what happened has failed itself.
        exit(FAULT);
    }
    let ip = frame.instruction_pointer;
    let mut address = 0;
    let mut name = NAMES.get(frame.vector as usize).copied().unwrap_or("exception");
    let mut code = FAULT;
    if frame.vector == PAGE_FAULT {
        // SAFETY: reading CR2 has no effect.
        unsafe { asm!("mov {}, cr2", out(reg) address, options(nomem, nostack, preserves_flags)) }
        if image::stack_guard().contains(&address) {
            (name, code) = ("stack-overrun", STACK);
        }
    }
    Serial.fresh_line();
    let _ = writeln!(Side, "fault {name} address={address:#x} ip={ip:#x}");
    let _ = write!(Serial, "{}: {name}", start::name());
    start::write_job(&mut Serial);
    let _ = match frame.vector {
        PAGE_FAULT => write!(Serial, " at address {address:#x}: {}", access(frame.error, code)),
        _ if frame.error == 0 => Ok(()),
        _ => write!(Serial, ", error code {:#x}", frame.error),
    };
    let _ = writeln!(Serial, ", instruction {ip:#x}");
    if !image::text().contains(&ip) {
        // It called what isn't code: the return address is all that says from where.
        trace::print_return(frame.stack_pointer);
    }
    trace::print(frame.base_pointer, frame.stack_pointer);
    exit(code)
}

/// A page fault's error code in words.
fn access(error: u64, code: u8) -> &'static str {
    match error {
        _ if code == STACK => "the stack is full",
        error if error & 16 != 0 => "executing what isn't code",
        error if error & 3 == 3 => "writing what is read-only",
        error if error & 2 != 0 => "writing where nothing is",
        error if error & 1 != 0 => "reading what may not be read",
        _ => "reading where nothing is",
    }
}
