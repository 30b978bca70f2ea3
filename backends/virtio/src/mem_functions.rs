//! The functions on memory that compiled code expects from a C library, and two that the precompiled `alloc` names.
//!
//! Loops are assembly, since the compiler would turn loops in Rust into calls of these very functions.

use core::arch::asm;
use core::ptr::{read_unaligned, write_unaligned};

/// Copies that `rep movsq` isn't worth its start for.
const SHORT: usize = 32;
/// Bytes that a turn of `memcpy`'s loop copies. QEMU's translator takes 0.8 of the time of `rep movsq` for it, whose every word it
/// asks whether there is another; with words of 16 bytes it takes 1.15 of that (QEMU 7.2, 64 KiB at a time).
const BLOCK: usize = 64;

/// Copies up to 32 bytes, reading all before writing any, so that it suits overlapping ranges too.
///
/// # Safety
/// As `memmove`, with `count <= SHORT`.
#[inline(always)]
unsafe fn move_short(to: *mut u8, from: *const u8, count: usize) {
    macro_rules! both_ends {
        ($type:ty) => {{
            // SAFETY: two words, one at each end, cover the range and don't leave it.
            unsafe {
                let last = count - size_of::<$type>();
                let (a, b) =
                    (read_unaligned(from as *const $type), read_unaligned(from.add(last) as *const $type));
                write_unaligned(to as *mut $type, a);
                write_unaligned(to.add(last) as *mut $type, b);
            }
        }};
    }
    match count {
        0 => {}
        1 => both_ends!(u8),
        2..4 => both_ends!(u16),
        4..8 => both_ends!(u32),
        8..16 => both_ends!(u64),
        _ => both_ends!(u128),
    }
}

/// C's `memcpy`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: the caller's ranges hold `count` bytes. The last eight bytes are read before the rest is written and written
    // after it; whole blocks and the words behind them cover what is left. Each word is read before any behind it is written, as `memmove`
    // wants it of a target that begins before the source.
    unsafe {
        if count <= SHORT {
            move_short(to, from, count);
            return to;
        }
        let last = read_unaligned(from.add(count - 8) as *const u64);
        let (mut on, mut off) = (to, from);
        if count >= BLOCK {
            asm!(
                "2:",
                "mov {a}, [rsi]", "mov {b}, [rsi + 8]", "mov {c}, [rsi + 16]", "mov {d}, [rsi + 24]",
                "mov [rdi], {a}", "mov [rdi + 8], {b}", "mov [rdi + 16], {c}", "mov [rdi + 24], {d}",
                "mov {a}, [rsi + 32]", "mov {b}, [rsi + 40]", "mov {c}, [rsi + 48]", "mov {d}, [rsi + 56]",
                "mov [rdi + 32], {a}", "mov [rdi + 40], {b}", "mov [rdi + 48], {c}", "mov [rdi + 56], {d}",
                "add rsi, 64", "add rdi, 64", "dec rcx", "jnz 2b",
                inout("rcx") count / BLOCK => _, inout("rdi") on, inout("rsi") off,
                a = out(reg) _, b = out(reg) _, c = out(reg) _, d = out(reg) _,
                options(nostack)
            );
        }
        asm!(
            "rep movsq",
            inout("rcx") count % BLOCK / 8 => _, inout("rdi") on => _, inout("rsi") off => _,
            options(nostack, preserves_flags)
        );
        write_unaligned(to.add(count - 8) as *mut u64, last);
    }
    to
}

/// C's `memmove`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: as `memcpy`. Forwards is right unless the target begins within the source; then words go backwards, the first
    // eight bytes last, since they were read first.
    unsafe {
        if to.addr().wrapping_sub(from.addr()) >= count {
            return memcpy(to, from, count);
        }
        if count <= SHORT {
            move_short(to, from, count);
            return to;
        }
        let first = read_unaligned(from as *const u64);
        asm!(
            "std", "rep movsq", "cld",
            inout("rcx") count / 8 => _,
            inout("rdi") to.add(count - 8) => _, inout("rsi") from.add(count - 8) => _,
            options(nostack)
        );
        write_unaligned(to as *mut u64, first);
    }
    to
}

/// C's `memset`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, count: usize) -> *mut u8 {
    let word = u64::from(byte as u8) * 0x0101_0101_0101_0101;
    // SAFETY: the caller's range holds `count` bytes; whole words and one at the end cover it.
    unsafe {
        if count < 8 {
            asm!(
                "rep stosb",
                inout("rcx") count => _, inout("rdi") to => _, in("al") byte as u8,
                options(nostack, preserves_flags)
            );
            return to;
        }
        asm!(
            "rep stosq",
            inout("rcx") count / 8 => _, inout("rdi") to => _, in("rax") word,
            options(nostack, preserves_flags)
        );
        write_unaligned(to.add(count - 8) as *mut u64, word);
    }
    to
}

/// C's `memcmp`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    let mut at = 0;
    // SAFETY: the caller's ranges hold `count` bytes.
    unsafe {
        while at + 8 <= count {
            let a = read_unaligned(one.add(at) as *const u64);
            let b = read_unaligned(other.add(at) as *const u64);
            if a != b {
                // The first byte decides, so it must weigh most.
                return if a.swap_bytes() < b.swap_bytes() { -1 } else { 1 };
            }
            at += 8;
        }
        while at < count {
            let (a, b) = (one.add(at).read_volatile(), other.add(at).read_volatile());
            if a != b {
                return i32::from(a) - i32::from(b);
            }
            at += 1;
        }
    }
    0
}

/// C's `bcmp`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    // SAFETY: the caller's, unchanged.
    unsafe { memcmp(one, other, count) }
}

/// C's `strlen`.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: the caller's text ends with a NUL.
    unsafe {
        while text.add(length).read_volatile() != 0 {
            length += 1;
        }
    }
    length
}

/// Named by the precompiled `alloc`, which can unwind; nothing here does.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// As above.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    panic!("something unwinds")
}
