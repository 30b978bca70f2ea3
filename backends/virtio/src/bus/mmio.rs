//! Devices at fixed addresses.

use alloc::vec::Vec;

use uk_device::keys::words;
use uk_virtio_drivers::Queue;

use crate::{interrupt, start};

/// QEMU's microvm: the first device, the distance to the next, how many there are at most.
const BASE: usize = 0xfeb0_0000;
const STEP: usize = 0x200;
const MOST: u8 = 24;
/// The first line of those devices where there is no second I/O APIC.
const LINE: u8 = 16;

// Registers.
const MAGIC: usize = 0x000;
const VERSION: usize = 0x004;
const DEVICE_TYPE: usize = 0x008;
const FEATURES: usize = 0x010;
const FEATURES_HALF: usize = 0x014;
const DRIVER_FEATURES: usize = 0x020;
const DRIVER_FEATURES_HALF: usize = 0x024;
const QUEUE: usize = 0x030;
const QUEUE_SIZE_MAX: usize = 0x034;
const QUEUE_SIZE: usize = 0x038;
const QUEUE_READY: usize = 0x044;
const NOTIFY: usize = 0x050;
const INTERRUPT_STATUS: usize = 0x060;
const INTERRUPT_ACKNOWLEDGE: usize = 0x064;
const STATUS: usize = 0x070;
const QUEUE_ADDRESSES: [usize; 3] = [0x080, 0x090, 0x0a0];
const GENERATION: usize = 0x0fc;
const CONFIG: usize = 0x100;

/// "virt"
const MAGIC_WORD: u32 = 0x7472_6976;

/// Where a device is, and which line of which interrupt controller is its.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    base: usize,
    line: u8,
    second: bool,
}

/// Devices of a type.
pub fn devices(device_type: u32) -> impl Iterator<Item = super::Place> {
    let mut places = listed();
    if places.is_empty() {
        let second = interrupt::has_second();
        places.extend((0..MOST).map(|number| Place {
            base: BASE + usize::from(number) * STEP,
            line: if second { number } else { LINE + number },
            second,
        }));
    }
    let places = places.into_iter().filter(move |place| {
        let registers = Registers { base: place.base, interrupts: false };
        registers.read(MAGIC) == MAGIC_WORD && registers.read(DEVICE_TYPE) == device_type
    });
    places.map(super::Place::Mmio)
}

/// The devices that the command line lists: `virtio_mmio.device=SIZE@ADDRESS:LINE`, perhaps with a number after it.
fn listed() -> Vec<Place> {
    let line = core::str::from_utf8(start::command_line()).unwrap_or_default();
    let words = words::foreign(line).unwrap_or_default();
    words.iter().filter_map(|word| place(word.strip_prefix("virtio_mmio.device=")?)).collect()
}

fn place(text: &str) -> Option<Place> {
    let (_, rest) = text.split_once('@')?;
    let mut parts = rest.split(':');
    let (base, line) = (parts.next()?, parts.next()?);
    let base = match base.strip_prefix("0x") {
        Some(digits) => usize::from_str_radix(digits, 16).ok()?,
        None => base.parse().ok()?,
    };
    // Registers are below 4 GiB, where everything that isn't memory is mapped as a device.
    (base.is_multiple_of(4) && base < 0xffff_f000).then_some(Place {
        base,
        line: line.parse().ok()?,
        second: false,
    })
}

#[derive(Debug)]
pub struct Registers {
    base: usize,
    interrupts: bool,
}

impl Registers {
    /// `None` for a device of before virtio 1.0.
    pub fn open(place: Place) -> Option<Self> {
        let mut registers = Registers { base: place.base, interrupts: false };
        if registers.read(VERSION) != 2 {
            return None;
        }
        registers.interrupts = match place.second {
            true => interrupt::route_second(place.line),
            false => interrupt::route(place.line),
        };
        Some(registers)
    }

    fn read(&self, register: usize) -> u32 {
        // SAFETY: `paging` maps what isn't memory as a device, below 4 GiB; reading where nothing is does nothing.
        unsafe { ((self.base + register) as *const u32).read_volatile() }
    }

    fn write(&self, register: usize, value: u32) {
        // SAFETY: as above. The memory that the device gets to know so is for `set_queue`'s caller to keep.
        unsafe { ((self.base + register) as *mut u32).write_volatile(value) }
    }

    pub fn features(&self) -> u64 {
        let half = |number: u32| {
            self.write(FEATURES_HALF, number);
            u64::from(self.read(FEATURES))
        };
        half(0) | half(1) << 32
    }

    pub fn set_features(&self, features: u64) {
        for (number, half) in [(0, features as u32), (1, (features >> 32) as u32)] {
            self.write(DRIVER_FEATURES_HALF, number);
            self.write(DRIVER_FEATURES, half);
        }
    }

    pub fn status(&self) -> u8 {
        self.read(STATUS) as u8
    }

    pub fn set_status(&self, status: u8) {
        self.write(STATUS, status.into());
    }

    pub fn generation(&self) -> u32 {
        self.read(GENERATION)
    }

    pub fn config(&self, offset: usize) -> u8 {
        // SAFETY: as in `read`.
        unsafe { ((self.base + CONFIG + offset) as *const u8).read_volatile() }
    }

    pub fn queue_size(&self, number: u16) -> u16 {
        self.write(QUEUE, number.into());
        self.read(QUEUE_SIZE_MAX).min(32_768) as u16
    }

    /// # Safety
    /// The queue must live until the device is reset.
    pub unsafe fn set_queue(&mut self, number: u16, queue: &Queue) {
        self.write(QUEUE, number.into());
        self.write(QUEUE_SIZE, queue.size().into());
        for (register, address) in QUEUE_ADDRESSES.into_iter().zip(queue.addresses()) {
            self.write(register, address as u32);
            self.write(register + 4, (address >> 32) as u32);
        }
        self.write(QUEUE_READY, 1);
    }

    pub fn notify(&self, number: u16) {
        self.write(NOTIFY, number.into());
    }

    pub fn interrupts(&self) -> bool {
        self.interrupts
    }

    pub fn acknowledge(&self) {
        let status = self.read(INTERRUPT_STATUS);
        if status != 0 {
            self.write(INTERRUPT_ACKNOWLEDGE, status);
        }
    }
}
