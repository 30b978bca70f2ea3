//! The error index: one number a fault, by phase.

use std::fmt;
use std::str::FromStr;

macro_rules! codes {
    ($($name:ident = $number:literal, $title:literal;)*) => {
        /// Every fault that `uk` can report. `01` syntax, `02` manifest, `03` device graph, `04` action graph, `05` store,
        /// `06` execution, `07` run. Each has a page in `docs/errors/`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $title] $name = $number,)*
        }

        impl Code {
            /// All codes, by number.
            pub const ALL: &[Code] = &[$(Code::$name),*];

            /// The title of its page: lower case, no full stop.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }
        }
    };
}

codes! {
    // 01: syntax
    NoManifest = 101, "there is no manifest here";
    UnreadableManifest = 102, "a manifest that can't be read";
    Syntax = 103, "a syntax fault in KDL";
    // 02: manifest and catalogue
    UnknownNode = 201, "an unknown node";
    UnknownProperty = 202, "an unknown property";
    MissingValue = 203, "a name, value or child that is missing";
    UnexpectedValue = 204, "a value or child where none may be, or one too many";
    WrongType = 205, "a value of the wrong type";
    DuplicateNode = 206, "something that may stand once stands twice";
    InvalidName = 207, "a name that can't be used";
    InvalidEntry = 208, "an entry that isn't a path to a function";
    InvalidKey = 209, "a key or param that contradicts itself";
    NewerLanguage = 210, "a language newer than this `uk`";
    OutsideProject = 212, "a path outside of the project";
    HookConflict = 213, "hooks that get in the way of others";
    HookCycle = 214, "hooks that need each other";
    // 03: device graph
    UnknownDevice = 301, "an unknown device";
    UnknownInterface = 302, "an unknown interface";
    InterfaceMismatch = 303, "a device of another interface";
    UnknownTarget = 304, "an unknown target";
    UnsupportedTarget = 305, "a device or an option that the target doesn't have";
    UnknownKey = 306, "an unknown key";
    InvalidKeyValue = 307, "a value that a key can't take";
    ExclusiveDevice = 308, "an exclusive device bound twice";
    UnusedDevice = 309, "a device that nothing uses";
    NameClash = 310, "two names that would become one";
    DeviceCycle = 311, "devices that need each other";
    DuplicateCatalogueName = 312, "two crates that declare one name";
    KeyStage = 313, "a key at the wrong stage";
    UnboundRequirement = 314, "a requirement that nothing is bound to";
    UnknownRequirement = 315, "a requirement that the device doesn't have";
    MissingKey = 316, "a key that needs a value";
    InvalidReference = 317, "a reference to a key or param that doesn't fit";
    UncoveredChoice = 318, "a choice that doesn't cover every case";
    EntryArity = 319, "an entry function with another number of arguments";
    EntryMismatch = 320, "an entry function that wants another interface";
    OwnedTwice = 321, "two devices that own what a machine has once";
    // 04: action graph
    CargoFailed = 401, "cargo could not resolve the crates";
    StaleLock = 402, "a lock file that is out of date";
    TwoSdks = 403, "two copies of the SDK";
    NoToolchain = 404, "no usable Rust toolchain";
    NoLinker = 405, "no linker for the host";
    UnreadableSource = 406, "a source file that can't be read";
    UnsupportedUnitGraph = 407, "a cargo whose unit graph is unknown";
    UnknownPlanNode = 408, "a node that the plan doesn't have";
    ChecksumMismatch = 409, "a crate that isn't what the lock file says";
    UnreadableLock = 410, "a lock file that can't be read";
    UnfitFolder = 411, "a folder that no data can be made of";
    UnfitGlob = 412, "an `include` that names no files";
    // 05: store
    StoreUnusable = 501, "a store that can't be used";
    StoreFull = 502, "no space left for the store";
    StoreCorrupt = 503, "an object that isn't what its name says";
    StoreForeign = 504, "a folder that isn't a store";
    StoreNewer = 505, "a store of a newer format";
    NotWritable = 506, "a folder that can't be written";
    UntrustedArchive = 507, "an archive that nobody trusted has signed";
    NotAnArchive = 508, "a file that isn't an archive";
    ArchiveTruncated = 509, "an archive that ends too early";
    ArchiveTooLarge = 510, "an archive that is larger than allowed";
    ArchiveLeadsOut = 511, "an archive whose paths or links lead out";
    ArchiveMismatch = 512, "an archive whose content isn't what it says";
    NothingToExport = 513, "an artifact that the store doesn't know";
    UnusableKey = 514, "a key that can't be used";
    Incomplete = 515, "an artifact of which the store lacks a part";
    UnreadableArchive = 516, "an archive that can't be read";
    // 06: execution
    ActionFailed = 601, "a build step failed";
    BuildScriptFailed = 602, "a build script failed";
    NeedsStd = 603, "a crate that needs std on a freestanding target";
    MainRejected = 604, "the compiler rejected the wiring";
    MissingOutput = 605, "a build step did not make what it declares";
    Interrupted = 606, "interrupted";
    SourceChanged = 607, "a source changed while it was being built";
    HookFailed = 608, "a hook that can't make its file";
    HookKept = 609, "a file that a hook would make otherwise, and that is kept";
    ToolChanged = 610, "a tool that was replaced while it was in use";
    SandboxFailed = 620, "a sandbox that can't be put up";
    Undeclared = 621, "a build step that reads what it doesn't declare";
    WroteOutside = 622, "a build step that writes where it may not";
    WantedNetwork = 623, "a build step that goes to the network";
    TookTooLong = 624, "a build step that took too long";
    OutOfMemory = 625, "a build step that ran out of memory";
    MacroPanicked = 626, "a procedure macro that panicked";
    NoWalls = 627, "build steps without a sandbox";
    NotReproducible = 630, "a build step that doesn't come out the same twice";
    // 07: run and clean
    NoRunner = 701, "the program that runs this target is missing";
    RunnerFailed = 702, "the runner could not start the guest";
    AmbiguousUnikernel = 703, "several unikernels, and one is wanted";
    UnknownUnikernel = 704, "an unknown unikernel";
    HostTarget = 705, "a target of another operating system";
    UnknownCode = 706, "an unknown error code";
    MissingAttachment = 707, "a file that the guest is given is missing";
    UnfitAttachment = 708, "a file that can't be given to the guest";
    UnknownAttachment = 709, "an unknown attachment";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UK{:04}", *self as u16)
    }
}

/// The text isn't a code of the index.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` isn't a code of the error index")]
pub struct UnknownCode(String);

impl FromStr for Code {
    type Err = UnknownCode;

    /// Reads `UK0301`, `uk0301`, `0301` or `301`.
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let digits = text.strip_prefix("UK").or_else(|| text.strip_prefix("uk")).unwrap_or(text);
        let number = digits.parse::<u16>().map_err(|_| UnknownCode(text.to_owned()))?;
        Code::ALL.iter().copied().find(|c| *c as u16 == number).ok_or_else(|| UnknownCode(text.to_owned()))
    }
}
