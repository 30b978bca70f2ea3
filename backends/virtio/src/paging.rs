//! Page tables: everything is mapped where it is, and nothing is both writable and executable.
//!
//! The tables of `boot` are changed in place: pages of 2 MiB that hold parts of the image, or page zero, are split.

use core::arch::asm;
use core::ops::Range;

use crate::boot::{boot_gigabytes, boot_pages};
use crate::image;
use crate::memory::{Free, PAGE};
use crate::pvh::Info;

const LARGE: usize = 2 << 20;
const GIGABYTE: usize = 1 << 30;

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
/// Write-through and no cache: what registers of devices want.
const DEVICE: u64 = 1 << 3 | 1 << 4;
const IS_LARGE: u64 = 1 << 7;
const NO_EXECUTE: u64 = 1 << 63;

/// Sets the rights of all pages; `None` if there is no memory for the tables.
///
/// # Safety
/// To be called once, with the tables of `boot` in use and no pointer to anything that isn't mapped afterwards.
pub unsafe fn protect(info: Info, free: &mut Free) -> Option<()> {
    // SAFETY: the tables are this function's alone now; the processor only reads them (and sets bits that aren't used).
    let pages = unsafe { (&raw mut boot_pages).as_mut_unchecked() };
    for (i, entry) in pages.iter_mut().enumerate() {
        let range = i * LARGE..(i + 1) * LARGE;
        *entry = if i == 0 || overlap(&range, &image::all()) {
            // SAFETY: the page was free, so nobody else has it, and it is mapped.
            let table = unsafe { &mut *(free.page()? as *mut [u64; 512]) };
            for (j, entry) in table.iter_mut().enumerate() {
                *entry = small(range.start + j * PAGE);
            }
            table.as_ptr() as u64 | PRESENT | WRITABLE
        } else {
            let device = !info.memory().any(|memory| overlap(&memory, &range));
            large(range.start) | if device { DEVICE } else { 0 }
        };
    }
    // SAFETY: as above.
    let gigabytes = unsafe { (&raw mut boot_gigabytes).as_mut_unchecked() };
    for (i, entry) in gigabytes.iter_mut().enumerate().skip(4) {
        let range = i * GIGABYTE..(i + 1) * GIGABYTE;
        if !info.memory().any(|memory| overlap(&memory, &range)) {
            continue;
        }
        // SAFETY: as above.
        let table = unsafe { &mut *(free.page()? as *mut [u64; 512]) };
        for (j, entry) in table.iter_mut().enumerate() {
            let range = range.start + j * LARGE..range.start + (j + 1) * LARGE;
            *entry =
                if info.memory().any(|memory| overlap(&memory, &range)) { large(range.start) } else { 0 };
        }
        *entry = table.as_ptr() as u64 | PRESENT | WRITABLE;
    }
    // SAFETY: writing CR3 back makes the processor forget the old entries; the new ones map all that is in use.
    unsafe { asm!("mov {0}, cr3", "mov cr3, {0}", out(reg) _, options(nostack, preserves_flags)) }
    Some(())
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

fn large(address: usize) -> u64 {
    address as u64 | PRESENT | WRITABLE | IS_LARGE | NO_EXECUTE
}

/// The entry of a page of 4 KiB: nothing at zero and in guards, code that isn't writable, data that isn't executable.
fn small(address: usize) -> u64 {
    let guards = [image::fault_guard(), image::double_guard(), image::stack_guard()];
    if address == 0 || guards.iter().any(|guard| guard.contains(&address)) {
        return 0;
    }
    let rights = if image::text().contains(&address) {
        0
    } else if image::rodata().contains(&address) {
        NO_EXECUTE
    } else {
        WRITABLE | NO_EXECUTE
    };
    address as u64 | PRESENT | rights
}
