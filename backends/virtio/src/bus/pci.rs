//! Devices on PCI, reached by its ports; the firmware has given them their addresses.

use alloc::vec;
use alloc::vec::Vec;

use uk_virtio_drivers::Queue;

use crate::cpu::{in32, out32};
use crate::interrupt;

/// The ports of the configuration space.
const ADDRESS: u16 = 0xcf8;
const DATA: u16 = 0xcfc;

const VENDOR: u32 = 0x1af4;
/// The first of virtio's device numbers since version 1.0, and of those before.
const MODERN: u32 = 0x1040;
const TRANSITIONAL: u32 = 0x1000;

// The configuration space.
const COMMAND: u8 = 0x04;
const HEADER: u8 = 0x0c;
const BARS: u8 = 0x10;
const BUSES: u8 = 0x18;
const SUBSYSTEM: u8 = 0x2c;
const CAPABILITIES: u8 = 0x34;

// Bits of the command: memory, the device's own accesses to memory, no interrupts but messages.
const MEMORY: u32 = 1 << 1;
const MASTER: u32 = 1 << 2;
const NO_LINE: u32 = 1 << 10;

const VENDOR_SPECIFIC: u32 = 0x09;
const MSI_X: u32 = 0x11;
/// No message.
const NO_VECTOR: u16 = 0xffff;

/// A function of a device on a bus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    bus: u8,
    device: u8,
    function: u8,
}

impl Place {
    fn select(self, register: u8) {
        let place = u32::from(self.bus) << 16 | u32::from(self.device) << 11 | u32::from(self.function) << 8;
        out32(ADDRESS, 1 << 31 | place | u32::from(register & !3));
    }

    fn read(self, register: u8) -> u32 {
        self.select(register);
        in32(DATA)
    }

    fn write(self, register: u8, value: u32) {
        self.select(register);
        out32(DATA, value);
    }

    fn is_there(self) -> bool {
        !matches!(self.read(0), 0 | u32::MAX)
    }

    fn device_type(self) -> Option<u32> {
        let id = self.read(0);
        match id >> 16 {
            _ if id & 0xffff != VENDOR => None,
            number @ MODERN..=0x107f => Some(number - MODERN),
            TRANSITIONAL..MODERN => Some(self.read(SUBSYSTEM) >> 16),
            _ => None,
        }
    }

    /// The capabilities: their place and first word. A list that goes in a circle ends.
    fn capabilities(self) -> impl Iterator<Item = (u8, u32)> {
        let mut next = self.read(CAPABILITIES) as u8 & !3;
        let mut left = 48;
        core::iter::from_fn(move || {
            left -= 1;
            if next < 0x40 || left < 0 {
                return None;
            }
            let (at, word) = (next, self.read(next));
            next = (word >> 8) as u8 & !3;
            Some((at, word))
        })
    }

    /// Where `length` bytes from `offset` of a range of addresses are, if they are mapped.
    fn address(self, bar: u8, offset: u32, length: u32) -> Option<usize> {
        if bar > 5 {
            return None;
        }
        let low = self.read(BARS + 4 * bar);
        // Ports, not memory.
        if low & 1 != 0 {
            return None;
        }
        let high = if low & 6 == 4 && bar < 5 { self.read(BARS + 4 * bar + 4) } else { 0 };
        let start = u64::from(low & !15) | u64::from(high) << 32;
        let end = start.checked_add(u64::from(offset))?.checked_add(u64::from(length))?;
        // `paging` maps what isn't memory as a device below 4 GiB.
        (start != 0 && end <= 1 << 32).then_some(start as usize + offset as usize)
    }
}

/// Whether the machine has PCI.
pub fn is_there() -> bool {
    Place { bus: 0, device: 0, function: 0 }.is_there()
}

/// Devices of a type, on all buses.
pub fn devices(device_type: u32) -> Vec<super::Place> {
    let mut found = Vec::new();
    let mut buses = vec![0];
    let mut next = 0;
    while let Some(&bus) = buses.get(next).filter(|_| is_there()) {
        next += 1;
        for device in 0..32 {
            let first = Place { bus, device, function: 0 };
            if !first.is_there() {
                continue;
            }
            let several = first.read(HEADER) >> 16 & 0x80 != 0;
            for function in 0..if several { 8 } else { 1 } {
                let place = Place { function, ..first };
                if !place.is_there() {
                    continue;
                }
                if place.device_type() == Some(device_type) {
                    found.push(super::Place::Pci(place));
                }
                // A bridge, and the bus behind it.
                let behind = (place.read(BUSES) >> 8) as u8;
                if place.read(HEADER) >> 16 & 0x7f == 1 && !buses.contains(&behind) {
                    buses.push(behind);
                }
            }
        }
    }
    found
}

#[derive(Debug)]
pub struct Registers {
    common: usize,
    config: usize,
    notify: usize,
    /// The distance of the notification registers of two queues.
    multiplier: u32,
    /// Where the queue is notified that was set last.
    doorbell: usize,
    interrupts: bool,
}

