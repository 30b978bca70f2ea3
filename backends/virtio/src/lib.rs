//! Guest half of the virtio target: PVH boot, memory, console, timer.
#![no_std]
