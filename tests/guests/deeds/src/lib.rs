//! Does what the key `deed` says, most of it forbidden, for boot tests: each deed must end the unikernel with a message
//! and an exit code of its own.
#![no_std]

extern crate alloc;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::arch::asm;
use core::cmp::Ordering;
use core::hint::black_box;
use core::mem::transmute;

use uk_device::{Duration, Error, Time};

uk_device::keys!();

/// The machine code of `ret`.
const RET: u8 = 0xc3;

static CONSTANT: [u8; 16] = [RET; 16];
static mut DATA: [u8; 16] = [RET; 16];

/// Does the deed.
pub async fn start(keys: Keys, time: impl Time) -> uk_device::Result {
    if !keys.text.is_empty() {
        log::info!("{}", keys.text);
    }
    log::debug!("deed: {}", keys.deed.as_str());
    match keys.deed {
        DeedKey::End => return Ok(()),
        DeedKey::Fail => return Err(Error::exit(200, "failed as asked")),
        DeedKey::Panic => panic!("panicked as asked"),
        DeedKey::Index => {
            let few = [1, 2, 3];
            black_box(few[black_box(few.len())]);
        }
        DeedKey::Overrun => {
            black_box(overrun(0));
        }
        DeedKey::Memory => take_all(),
        DeedKey::RefusedMemory => {
            let mut vector: Vec<u8> = Vec::new();
            let refused = vector.try_reserve(isize::MAX as usize).is_err();
            return if refused { Ok(()) } else { Err(Error::new("more memory than there can be")) };
        }
        // SAFETY: none of the following is sound: each must end in an exception, which is what is tested.
        DeedKey::NullRead => unsafe {
            black_box(black_box(core::ptr::null::<u8>()).read_volatile());
        },
        // SAFETY: as above.
        DeedKey::NullWrite => unsafe { black_box(core::ptr::null_mut::<u8>()).write_volatile(1) },
        // SAFETY: as above.
        DeedKey::NullCall => unsafe { asm!("call {}", in(reg) black_box(0_usize), clobber_abi("C")) },
        DeedKey::WriteCode => write(overrun as *const () as *mut u8),
        DeedKey::WriteConstant => write((&raw const CONSTANT).cast_mut().cast()),
        DeedKey::ExecuteData => call((&raw const DATA).cast()),
        DeedKey::ExecuteHeap => call(Box::leak(Box::new([RET; 16])).as_ptr()),
        DeedKey::ExecuteStack => call(black_box([RET; 16]).as_ptr()),
        // SAFETY: as above.
        DeedKey::Divide => unsafe {
            asm!("div {}", in(reg) black_box(0_u64), inout("rax") 1_u64 => _, inout("rdx") 0_u64 => _);
        },
        // SAFETY: as above.
        DeedKey::Illegal => unsafe { asm!("ud2") },
        DeedKey::Copy => return copies(),
        DeedKey::Idle => {
            time.sleep(Duration::MAX).await;
        }
    }
    Err(Error::new("the deed went unpunished"))
}

/// Compares the functions on memory, which a freestanding image brings itself, with loops.
fn copies() -> uk_device::Result {
    let fresh = || -> [u8; 400] { core::array::from_fn(|i| (i * 7 + 3) as u8) };
    for (from, to) in
        [(0, 200), (40, 40), (40, 41), (41, 40), (40, 47), (47, 40), (40, 49), (49, 40), (30, 60)]
    {
        for length in 0..200 {
            let (mut bytes, mut wanted, source) = (fresh(), fresh(), fresh());
            black_box(&mut bytes).copy_within(black_box(from..from + length), to);
            (0..length).for_each(|i| wanted[to + i] = source[from + i]);
            check(same(&bytes, &wanted), "memmove")?;
            black_box(&mut bytes[to..to + length]).fill(black_box(0xa5));
            (0..length).for_each(|i| wanted[to + i] = 0xa5);
            check(same(&bytes, &wanted), "memset")?;
            black_box(&mut bytes[to..to + length]).copy_from_slice(black_box(&source[from..from + length]));
            (0..length).for_each(|i| wanted[to + i] = source[from + i]);
            check(same(&bytes, &wanted), "memcpy")?;
            for place in [0, length / 2, length.saturating_sub(1)] {
                let (one, mut other) = (source, source);
                // What is behind the first byte that differs counts for nothing.
                (from + place..400).for_each(|i| other[i] = !one[i]);
                other[from + place] = one[from + place] ^ 1;
                let wanted = one[from + place].cmp(&other[from + place]);
                let (one, other) = (black_box(&one[from..][..length]), black_box(&other[from..][..length]));
                check(one.cmp(other) == if length > 0 { wanted } else { Ordering::Equal }, "memcmp")?;
                check(equal(one, other) == (length == 0), "bcmp")?;
                let (one, other) = (&one[..place], black_box(&other[..place]));
                check(one.cmp(other).is_eq() && equal(one, other), "memcmp or bcmp of what is equal")?;
            }
        }
    }
    log::info!("as loops do");
    Ok(())
}

/// Apart from `cmp`, whose answer the compiler would take for this one: asked for nothing but equality, it calls `bcmp`.
#[inline(never)]
fn equal(one: &[u8], other: &[u8]) -> bool {
    one == other
}

/// Whether they are the same, not by a function that is checked.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.iter().zip(other).all(|(one, other)| black_box(one) == black_box(other))
}

fn check(holds: bool, name: &str) -> uk_device::Result {
    if holds { Ok(()) } else { Err(Error::new(name)) }
}

/// Recurs without end.
#[expect(unconditional_recursion, reason = "the stack must end")]
#[inline(never)]
fn overrun(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    overrun(depth + 1) + frame[0]
}

/// Allocates until nothing is left.
fn take_all() {
    let mut blocks = Vec::new();
    loop {
        blocks.push(black_box(Box::new([0_u8; 1 << 16])));
    }
}

fn write(place: *mut u8) {
    // SAFETY: not sound: the place is read-only.
    unsafe { black_box(place).write_volatile(RET) }
}

fn call(place: *const u8) {
    // SAFETY: not sound: what is there is a function, but not code.
    let function: extern "C" fn() = unsafe { transmute(black_box(place)) };
    function();
}

#[cfg(test)]
mod tests {
    use super::{DeedKey, Keys};
    use uk_device::fake::{Clock, block_on};

    #[test]
    fn failing_carries_its_code() {
        let keys = Keys { deed: DeedKey::Fail, text: "" };
        let error = block_on(super::start(keys, Clock::running())).expect_err("it fails");
        assert_eq!(error.code(), 200);
    }
}
