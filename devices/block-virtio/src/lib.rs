//! The device `block-of-file` of the virtio target: the disk that the monitor gives the guest, on MMIO or PCI. The driver is in
//! `uk_virtio_drivers`; README.md has figures.
//!
//! As with the backend, boot tests try this, and a test build is empty.
#![cfg(not(test))]
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used)]
#![warn(missing_docs)]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use uk_device::{Attachment, Block, Error};
use uk_virtio::bus;
use uk_virtio_drivers::block::{DEVICE_TYPE, Disk};

/// Connects the device: the disk whose serial number is `attachment.id`, wherever the monitor puts it.
///
/// # Errors
/// If no disk has that number, its sectors are bigger than `sector_size`, or it can't be written and the manifest wants that.
pub async fn connect(
    _file: &'static str,
    read_only: bool,
    sector_size: u32,
    attachment: Attachment,
) -> uk_device::Result<impl Block> {
    let name = attachment.name;
    let mut others: Vec<String> = Vec::new();
    for device in bus::devices(DEVICE_TYPE).into_iter().filter_map(bus::Found::open) {
        let disk = Disk::start(device, sector_size);
        let id = match &disk {
            Ok(disk) => disk.id().await?,
            // Perhaps it isn't this one.
            Err(error) => format!("({error})"),
        };
        match disk {
            Ok(disk) if id == attachment.id => {
                if disk.geometry().read_only && !read_only {
                    return Err(Error::new(format_args!(
                        "the disk `{name}` can only be read: give the device `read-only=#true`, or the guest a disk that can be written"
                    )));
                }
                return Ok(if read_only { disk.read_only() } else { disk });
            }
            _ => others.push(format!("`{id}`")),
        }
    }
    let others = if others.is_empty() { "none".into() } else { others.join(", ") };
    Err(Error::new(format_args!(
        "the machine has no disk `{name}`: none with the serial number `{}`; there are: {others}",
        attachment.id
    )))
}
