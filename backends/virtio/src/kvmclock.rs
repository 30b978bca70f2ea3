//! KVM's clock: the hypervisor says how the time stamp becomes nanoseconds.
//!
//! The layout is that of the kernel's arch/x86/include/asm/pvclock-abi.h.

/// `pvclock_vcpu_time_info`; `version` is odd while the hypervisor writes.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
pub struct Time {
    pub version: u32,
    pub reserved: u32,
    /// The time stamp at `system_time`.
    pub stamp: u64,
    /// Nanoseconds.
    pub system_time: u64,
    /// Nanoseconds for a tick of the time stamp shifted by `shift`, times 2^32.
    pub multiplier: u32,
    pub shift: i8,
    pub flags: u8,
    pub reserved_too: [u8; 2],
}

/// `pvclock_wall_clock`: the time of day at `system_time` 0.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Wall {
    pub version: u32,
    pub seconds: u32,
    pub nanoseconds: u32,
}

impl Time {
    pub const ZERO: Time = Time {
        version: 0,
        reserved: 0,
        stamp: 0,
        system_time: 0,
        multiplier: 0,
        shift: 0,
        flags: 0,
        reserved_too: [0; 2],
    };

    /// The nanoseconds at a time stamp.
    pub fn at(&self, stamp: u64) -> u64 {
        let ticks = u128::from(stamp.saturating_sub(self.stamp));
        let ticks = if self.shift >= 0 { ticks << self.shift } else { ticks >> -self.shift };
        self.system_time + ((ticks * u128::from(self.multiplier)) >> 32) as u64
    }
}