// Registers of the common configuration.
const FEATURES_HALF: usize = 0;
const FEATURES: usize = 4;
const DRIVER_FEATURES_HALF: usize = 8;
const DRIVER_FEATURES: usize = 12;
const CONFIG_VECTOR: usize = 16;
const STATUS: usize = 20;
const GENERATION: usize = 21;
const QUEUE: usize = 22;
const QUEUE_SIZE: usize = 24;
const QUEUE_VECTOR: usize = 26;
const QUEUE_ENABLE: usize = 28;
const QUEUE_NOTIFY: usize = 30;
const QUEUE_ADDRESSES: [usize; 3] = [32, 40, 48];
const COMMON_SIZE: u32 = 56;
/// What is read of a device's own configuration, at most.
const CONFIG_SIZE: u32 = 60;

impl Registers {
    /// `None` for a device without the registers of virtio 1.0.
    pub fn open(place: Place) -> Option<Self> {
        let (mut common, mut config, mut notify, mut table) = (None, None, None, None);
        let command = place.read(COMMAND) & 0xffff;
        place.write(COMMAND, command | MEMORY | MASTER | NO_LINE);
        for (at, word) in place.capabilities() {
            match (word & 0xff, word >> 24) {
                (VENDOR_SPECIFIC, kind) => {
                    let bar = place.read(at + 4) as u8;
                    let (offset, length) = (place.read(at + 8), place.read(at + 12));
                    let address = |wanted: u32| place.address(bar, offset, length.min(wanted));
                    match kind {
                        1 if length >= COMMON_SIZE => common = common.or(address(COMMON_SIZE)),
                        2 => {
                            let multiplier = place.read(at + 16);
                            notify = notify.or(address(length).map(|start| (start, multiplier)));
                        }
                        4 => config = config.or(address(CONFIG_SIZE)),
                        _ => {}
                    }
                }
                (MSI_X, _) => table = Some((at, word)),
                _ => {}
            }
        }
        let (notify, multiplier) = notify?;
        let interrupts = table.is_some_and(|(at, word)| send_messages(place, at, word));
        let (common, config) = (common?, config?);
        Some(Registers { common, config, notify, multiplier, doorbell: notify, interrupts })
    }

    fn read<V>(&self, register: usize) -> V {
        // SAFETY: the registers are in a range that the device owns, which `address` looked at.
        unsafe { ((self.common + register) as *const V).read_volatile() }
    }

    fn write<V>(&self, register: usize, value: V) {
        // SAFETY: as above. The memory that the device gets to know so is for `set_queue`'s caller to keep.
        unsafe { ((self.common + register) as *mut V).write_volatile(value) }
    }

    pub fn features(&self) -> u64 {
        let half = |number: u32| {
            self.write(FEATURES_HALF, number);
            u64::from(self.read::<u32>(FEATURES))
        };
        half(0) | half(1) << 32
    }

    pub fn set_features(&self, features: u64) {
        for (number, half) in [(0_u32, features as u32), (1, (features >> 32) as u32)] {
            self.write(DRIVER_FEATURES_HALF, number);
            self.write(DRIVER_FEATURES, half);
        }
    }

    pub fn status(&self) -> u8 {
        self.read(STATUS)
    }

    pub fn set_status(&self, status: u8) {
        self.write(STATUS, status);
    }

    pub fn generation(&self) -> u32 {
        self.read::<u8>(GENERATION).into()
    }

    pub fn config(&self, offset: usize) -> u8 {
        // SAFETY: as in `read`; drivers read what the standard says is there.
        unsafe { ((self.config + offset) as *const u8).read_volatile() }
    }

    pub fn queue_size(&self, number: u16) -> u16 {
        self.write(QUEUE, number);
        self.read(QUEUE_SIZE)
    }

    /// # Safety
    /// The queue must live until the device is reset.
    pub unsafe fn set_queue(&mut self, number: u16, queue: &Queue) {
        self.write(QUEUE, number);
        self.write(QUEUE_SIZE, queue.size());
        for (register, address) in QUEUE_ADDRESSES.into_iter().zip(queue.addresses()) {
            self.write(register, address as u32);
            self.write(register + 4, (address >> 32) as u32);
        }
        self.write(CONFIG_VECTOR, NO_VECTOR);
        if self.interrupts {
            self.write(QUEUE_VECTOR, 0_u16);
            // A device without room for it says so.
            self.interrupts = self.read::<u16>(QUEUE_VECTOR) == 0;
        }
        let number: u16 = self.read(QUEUE_NOTIFY);
        self.doorbell = self.notify + usize::from(number) * self.multiplier as usize;
        self.write(QUEUE_ENABLE, 1_u16);
    }

    pub fn notify(&self, number: u16) {
        // SAFETY: as in `read`.
        unsafe { (self.doorbell as *mut u16).write_volatile(number) }
    }

    pub fn interrupts(&self) -> bool {
        self.interrupts
    }

    /// Messages want no thanks.
    pub fn acknowledge(&self) {}
}

/// Lets the device send its first interrupt as a message to this processor. False if its table isn't mapped.
fn send_messages(place: Place, at: u8, word: u32) -> bool {
    let table = place.read(at + 4);
    let Some(entry) = place.address(table as u8 & 7, table & !7, 16) else { return false };
    let (address, data) = interrupt::message();
    for (number, value) in [(0, address as u32), (1, (address >> 32) as u32), (2, data), (3, 0)] {
        // SAFETY: the entry is in a range that the device owns, which `address` looked at.
        unsafe { (entry as *mut u32).add(number).write_volatile(value) };
    }
    // On, and not masked as a whole.
    place.write(at, word & !(1 << 30) | 1 << 31);
    true
}
