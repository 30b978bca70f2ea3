//! Which memory is free.

use core::ops::Range;

use crate::image;
use crate::pvh::Info;

pub const PAGE: usize = 4096;

/// What one level-4 entry maps; memory beyond isn't used.
const LIMIT: usize = 512 << 30;

/// Ranges of free memory, whole pages each, above the image.
pub struct Free {
    ranges: [Range<usize>; 32],
    count: usize,
}

impl Free {
    /// All memory above the image but for what the loader wrote.
    pub fn new(info: Info) -> Self {
        let mut free = Free { ranges: [const { 0..0 }; 32], count: 0 };
        let image = image::all();
        for memory in info.memory() {
            free.add(memory.start.max(image.end)..memory.end.min(LIMIT), &info.own());
        }
        free
    }

    /// Adds a range without its holes.
    fn add(&mut self, range: Range<usize>, holes: &[Range<usize>]) {
        if let [hole, rest @ ..] = holes {
            if hole.start < range.end && range.start < hole.end {
                self.add(range.start..hole.start, rest);
                self.add(hole.end..range.end, rest);
            } else {
                self.add(range, rest);
            }
            return;
        }
        let whole = range.start.next_multiple_of(PAGE)..range.end / PAGE * PAGE;
        // More ranges than there is room for are left unused.
        if whole.start < whole.end && self.count < self.ranges.len() {
            self.ranges[self.count] = whole;
            self.count += 1;
        }
    }

    pub fn ranges(&self) -> &[Range<usize>] {
        &self.ranges[..self.count]
    }

    /// Takes a page, from below 4 GiB, which is mapped from the beginning.
    pub fn page(&mut self) -> Option<usize> {
        let mut low = self.ranges[..self.count].iter_mut();
        let range = low.find(|range| range.start < range.end.min(4 << 30))?;
        range.start += PAGE;
        Some(range.start - PAGE)
    }
}
