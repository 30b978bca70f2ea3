//! A unikernel that starts and ends.
#![no_std]

/// Does nothing.
pub async fn start() {}

#[cfg(test)]
mod tests {
    #[test]
    fn it_ends_well() {
        let outcome = uk_device::finish(uk_device::fake::block_on(super::start()));
        assert!(outcome.is_ok());
    }
}
