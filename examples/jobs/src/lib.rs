//! Two jobs side by side. The unikernel ends when both have, or when one fails, with that one's exit code.
#![no_std]

use uk_device::{Duration, Error, Time};

uk_device::keys!();

/// Counts to ten, ten a second.
pub async fn count(time: impl Time) {
    for number in 1..=10 {
        log::info!("{number}");
        time.sleep(Duration::from_millis(100)).await;
    }
}

/// Ends after half a second, as the key `code` says.
pub async fn end(keys: Keys, time: impl Time) -> uk_device::Result {
    time.sleep(Duration::from_millis(550)).await;
    match keys.code {
        0 => Ok(()),
        code => Err(Error::exit(code, "as the key says")),
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;
    use uk_device::fake::{Clock, Logs, block_on};

    #[test]
    fn it_counts_to_ten() {
        let (clock, logs) = (Clock::running(), Logs::capture());
        block_on(super::count(&clock));
        assert_eq!(logs.lines().last().map(|line| &line[..]), Some("10"));
        assert_eq!(clock.now().as_millis(), 1000);
    }

    #[test]
    fn it_ends_as_the_key_says() {
        let end = |code| block_on(super::end(Keys { code }, Clock::running()));
        end(0).expect("0 is well");
        assert_eq!(end(200).expect_err("others aren't").code(), 200);
    }
}
