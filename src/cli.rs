//! The command line as clap reads it. No logic.

mod store;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use store::{Report, Store};

/// Builds Rust unikernels from a declarative manifest.
#[derive(Debug, Parser)]
#[command(name = "uk", version, disable_help_subcommand = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// Run as if started in FOLDER.
    #[arg(short = 'C', value_name = "FOLDER", global = true)]
    pub folder: Option<PathBuf>,
    /// When to use colours and live progress.
    #[arg(long, value_enum, default_value_t, global = true, value_name = "WHEN")]
    pub color: When,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 the manifest or a build step is at fault, 2 the command line can't be read, \
130 interrupted. `uk run` ends with the guest's own code, or with 125 when the guest could not be run.";

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what would be built, and what is cached.
    Plan {
        /// What to plan.
        #[command(flatten)]
        select: Select,
        /// How to show it.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Say which nodes the plan shares with that of the default target and keys, or with the last build.
        #[arg(
            long,
            value_enum,
            value_name = "AGAINST",
            num_args = 0..=1,
            default_missing_value = "default",
            conflicts_with = "format"
        )]
        diff: Option<Against>,
    },
    /// Build the artifacts into `dist/`.
    Build {
        /// What to build.
        #[command(flatten)]
        select: Select,
        /// How to build it.
        #[command(flatten)]
        effort: Effort,
    },
    /// Build one unikernel and run it.
    Run {
        /// What to run.
        #[command(flatten)]
        select: Select,
        /// How to build it.
        #[command(flatten)]
        effort: Effort,
        /// How to run it.
        #[command(flatten)]
        runner: Runner,
        /// Arguments for the guest, after `--`.
        #[arg(last = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Say why a node would be built, or was.
    Why {
        /// The node: its label, the start of that or of its key, or its kind and label; a name means every node that it fits.
        node: String,
        /// What it is part of.
        #[command(flatten)]
        select: Select,
        /// How to say it.
        #[arg(long, value_enum, default_value_t)]
        format: Said,
    },
    /// Print what a node printed when it last ran.
    Log {
        /// The node: its label, the start of that or of its key, or its kind and label; a name means every node that it fits.
        node: String,
        /// What it is part of.
        #[command(flatten)]
        select: Select,
    },
    /// Remove what was recorded as made: nothing else.
    Clean {
        /// Remove also what was edited since.
        #[arg(long)]
        force: bool,
    },
    /// Show the keys of the manifest, with their values and where those come from.
    Keys {
        /// Which manifest and settings.
        #[command(flatten)]
        select: Select,
    },
    /// Show every device implementation and the targets that have it; of one, all that a device of it takes.
    Devices {
        /// An implementation: its params, keys and requirements are shown.
        name: Option<String>,
        /// Use only crates that are on this machine.
        #[arg(long)]
        offline: bool,
    },
    /// Make a project that builds and runs at once.
    New {
        /// Its folder; the last part is the unikernel's name.
        path: PathBuf,
    },
    /// Look after the store: what is in it, whether it is sound, what can go.
    #[command(subcommand)]
    Store(Store),
    /// Show the page of an error code.
    Explain {
        /// The code, as `UK0301`; without one, the whole index.
        code: Option<String>,
    },
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Which unikernels, targets and keys.
#[derive(Debug, Default, Clone, Args)]
pub struct Select {
    /// A unikernel of the workspace; may stand several times.
    #[arg(short, long, value_name = "NAME")]
    pub package: Vec<String>,
    /// Where it shall run: `unix`, `virtio`; may stand several times.
    #[arg(short, long, value_name = "TARGET")]
    pub target: Vec<String>,
    /// The value of a key; may stand several times.
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Fail rather than change `unikernel.lock`.
    #[arg(long)]
    pub locked: bool,
    /// Use only crates that are on this machine.
    #[arg(long)]
    pub offline: bool,
}

/// How to build.
#[derive(Debug, Default, Args)]
pub struct Effort {
    /// How many actions, and threads and processes of theirs, may run at once [default: one a core, and at most one a GiB of
    /// memory].
    #[arg(short, long, value_name = "N", value_parser = number)]
    pub jobs: Option<NonZeroUsize>,
    /// Go on with what doesn't depend on a failed action, and leave out members of a workspace that have faults.
    #[arg(long)]
    pub keep_going: bool,
    /// Seconds that a build step may take, 0 for any number [default: 3600].
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// MiB of address space that each process of a build step may have, 0 for any amount [default: the machine's memory and
    /// swap, 8192 at least].
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(..1 << 40))]
    pub memory_limit: Option<u64>,
    /// Make all files of all hooks anew, whatever has been written into them. What is in them is lost.
    #[arg(long)]
    pub fresh: bool,
    /// Say why everything that ran had to: the causes, apart from what only follows from them.
    #[arg(long)]
    pub explain: bool,
    /// Build everything once more, in another place and on another day, and compare all bytes.
    #[arg(long)]
    pub check: bool,
}

fn number(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse::<usize>().map_err(|error| error.to_string())?;
    NonZeroUsize::new(number).ok_or_else(|| "it must be at least 1".to_owned())
}

/// How to run.
#[derive(Debug, Args)]
pub struct Runner {
    /// Give the guest another file for a device; may stand several times.
    #[arg(long, value_name = "DEVICE=PATH", value_parser = attachment)]
    pub attach: Vec<(String, String)>,
    /// Print the command instead of running it.
    #[arg(long)]
    pub print: bool,
    /// The machine that QEMU shows the guest (target `virtio`) [default: microvm].
    #[arg(long, value_enum, value_name = "TYPE")]
    pub machine: Option<Machine>,
    /// What executes the guest (target `virtio`) [default: tcg].
    #[arg(long, value_enum)]
    pub accel: Option<Accel>,
    /// The guest's memory in MiB (target `virtio`) [default: 128].
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(8..))]
    pub memory: Option<u32>,
}

fn attachment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((device, path)) if !device.is_empty() && !path.is_empty() => {
            Ok((device.to_owned(), path.to_owned()))
        }
        _ => Err("expected the name of a device and a file: `disk=other.img`".to_owned()),
    }
}

/// A machine type.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum Machine {
    /// The quickest to boot.
    #[default]
    Microvm,
    /// The same without ACPI.
    MicrovmNoacpi,
    /// A PC with PCI.
    Q35,
}

/// What executes a guest.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum Accel {
    /// QEMU's translator: works everywhere.
    #[default]
    Tcg,
    /// The kernel's KVM.
    Kvm,
}

/// How to show a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; see docs/plan.schema.json.
    Json,
    /// For Graphviz.
    Dot,
    /// For Mermaid.
    Mermaid,
}

/// What a plan is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Against {
    /// The plan of the default target and keys.
    Default,
    /// The last build of the same.
    Last,
}

/// How to say something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Said {
    /// For people.
    #[default]
    Text,
    /// For programs; see docs/why.schema.json.
    Json,
}
