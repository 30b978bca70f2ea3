//! The console of the virtio target: the first serial port.
//!
//! As with the backend, boot tests try this, and a test build is empty.
#![cfg(not(test))]
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used)]
#![warn(missing_docs)]

use uk_device::backend::chunk;
use uk_device::{Console, ConsoleError, Error};
use uk_virtio::{interrupt, serial};

/// How long to wait for a host that takes nothing.
const PAUSE_NANOSECONDS: u64 = 1_000_000;

/// The device `serial-port`.
#[derive(Debug)]
pub struct Port(());

/// Connects the device.
///
/// # Errors
/// If the machine has no serial port, or no interrupt controller for it.
pub async fn connect() -> uk_device::Result<Port> {
    if !serial::is_present() {
        return Err(Error::new("the machine has no serial port for the console"));
    }
    if !serial::listen() {
        return Err(Error::new("the machine has no I/O APIC for the console's interrupts"));
    }
    Ok(Port(()))
}

impl Console for Port {
    async fn read(&self, buffer: &mut [u8]) -> uk_device::Result<usize, ConsoleError> {
        loop {
            let count = serial::read(buffer);
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            interrupt::next().await;
        }
    }

    async fn write(&self, mut bytes: &[u8]) -> uk_device::Result<(), ConsoleError> {
        while !bytes.is_empty() {
            while !serial::is_ready() {
                uk_executor::sleep_until(uk_executor::now() + PAUSE_NANOSECONDS).await;
            }
            let (now, later) = bytes.split_at(chunk(bytes));
            serial::write(now);
            bytes = later;
            uk_executor::yield_now().await;
        }
        Ok(())
    }
}
