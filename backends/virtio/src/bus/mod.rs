//! Virtio devices: on PCI, or at fixed addresses (MMIO).
//!
//! Monitors without PCI put them where the kernel command line says (`virtio_mmio.device=512@0xfeb00000:5`), or, QEMU's microvm
//! with ACPI, one beside the other from a known address on.

mod mmio;
mod pci;

use alloc::vec::Vec;
use core::future::Future;

use uk_virtio_drivers::{Queue, Transport};

use crate::interrupt;
use crate::single::Single;

/// A device that nobody drives.
#[derive(Clone, Copy, Debug)]
pub struct Found(Place);

/// Where a device is: what tells it from the others.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Mmio(mmio::Place),
    Pci(pci::Place),
}

/// The devices that are driven.
static TAKEN: Single<Vec<Place>> = Single::new(Vec::new());

/// Runs `touch` on the devices that are driven.
fn taken<R>(touch: impl FnOnce(&mut Vec<Place>) -> R) -> R {
    // SAFETY: the closures of this module come back to nothing.
    unsafe { TAKEN.with(touch) }
}

/// The devices of a type (2 is a disk) that nobody drives.
pub fn devices(device_type: u32) -> Vec<Found> {
    let mut places = pci::devices(device_type);
    if !pci::is_there() {
        places.extend(mmio::devices(device_type));
    }
    places.retain(|place| taken(|taken| !taken.contains(place)));
    places.into_iter().map(Found).collect()
}

/// A device that somebody drives, until this is dropped.
#[derive(Debug)]
pub struct Device {
    place: Place,
    registers: Registers,
}

#[derive(Debug)]
enum Registers {
    Mmio(mmio::Registers),
    Pci(pci::Registers),
}

impl Found {
    /// Takes the device. `None` if it isn't one of virtio 1.0 or later, or somebody else has taken it meanwhile.
    pub fn open(self) -> Option<Device> {
        if taken(|taken| taken.contains(&self.0)) {
            return None;
        }
        let registers = match self.0 {
            Place::Mmio(place) => Registers::Mmio(mmio::Registers::open(place)?),
            Place::Pci(place) => Registers::Pci(pci::Registers::open(place)?),
        };
        taken(|taken| taken.push(self.0));
        Some(Device { place: self.0, registers })
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // A device that doesn't obey may still touch memory: nobody gets it again.
        if self.reset() {
            taken(|taken| taken.retain(|place| *place != self.place));
        }
    }
}

/// Calls a function of both kinds of registers.
macro_rules! either {
    ($registers:expr, $bound:ident => $call:expr) => {
        match $registers {
            Registers::Mmio($bound) => $call,
            Registers::Pci($bound) => $call,
        }
    };
}

/// Bits of a device's status.
const ACKNOWLEDGE: u8 = 1;
const DRIVER: u8 = 2;
const DRIVER_OK: u8 = 4;
const FEATURES_OK: u8 = 8;

impl Transport for Device {
    fn begin(&mut self) -> u64 {
        self.reset();
        either!(&self.registers, registers => {
            registers.set_status(ACKNOWLEDGE);
            registers.set_status(ACKNOWLEDGE | DRIVER);
            registers.features()
        })
    }

    fn accept(&mut self, features: u64) -> bool {
        either!(&self.registers, registers => {
            registers.set_features(features);
            registers.set_status(ACKNOWLEDGE | DRIVER | FEATURES_OK);
            registers.status() & FEATURES_OK != 0
        })
    }

    fn config(&self, offset: usize, bytes: &mut [u8]) {
        either!(&self.registers, registers => {
            // What changes while it is read is read again.
            loop {
                let generation = registers.generation();
                for (number, byte) in bytes.iter_mut().enumerate() {
                    *byte = registers.config(offset + number);
                }
                if registers.generation() == generation {
                    return;
                }
            }
        });
    }

    fn queue_size(&mut self, number: u16) -> u16 {
        either!(&self.registers, registers => registers.queue_size(number))
    }

    unsafe fn set_queue(&mut self, number: u16, queue: &Queue) {
        // SAFETY: the caller's.
        either!(&mut self.registers, registers => unsafe { registers.set_queue(number, queue) });
    }

    fn ready(&mut self) {
        either!(&self.registers, registers => {
            registers.set_status(ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
        });
    }

    fn notify(&self, number: u16) {
        either!(&self.registers, registers => registers.notify(number));
    }

    fn interrupts(&self) -> bool {
        either!(&self.registers, registers => registers.interrupts())
    }

    fn acknowledge(&self) {
        either!(&self.registers, registers => registers.acknowledge());
    }

    fn interrupt(&self) -> impl Future<Output = ()> + 'static {
        interrupt::next()
    }

    fn reset(&mut self) -> bool {
        /// A device is quick to obey; one that isn't by then never is.
        const TRIES: u32 = 1_000_000;
        either!(&self.registers, registers => {
            registers.set_status(0);
            (0..TRIES).any(|_| registers.status() == 0)
        })
    }
}
