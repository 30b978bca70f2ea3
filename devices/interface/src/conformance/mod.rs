//! What every implementation of an interface does. A test on the host or a unikernel calls these; they panic where an
//! implementation doesn't keep its interface's word.

mod block;
mod kv;
mod kv_rw;

use alloc::vec;
use alloc::vec::Vec;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

pub use block::{BLOCK_SECTORS, block, block_read_only};
pub use kv::{kv_files, kv_ro};
pub use kv_rw::kv_rw;

use crate::{Args, Clock, Console, Random, Time};

const STEP: Duration = Duration::from_millis(20);

/// [`Time`] and [`Clock`], measured against each other: two devices of one target.
pub async fn time(time: &impl Time, clock: &impl Clock) {
    time.sleep(Duration::ZERO).await;
    for wait in [Duration::from_nanos(1), STEP, 5 * STEP] {
        let before = clock.now();
        time.sleep(wait).await;
        let passed = clock.now() - before;
        assert!(passed >= wait, "a sleep of {wait:?} took only {passed:?}");
        assert!(passed < wait + Duration::from_secs(10), "a sleep of {wait:?} took {passed:?}");
    }
    let before = clock.now();
    let (long, short) = (time.sleep(Duration::from_secs(3600)), time.sleep(STEP));
    assert!(second_is_first(long, short).await, "a short sleep ends before a long one that began earlier");
    assert!(clock.now() - before >= STEP, "sleeps side by side aren't early");
}

/// [`Clock`]; `wall` says whether the machine is to have a wall clock.
pub async fn clock(clock: &impl Clock, time: &impl Time, wall: bool) {
    let mut last = clock.now();
    for _ in 0..10_000 {
        let now = clock.now();
        assert!(now >= last, "the clock went back from {last:?} to {now:?}");
        last = now;
    }
    assert_eq!(clock.wall().is_ok(), wall, "whether there is a wall clock");
    let Ok(before) = clock.wall() else { return };
    assert!(before.unix > Duration::from_secs(1_700_000_000), "the wall clock shows {before}");
    assert!(before.offset.is_none_or(|offset| offset.abs() <= 26 * 3600), "no zone is {:?}", before.offset);
    time.sleep(Duration::from_millis(1100)).await;
    let after = clock.wall().expect("a wall clock stays one");
    assert!(after.unix > before.unix, "the wall clock stands at {after}");
    assert!(after.unix < before.unix + Duration::from_secs(60), "the wall clock jumped to {after}");
}

/// [`Random`]: whether the bytes are random can't be tested; that they are filled, differ and look even can.
pub fn random(random: &impl Random) {
    random.fill(&mut []);
    for length in [1, 2, 7, 8, 9, 63, 64, 65, 255, 256, 257, 1000] {
        let mut counts = vec![0_u32; length];
        // A byte that is never touched stays 0 through all rounds; a random one does so once in 2^512 times.
        for _ in 0..64 {
            let mut bytes = vec![0; length];
            random.fill(&mut bytes);
            bytes.iter().zip(&mut counts).for_each(|(byte, count)| *count += u32::from(*byte != 0));
        }
        assert!(counts.iter().all(|count| *count > 0), "all {length} bytes are filled");
    }
    let (mut one, mut other) = ([0; 32], [0; 32]);
    random.fill(&mut one);
    random.fill(&mut other);
    assert_ne!(one, other, "two draws differ");
    let mut many = vec![0; 1 << 16];
    random.fill(&mut many);
    let ones: u32 = many.iter().map(|byte| byte.count_ones()).sum();
    // Half of the bits, within ten standard deviations of 362.
    assert!(ones.abs_diff(1 << 18) < 3_620, "{ones} of {} bits are ones", 1 << 19);
    let mut seen = [false; 256];
    many.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    assert!(seen.iter().all(|seen| *seen), "every byte comes up in 65,536");
}

/// [`Args`], which are to be `words`.
pub fn args(args: &impl Args, words: &[&str]) {
    assert_eq!(args.words().collect::<Vec<_>>(), words);
    assert_eq!(args.words().collect::<Vec<_>>(), words, "words can be asked for again");
}

/// What [`console`] writes when it wants [`console_input`].
pub const CONSOLE_PROMPT: &str = "conformance: send\n";

/// What the other end of the console answers to [`CONSOLE_PROMPT`]: every byte, and more than any queue holds.
pub fn console_input() -> Vec<u8> {
    let every = 0..=u8::MAX;
    every.cycle().take(5_000).collect()
}

/// What [`console`] writes after it has read [`console_input`].
pub fn console_output() -> Vec<u8> {
    let mut output: Vec<u8> = (0..=u8::MAX).collect();
    output.push(b'\n');
    for line in 0..200_u8 {
        output.extend([b'a' + line % 26; 99]);
        output.push(b'\n');
    }
    // Longer than what goes out at once.
    output.extend([b'-'; 10_000]);
    output.push(b'\n');
    output
}

/// [`Console`] with nothing typed at first. It writes [`CONSOLE_PROMPT`], then [`console_output`]; the other end must send
/// [`console_input`], and end it if `ends`.
pub async fn console(console: &impl Console, time: &impl Time, ends: bool) {
    let mut buffer = [0; 64];
    console.write(&[]).await.expect("nothing can always be written");
    assert_eq!(console.read(&mut []).await, Ok(0), "an empty buffer takes nothing");
    let (read, sleep) = (console.read(&mut buffer), time.sleep(STEP));
    assert!(second_is_first(read, sleep).await, "a read waits for input, and lets time pass meanwhile");
    console.write(CONSOLE_PROMPT.as_bytes()).await.expect("the console can be written");

    let expected = console_input();
    let mut got = Vec::new();
    for size in (1..=buffer.len()).cycle() {
        if got.len() == expected.len() {
            break;
        }
        let size = size.min(expected.len() - got.len());
        let count = console.read(&mut buffer[..size]).await.expect("the console can be read");
        assert!((1..=size).contains(&count), "a read of {size} bytes gave {count}");
        got.extend_from_slice(&buffer[..count]);
    }
    assert!(got == expected, "what was sent came in whole and in order");
    if ends {
        assert_eq!(console.read(&mut buffer).await, Ok(0), "the input has ended");
        assert_eq!(console.read(&mut buffer).await, Ok(0), "the end of input stays");
    }
    console.write(&console_output()).await.expect("the console can be written");
}

/// Polls both until one is ready; whether that is the second.
async fn second_is_first(one: impl Future, other: impl Future) -> bool {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| match one.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(false),
        Poll::Pending => other.as_mut().poll(context).map(|_| true),
    })
    .await
}
