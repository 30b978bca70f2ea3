//! How a driver reaches a device.

use core::future::Future;

use crate::Queue;

/// The feature of every device since version 1.0 of the standard.
pub const VERSION_1: u64 = 1 << 32;
/// The feature of saying at which buffer the other side wants to be told.
pub const EVENT_INDEX: u64 = 1 << 29;

/// A device on a bus. Dropping it resets the device, which then touches no memory any more.
pub trait Transport {
    /// Resets the device, says that there is a driver, and asks for its features.
    fn begin(&mut self) -> u64;

    /// Settles for `features`, which are some of the device's. False if the device doesn't agree.
    fn accept(&mut self, features: u64) -> bool;

    /// Reads from the device's configuration, all at one moment.
    fn config(&self, offset: usize, bytes: &mut [u8]);

    /// How many buffers the queue of this number has room for at most; 0 if there is none.
    fn queue_size(&mut self, number: u16) -> u16;

    /// Gives the device a queue.
    ///
    /// # Safety
    /// The queue must live until the device is reset.
    unsafe fn set_queue(&mut self, number: u16, queue: &Queue);

    /// The device may begin.
    fn ready(&mut self);

    /// Tells the device that there are new buffers in a queue.
    fn notify(&self, number: u16);

    /// Whether the device interrupts; else it must be looked at over and over.
    fn interrupts(&self) -> bool;

    /// Takes note of an interrupt, so that the next one comes.
    fn acknowledge(&self);

    /// Waits for an interrupt of any device: look at the device first, then wait, then look again.
    fn interrupt(&self) -> impl Future<Output = ()> + 'static;

    /// Resets the device. False if it doesn't obey, and so may still touch memory.
    fn reset(&mut self) -> bool;
}
