//! Instructions without a Rust name.

use core::arch::asm;
use core::arch::x86_64::{__cpuid, _rdtsc};

pub fn out8(port: u16, value: u8) {
    // SAFETY: ports reach devices; none that this crate writes to touches memory.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags)) }
}

pub fn out16(port: u16, value: u16) {
    // SAFETY: as in `out8`.
    unsafe { asm!("out dx, ax", in("dx") port, in("ax") value, options(nomem, nostack, preserves_flags)) }
}

pub fn out32(port: u16, value: u32) {
    // SAFETY: as in `out8`.
    unsafe { asm!("out dx, eax", in("dx") port, in("eax") value, options(nomem, nostack, preserves_flags)) }
}

pub fn in8(port: u16) -> u8 {
    let value;
    // SAFETY: as in `out8`.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack, preserves_flags)) }
    value
}

pub fn in32(port: u16) -> u32 {
    let value;
    // SAFETY: as in `out8`.
    unsafe { asm!("in eax, dx", in("dx") port, out("eax") value, options(nomem, nostack, preserves_flags)) }
    value
}

/// Writes a model-specific register.
///
/// # Safety
/// What the register does must be sound; that it exists is for the caller to know.
pub unsafe fn write_msr(register: u32, value: u64) {
    // SAFETY: the caller's. The memory that a register names may change, so this is a barrier for the compiler.
    unsafe {
        asm!("wrmsr", in("ecx") register, in("eax") value as u32, in("edx") (value >> 32) as u32, options(nostack))
    }
}

/// The processor's time stamp.
pub fn tsc() -> u64 {
    // SAFETY: all x86-64 processors have it, and the monitor lets guests read it.
    unsafe { _rdtsc() }
}

/// What a hypervisor calls itself, and the highest leaf of its CPUID range; `None` without one.
pub fn hypervisor() -> Option<([u8; 12], u32)> {
    if __cpuid(1).ecx & 1 << 31 == 0 {
        return None;
    }
    let leaf = __cpuid(0x4000_0000);
    let mut name = [0; 12];
    for (part, register) in name.chunks_exact_mut(4).zip([leaf.ebx, leaf.ecx, leaf.edx]) {
        part.copy_from_slice(&register.to_le_bytes());
    }
    Some((name, leaf.eax))
}

/// Takes one interrupt, or those that wait, with the processor halted until then.
pub fn halt() {
    // SAFETY: the handlers in `boot` keep all registers. The block may use the stack, so no red zone is below it. An
    // interrupt that comes between `sti` and `hlt` waits for `hlt`, and ends it.
    unsafe { asm!("sti", "hlt", "cli") }
}

/// Takes the interrupts that wait.
pub fn take_interrupts() {
    // SAFETY: as in `halt`. `sti` takes effect after the instruction that follows it.
    unsafe { asm!("sti", "nop", "nop", "cli") }
}
