//! How much memory is free: whether another action may begin.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// An action's share of memory in bytes: compilers of large crates take about that much.
pub(super) const SHARE: u64 = 1 << 30;

/// What is left of the memory that was free at one moment, since an action that has just begun doesn't show yet.
pub(super) struct Memory {
    look: fn() -> Option<u64>,
    left: Option<u64>,
}

impl Memory {
    pub(super) fn new(look: fn() -> Option<u64>) -> Self {
        Self { look, left: None }
    }

    /// Sets a share aside; `false` when there was less.
    pub(super) fn claim(&mut self) -> bool {
        // What can't be known isn't heeded.
        let left = self.left.get_or_insert_with(|| (self.look)().unwrap_or(u64::MAX));
        let enough = *left >= SHARE;
        *left = left.saturating_sub(SHARE);
        enough
    }
}

/// Bytes that this process and its children could be given without anything being swapped out: of the machine, or of the
/// control groups (version 2) that they are in if these have less.
pub(super) fn free() -> Option<u64> {
    static LIMITED: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let machine = fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.and_then(|text| Some(field(&text, "MemAvailable:")? * 1024));
    let limited = LIMITED.get_or_init(|| {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        limited(Path::new("/sys/fs/cgroup"), &own)
    });
    machine.into_iter().chain(limited.iter().filter_map(|group| free_in(group))).min()
}

/// The folders of the groups that have a limit, of the one that `/proc/self/cgroup` names and those around it.
fn limited(root: &Path, own: &str) -> Vec<PathBuf> {
    let path = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let groups = Path::new(path).ancestors().map(|group| root.join(group));
    groups.filter(|group| number(&group.join("memory.max")).is_some()).collect()
}

fn free_in(group: &Path) -> Option<u64> {
    let (max, used) = (number(&group.join("memory.max"))?, number(&group.join("memory.current"))?);
    // Pages of files count as used, but go when they are in the way.
    let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let files = ["inactive_file", "active_file"].iter().filter_map(|name| field(&stat, name)).sum();
    Some(max.saturating_sub(used.saturating_sub(files)))
}

/// The only number in a file; `None` also for `max`.
fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The number behind `name`, which begins a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let words = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(char::is_whitespace));
    words?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_some() {
        assert!(free().is_some_and(|bytes| bytes > 1 << 20), "{:?}", free());
    }

    #[test]
    fn every_claim_takes_a_share_of_one_reading() {
        let claims = |look| {
            let mut memory = Memory::new(look);
            [memory.claim(), memory.claim(), memory.claim()]
        };
        assert_eq!(claims(|| Some(SHARE - 1)), [false, false, false]);
        assert_eq!(claims(|| Some(2 * SHARE)), [true, true, false]);
        assert_eq!(claims(|| None), [true, true, true]);
    }

    #[test]
    fn a_group_has_what_its_programs_dont_use() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/memory.max", "1000\n");
        write("a/memory.current", "900\n");
        write("a/memory.stat", "anon 500\ninactive_file_x 7\ninactive_file 300\nactive_file 100\n");
        write("a/b/memory.max", "max\n");
        let groups = limited(root.path(), "1:name=systemd:/x\n0::/a/b\n");
        assert_eq!(groups, [root.path().join("a")]);
        assert_eq!(free_in(&groups[0]), Some(500));
        assert_eq!(limited(root.path(), "0::/\n"), Vec::<PathBuf>::new());
    }
}
