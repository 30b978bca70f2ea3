//! What is made of a folder, read by the devices that it is for.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod it {
    mod common;
    mod damage;
    mod devices;
    mod folders;
}
