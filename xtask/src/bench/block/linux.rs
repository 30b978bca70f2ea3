//! The Linux guest: Debian's kernel, and an initramfs with one static program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{self, repository};

/// The package that depends on the newest kernel for virtual machines.
const PACKAGE: &str = "linux-image-cloud-amd64";
/// What the program loads, in this order.
const MODULES: [&str; 7] = [
    "virtio_ring",
    "virtio",
    "virtio_mmio",
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "virtio_pci",
    "virtio_blk",
];

/// The command that runs a Linux guest on the machine and the disk of `ours`.
pub(super) fn command(folder: &Path, ours: &[String]) -> Result<Vec<String>, String> {
    let tree = kernel(folder)?;
    let kernel = find(&tree.join("boot"), |name| name.starts_with("vmlinuz"))?;
    let initramfs = folder.join("initramfs");
    fs::write(&initramfs, self::initramfs(folder, &tree)?).map_err(|error| error.to_string())?;
    let mut words = Vec::new();
    let mut ours = ours.iter();
    while let Some(word) = ours.next() {
        words.push(word.clone());
        if word == "-kernel" {
            ours.next();
            words.push(kernel.display().to_string());
        }
    }
    words.extend(["-initrd".to_owned(), initramfs.display().to_string()]);
    // A microvm has no clock to measure the time stamp by; reboot=t ends QEMU.
    let line = format!(
        "console=ttyS0 quiet loglevel=1 tsc_early_khz={} tsc=reliable no_timer_check reboot=t panic=-1 mib={}",
        khz()?,
        super::MIB
    );
    words.extend(["-append".to_owned(), line]);
    Ok(words)
}

/// Ticks of the processor's time stamp in a millisecond.
fn khz() -> Result<u64, String> {
    let text = fs::read_to_string("/proc/cpuinfo").map_err(|error| error.to_string())?;
    let line = text.lines().find(|line| line.starts_with("cpu MHz"));
    let mhz = line.and_then(|line| line.split(':').nth(1)).and_then(|mhz| mhz.trim().parse::<f64>().ok());
    Ok((mhz.ok_or("/proc/cpuinfo names no frequency")? * 1e3) as u64)
}

/// Debian's kernel package, fetched and unpacked.
fn kernel(folder: &Path) -> Result<PathBuf, String> {
    let depends = step::output(Command::new("apt-cache").args(["depends", PACKAGE]))?;
    let package = depends.lines().find_map(|line| line.trim().strip_prefix("Depends: linux-image-"));
    let package = format!("linux-image-{}", package.ok_or_else(|| format!("apt knows no {PACKAGE}"))?.trim());
    step::output(Command::new("apt-get").args(["download", &package]).current_dir(folder))?;
    let file = find(folder, |name| name.ends_with(".deb"))?;
    let tree = folder.join("linux");
    step::output(Command::new("dpkg").arg("-x").arg(file).arg(&tree))?;
    Ok(tree)
}

/// The first file below `folder` whose name fits.
fn find(folder: &Path, fits: impl Fn(&str) -> bool + Copy) -> Result<PathBuf, String> {
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).map_err(|error| format!("{}: {error}", next.display()))? {
            let entry = entry.map_err(|error| error.to_string())?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            } else if fits(&entry.file_name().to_string_lossy()) {
                return Ok(entry.path());
            }
        }
    }
    Err(format!("nothing of the kind is in {}", folder.display()))
}

/// The initramfs: the program as `/init`, the modules, and a console.
fn initramfs(folder: &Path, tree: &Path) -> Result<Vec<u8>, String> {
    let program = folder.join("init");
    let source = repository().join("xtask/guests/linux/init.c");
    step::output(Command::new("cc").args(["-O2", "-static", "-s", "-o"]).arg(&program).arg(source))?;
    let mut archive = Vec::new();
    entry(&mut archive, "dev", 0o40_755, (0, 0), &[]);
    entry(&mut archive, "dev/console", 0o20_600, (5, 1), &[]);
    entry(&mut archive, "modules", 0o40_755, (0, 0), &[]);
    let read = |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    entry(&mut archive, "init", 0o100_755, (0, 0), &read(&program)?);
    for module in MODULES {
        // What a kernel has built in is no file.
        let name = format!("{module}.ko");
        if let Ok(path) = find(&tree.join("lib"), |found| found == name) {
            entry(&mut archive, &format!("modules/{name}"), 0o100_644, (0, 0), &read(&path)?);
        }
    }
    entry(&mut archive, "TRAILER!!!", 0, (0, 0), &[]);
    Ok(archive)
}

/// An entry of a cpio archive in its `newc` form: a head of hexadecimal numbers, the name, the content.
fn entry(archive: &mut Vec<u8>, name: &str, mode: u32, device: (u32, u32), content: &[u8]) {
    let pad = |archive: &mut Vec<u8>| archive.resize(archive.len().next_multiple_of(4), 0);
    archive.extend(b"070701");
    let (size, length) = (content.len() as u32, name.len() as u32 + 1);
    for number in [1, mode, 0, 0, 1, 0, size, 0, 0, device.0, device.1, length, 0] {
        archive.extend(format!("{number:08X}").bytes());
    }
    archive.extend(name.bytes());
    archive.push(0);
    pad(archive);
    archive.extend(content);
    pad(archive);
}
