//! Logs the words of its command line, one a line.
#![no_std]

extern crate alloc;

use uk_device::Args;

uk_device::keys!();

/// Logs.
pub async fn start(keys: Keys, args: impl Args) {
    for word in args.words() {
        if keys.upper {
            log::info!("{}", word.to_ascii_uppercase());
        } else {
            log::info!("{word}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;
    use uk_device::fake::{Args, Logs, block_on};

    #[test]
    fn it_logs_each_word() {
        let logs = Logs::capture();
        block_on(super::start(Keys { upper: false }, Args::new(["one", "two words"])));
        block_on(super::start(Keys { upper: true }, Args::new(["three"])));
        assert_eq!(logs.lines(), ["one", "two words", "THREE"]);
    }
}
