//! Compares the value of `secret` with a constant: the tutorial's key-value store. `--set kv_ro=...` says where the values are.
#![no_std]

use uk_device::{Error, KvRo};

/// What `t/secret` holds.
const SECRET: &[u8] = b"foo\n";

/// Reads and compares.
pub async fn start(kv: impl KvRo) -> uk_device::Result {
    let secret = kv.get("secret").await?;
    if secret.as_ref() != SECRET {
        return Err(Error::new("the secret isn't what it was thought to be"));
    }
    log::info!("Contents of extremely secret vital storage confirmed!");
    Ok(())
}

#[cfg(test)]
mod tests {
    use uk_device::fake::{KvRo, Logs, block_on};

    fn storage(key: &str, value: &str) -> KvRo {
        KvRo::new([(key, value)], |_| [0; 32])
    }

    #[test]
    fn the_secret_is_confirmed() {
        let logs = Logs::capture();
        block_on(super::start(storage("secret", "foo\n"))).expect("it is what it was thought to be");
        assert_eq!(logs.lines(), ["Contents of extremely secret vital storage confirmed!"]);
    }

    #[test]
    fn another_secret_and_none_are_errors() {
        // Its lines aren't for the other tests.
        let _logs = Logs::capture();
        assert!(block_on(super::start(storage("secret", "bar\n"))).is_err());
        let error = block_on(super::start(storage("secrets", "foo\n"))).expect_err("there is none");
        assert_eq!(error.message(), "there is no such key");
    }
}
