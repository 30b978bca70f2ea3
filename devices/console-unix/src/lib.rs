//! The console of the unix target: standard input and output.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used)]
#![warn(missing_docs)]

use std::fs::File;
use std::io::{self, ErrorKind, Read, stdin, stdout};
use std::os::fd::AsFd;

use uk_device::backend::chunk;
use uk_device::{Console, ConsoleError};
use uk_unix::fd::{readable, writable};

/// The device `standard-streams`.
#[derive(Debug)]
pub struct Streams {
    /// Standard input without a buffer.
    input: File,
}

/// Connects the device.
///
/// # Errors
/// If the process has no more file descriptors.
pub async fn connect() -> uk_device::Result<Streams> {
    Ok(Streams { input: File::from(stdin().as_fd().try_clone_to_owned()?) })
}

impl Console for Streams {
    async fn read(&self, buffer: &mut [u8]) -> uk_device::Result<usize, ConsoleError> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            readable(&self.input).await;
            match (&self.input).read(buffer) {
                // Whoever else reads the same terminal or pipe was faster.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result.map_err(console_error),
            }
        }
    }

    async fn write(&self, mut bytes: &[u8]) -> uk_device::Result<(), ConsoleError> {
        while !bytes.is_empty() {
            writable(&stdout()).await;
            let (now, later) = bytes.split_at(chunk(bytes));
            uk_unix::write(now).map_err(console_error)?;
            bytes = later;
        }
        Ok(())
    }
}

fn console_error(error: io::Error) -> ConsoleError {
    match error.kind() {
        ErrorKind::BrokenPipe => ConsoleError::Closed,
        _ => ConsoleError::Failed(error.raw_os_error().unwrap_or(0)),
    }
}
