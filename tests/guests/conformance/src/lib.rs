//! Checks that the target's devices do what their interfaces say. The command line's words must be `one` and `two words`.
#![no_std]

use uk_device::{Args, Clock, Console, Random, Time, conformance};

uk_device::keys!();

/// Checks; where a device doesn't conform this panics.
pub async fn start(
    keys: Keys,
    args: impl Args,
    clock: impl Clock,
    console: impl Console,
    random: impl Random,
    time: impl Time,
) -> uk_device::Result {
    conformance::args(&args, &["one", "two words"]);
    conformance::random(&random);
    conformance::time(&time, &clock).await;
    conformance::clock(&clock, &time, keys.wall).await;
    conformance::console(&console, &time, keys.ends).await;
    // A log line begins on a line of its own, and leaves the console's lines whole.
    console.write(b"begun").await?;
    log::info!("done");
    console.write(b"ended\n").await?;
    Ok(())
}
