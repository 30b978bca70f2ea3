//! The QEMU command line for a `virtio` image.

use std::path::Path;

/// The program, as Debian's package `qemu-system-x86` installs it.
pub const PROGRAM: &str = "qemu-system-x86_64";

/// I/O port of the debug console that carries the guest's exit code and fault report, apart from its serial console.
pub const EXIT_PORT: u16 = 0x5e9;

/// A machine type of QEMU on which the image boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Machine {
    /// `microvm` with ACPI: the quickest to boot.
    #[default]
    Microvm,
    /// `microvm` without ACPI.
    MicrovmNoAcpi,
    /// `q35`, a PC with PCI.
    Q35,
}

impl Machine {
    /// Every machine.
    pub const ALL: [Machine; 3] = [Machine::Microvm, Machine::MicrovmNoAcpi, Machine::Q35];

    /// Its name on the command line of `uk run`.
    pub fn name(self) -> &'static str {
        match self {
            Machine::Microvm => "microvm",
            Machine::MicrovmNoAcpi => "microvm-noacpi",
            Machine::Q35 => "q35",
        }
    }

    fn option(self) -> &'static str {
        match self {
            Machine::Microvm => "microvm,acpi=on",
            Machine::MicrovmNoAcpi => "microvm,acpi=off",
            Machine::Q35 => "q35",
        }
    }
}

/// What executes the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accel {
    /// QEMU's own translator: works everywhere.
    #[default]
    Tcg,
    /// The kernel's KVM.
    Kvm,
}

impl Accel {
    /// Its name, for QEMU and for people.
    pub fn name(self) -> &'static str {
        match self {
            Accel::Tcg => "tcg",
            Accel::Kvm => "kvm",
        }
    }
}

/// A file of the host that a guest is given as a disk.
#[derive(Debug, Clone, Copy)]
pub struct Disk<'a> {
    /// Its serial number.
    pub id: &'a str,
    /// The file.
    pub path: &'a Path,
    /// Whether the file is a disk of the host.
    pub device: bool,
    /// Whether the guest can't write to it.
    pub read_only: bool,
    /// Bytes in a sector.
    pub sector_size: u32,
}

/// A guest to be started.
#[derive(Debug, Clone, Copy)]
pub struct Guest<'a> {
    /// The image.
    pub image: &'a Path,
    /// Its kernel command line, already quoted.
    pub cmdline: &'a str,
    /// The disks that it is given.
    pub disks: &'a [Disk<'a>],
    /// Where the exit code and fault report go.
    pub report: &'a Path,
    /// The machine type.
    pub machine: Machine,
    /// What executes it.
    pub accel: Accel,
    /// Memory in MiB.
    pub memory: u32,
}

/// QEMU's arguments for `guest`, without the program.
pub fn qemu_args(guest: &Guest<'_>) -> Vec<String> {
    let report = suboption(guest.report);
    let mut args: Vec<String> =
        ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"].map(String::from).to_vec();
    let mut option = |name: &str, value: String| args.extend([name.to_owned(), value]);
    option("-machine", guest.machine.option().to_owned());
    option("-accel", guest.accel.name().to_owned());
    // QEMU's default processor, with the source of random numbers that guests need and all hosts have.
    option("-cpu", "qemu64,+rdrand".to_owned());
    option("-m", format!("{}M", guest.memory));
    // Not `-serial stdio`: with a multiplexer, Ctrl-C must end QEMU instead of reaching the guest as a byte.
    option("-chardev", "stdio,id=console,signal=on".to_owned());
    option("-serial", "chardev:console".to_owned());
    option("-chardev", format!("file,id=report,path={report}"));
    option("-device", format!("isa-debugcon,iobase={EXIT_PORT:#x},chardev=report"));
    option("-device", "isa-debug-exit,iobase=0xf4,iosize=0x4".to_owned());
    option("-kernel", guest.image.display().to_string());
    if !guest.cmdline.is_empty() {
        option("-append", guest.cmdline.to_owned());
    }
    if !guest.disks.is_empty() && guest.machine != Machine::Q35 {
        // As the standard has it since version 1.0; QEMU's default is older.
        option("-global", "virtio-mmio.force-legacy=false".to_owned());
    }
    for (number, disk) in guest.disks.iter().enumerate() {
        let Disk { id, sector_size, .. } = disk;
        let driver = if disk.device { "host_device" } else { "file" };
        let read_only = if disk.read_only { "on" } else { "off" };
        option(
            "-blockdev",
            format!(
                "driver=raw,node-name=disk{number},read-only={read_only},discard=unmap,\
                 file.driver={driver},file.filename={}",
                suboption(disk.path)
            ),
        );
        let device = match guest.machine {
            Machine::Microvm | Machine::MicrovmNoAcpi => "virtio-blk-device",
            Machine::Q35 => "virtio-blk-pci,disable-legacy=on",
        };
        let sectors = match sector_size {
            512 => String::new(),
            _ => format!(",logical_block_size={sector_size},physical_block_size={sector_size}"),
        };
        option("-device", format!("{device},drive=disk{number},serial={id}{sectors}"));
    }
    args
}

/// A comma separates QEMU's suboptions; a doubled one stands for itself.
fn suboption(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}
