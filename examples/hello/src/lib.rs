//! Logs `hello` four times, once a second.
#![no_std]

use uk_device::{Duration, Time};

/// Logs and sleeps.
pub async fn start(time: impl Time) -> uk_device::Result {
    for _ in 0..4 {
        log::info!("hello");
        time.sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use uk_device::Duration;
    use uk_device::fake::{Clock, Logs, block_on};

    #[test]
    fn it_says_hello_four_times_in_four_seconds() {
        let (clock, logs) = (Clock::running(), Logs::capture());
        block_on(super::start(&clock)).expect("it ends well");
        assert_eq!(logs.lines(), ["hello"; 4]);
        assert_eq!(clock.now(), Duration::from_secs(4));
    }
}
