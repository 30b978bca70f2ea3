//! A unikernel that starts and ends.
#![no_std]

/// Does nothing.
pub async fn start() {}

#[cfg(test)]
mod tests {
    #[test]
    fn it_ends() {
        uk_device::fake::block_on(super::start());
    }
}
