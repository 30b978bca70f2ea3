//! What the loader says: PVH's start information.

use core::ops::Range;

/// `hvm_start_info` of Xen's public/arch-x86/hvm/start_info.h, version 1.
#[repr(C)]
struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    module_count: u32,
    modules: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_entries: u32,
    reserved: u32,
}

/// An entry of the memory map.
#[repr(C)]
struct Entry {
    address: u64,
    size: u64,
    kind: u32,
    reserved: u32,
}

const MAGIC: u32 = 0x336e_c578;
/// The kind of an entry that is memory.
const RAM: u32 = 1;

/// The start information; it may be read while its memory isn't given to the heap.
#[derive(Clone, Copy)]
pub struct Info(&'static StartInfo);

impl Info {
    /// # Safety
    /// `address` must be what the loader gave, and paging must be identical there.
    pub unsafe fn new(address: usize) -> Option<Info> {
        let pointer = address as *const StartInfo;
        // SAFETY: the loader points to start information, if to anything; the magic number says whether it does.
        let info = unsafe { (!pointer.is_null() && pointer.is_aligned()).then(|| &*pointer)? };
        (info.magic == MAGIC && info.version >= 1).then_some(Info(info))
    }

    fn entries(self) -> &'static [Entry] {
        let entries = self.0.memory_map as *const Entry;
        if entries.is_null() || !entries.is_aligned() {
            return &[];
        }
        // SAFETY: the loader's word, as for all of the start information.
        unsafe { core::slice::from_raw_parts(entries, self.0.memory_map_entries as usize) }
    }

    /// The ranges of memory.
    pub fn memory(self) -> impl Iterator<Item = Range<usize>> {
        let ram = self.entries().iter().filter(|entry| entry.kind == RAM);
        ram.map(|entry| entry.address as usize..entry.address.saturating_add(entry.size) as usize)
    }

    /// The command line, without the NUL at its end.
    pub fn command_line(self) -> &'static [u8] {
        let start = self.0.command_line as *const u8;
        if start.is_null() {
            return &[];
        }
        let mut length = 0;
        // SAFETY: the loader's word: a text that ends with a NUL.
        unsafe {
            while *start.add(length) != 0 {
                length += 1;
            }
            core::slice::from_raw_parts(start, length)
        }
    }

    /// What the loader wrote, and nobody else may.
    pub fn own(self) -> [Range<usize>; 3] {
        let line = self.command_line().as_ptr_range();
        [
            (&raw const *self.0).addr()..(&raw const *self.0).addr() + size_of::<StartInfo>(),
            self.entries().as_ptr_range().start.addr()..self.entries().as_ptr_range().end.addr(),
            line.start.addr()..line.end.addr() + 1,
        ]
    }
}
