//! A unikernel that starts and ends; its entry is a function of a type.
#![no_std]

/// Holds the entry.
pub struct Main;

impl Main {
    /// Does nothing.
    pub async fn start() {}
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_ends() {
        uk_device::fake::block_on(super::Main::start());
    }
}
