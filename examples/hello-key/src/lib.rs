//! Logs a greeting four times, once a second; the key `hello` says which.
#![no_std]

use uk_device::{Duration, Time};

uk_device::keys!();

/// Logs and sleeps.
pub async fn start(keys: Keys, time: impl Time) -> uk_device::Result {
    for _ in 0..4 {
        log::info!("{}", keys.hello);
        time.sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Keys;
    use uk_device::Duration;
    use uk_device::fake::{Clock, Logs, block_on};

    #[test]
    fn it_says_what_the_key_says() {
        let (clock, logs) = (Clock::running(), Logs::capture());
        block_on(super::start(Keys { hello: "Bonjour!" }, &clock)).expect("it ends well");
        assert_eq!(logs.lines(), ["Bonjour!"; 4]);
        assert_eq!(clock.now(), Duration::from_secs(4));
    }
}
