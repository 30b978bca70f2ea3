//! Backtraces by frame pointers.
//!
//! All crates are compiled with frame pointers, but a broken stack must not break the trace: every address is checked,
//! and the walk only goes up.

use core::fmt::Write;

use crate::exit::Side;
use crate::image;
use crate::serial::Serial;

/// Frames that are shown at most.
const MOST: usize = 64;

/// Prints the return addresses above a frame, to the console and to the side channel.
///
/// `base` is the frame's base pointer. If it is none, since the code at the top uses the register for something else,
/// the walk starts with the first thing above `stack` that looks like a frame.
pub fn print(base: usize, stack: usize) {
    let mut frame = if read(base).is_some() { base } else { find(stack) };
    for _ in 0..MOST {
        let Some((next, from)) = read(frame) else { break };
        say(from);
        if next <= frame {
            break;
        }
        frame = next;
    }
}

/// Prints the return address at the top of the stack, if it is one.
pub fn print_return(stack: usize) {
    // A frame's return address stands above its base pointer.
    if let Some((_, from)) = read(stack.wrapping_sub(8)) {
        say(from);
    }
}

fn say(from: usize) {
    let _ = writeln!(Side, "frame {from:#x}");
    let _ = writeln!(Serial, "  from {from:#x}");
}

/// The base pointer and the return address that a frame holds, if it is one.
fn read(frame: usize) -> Option<(usize, usize)> {
    if !frame.is_multiple_of(8) {
        return None;
    }
    let inside = [image::stack(), image::fault_stack(), image::double_stack()]
        .iter()
        .any(|stack| stack.contains(&frame) && stack.end - frame >= 16);
    if !inside {
        return None;
    }
    // SAFETY: both words are within a stack, which is mapped; any bits are a number.
    let (next, from) = unsafe {
        let words = frame as *const usize;
        (words.read_volatile(), words.add(1).read_volatile())
    };
    image::text().contains(&from).then_some((next, from))
}

/// The first place above `stack` that holds a base pointer further up and a return address after a call.
fn find(stack: usize) -> usize {
    let end = image::stack().end;
    let start = stack.next_multiple_of(8);
    (start..end).step_by(8).find(|frame| is_frame(*frame, end)).unwrap_or(0)
}

fn is_frame(frame: usize, end: usize) -> bool {
    let Some((next, from)) = read(frame) else { return false };
    next > frame && next < end && read(next).is_some() && follows_call(from)
}

/// Whether the instruction before an address is a near call: `e8` with a displacement, or `ff /2`.
fn follows_call(address: usize) -> bool {
    let start = image::text().start;
    // SAFETY: the range check keeps the read within the image's code.
    let byte = |back: usize| (address - back >= start).then(|| unsafe { *((address - back) as *const u8) });
    let modrm = |back: usize| byte(back).is_some_and(|byte| byte >> 3 & 7 == 2);
    byte(5) == Some(0xe8) || (2..=7).any(|back| byte(back) == Some(0xff) && modrm(back - 1))
}
