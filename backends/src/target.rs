//! Where a unikernel can run.

use std::fmt;
use std::str::FromStr;

/// A target: where a unikernel runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A native executable on the host's own system; `macosx` is its name on a Mac.
    Unix,
    /// A PVH image for QEMU and other virtual machine monitors with virtio devices.
    Virtio,
}

/// What links a target's main.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linker {
    /// The host's C compiler driver, with the host's start files and libc.
    Host,
    /// The Rust toolchain's own `rust-lld` with this script, and nothing of the host.
    Lld {
        /// The linker script's text.
        script: &'static str,
    },
}

impl Target {
    /// Every target, in the order in which people are shown them.
    pub const ALL: [Target; 2] = [Target::Unix, Target::Virtio];

    /// Its name on the command line and in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Target::Unix => "unix",
            Target::Virtio => "virtio",
        }
    }

    /// What is appended to a unikernel's name for its artifact in `dist/`.
    pub fn suffix(self) -> &'static str {
        match self {
            Target::Unix => "",
            Target::Virtio => ".virtio",
        }
    }

    /// The package that is the guest half.
    pub fn guest_package(self) -> &'static str {
        match self {
            Target::Unix => "uk-unix",
            Target::Virtio => "uk-virtio",
        }
    }

    /// The guest half as Rust code names it.
    pub fn guest_crate(self) -> &'static str {
        match self {
            Target::Unix => "uk_unix",
            Target::Virtio => "uk_virtio",
        }
    }

    /// Whether there is no operating system below, and so no `std`.
    pub fn is_freestanding(self) -> bool {
        match self {
            Target::Unix => false,
            Target::Virtio => true,
        }
    }

    /// What links the main.
    pub fn linker(self) -> Linker {
        match self {
            Target::Unix => Linker::Host,
            Target::Virtio => Linker::Lld { script: include_str!("../virtio/link.ld") },
        }
    }

    /// The `rustc` arguments of the last link, besides the linker and its script.
    pub fn link_args(self) -> &'static [&'static str] {
        match self {
            Target::Unix => &["-Clink-arg=-Wl,--build-id=none"],
            // Libraries are position independent, so that `unix` shares them; the image itself has one fixed address.
            Target::Virtio => &[
                "-Clto=fat",
                "-Crelocation-model=static",
                "-Clinker-flavor=ld.lld",
                "-Clink-arg=-static",
                "-Clink-arg=--no-pie",
                "-Clink-arg=--build-id=none",
                "-Clink-arg=-znorelro",
                "-Clink-arg=-znoexecstack",
                "-Clink-arg=-n",
                "-Clink-arg=--no-eh-frame-hdr",
                "-Clink-arg=--gc-sections",
                // Rust promises no address of its own to a function.
                "-Clink-arg=--icf=all",
            ],
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No target has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownTarget(pub String);

impl fmt::Display for UnknownTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no target `{}`", self.0)
    }
}

impl std::error::Error for UnknownTarget {}

impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, UnknownTarget> {
        Target::ALL.into_iter().find(|t| t.name() == text).ok_or_else(|| UnknownTarget(text.to_owned()))
    }
}
