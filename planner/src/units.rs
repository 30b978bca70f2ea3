//! What cargo resolved, in `uk`'s own terms: packages, and the units that must be compiled from them.
//!
//! Most resolutions are of an image: libraries, which a generated main will use. One of an ordinary package has programs.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uk_action::{Digest, LocalTree, Seal};

/// Every package and unit of one resolution for one target.
#[derive(Debug, Clone)]
pub struct Crates {
    /// The packages that units name by index.
    pub packages: Vec<Package>,
    /// The units; each stands behind those that it depends on.
    pub units: Vec<Unit>,
    /// What the generated main may name: the dependencies of the synthetic root. Of an ordinary package, its programs.
    pub root: Vec<Dependency>,
}

/// A package.
#[derive(Debug, Clone)]
pub struct Package {
    /// What its `Cargo.toml` says.
    pub facts: PackageFacts,
    /// Where its sources come from.
    pub origin: Origin,
    /// Its folder in what `origin` names; empty unless that holds more, as a git repository does.
    pub inside: String,
    /// Whether it is what is being built, and not a dependency.
    pub primary: bool,
}

/// What a package's `Cargo.toml` says that a compilation can see.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct PackageFacts {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `CARGO_PKG_*` variables that come from its manifest, beyond name and version, sorted by name.
    pub variables: Vec<(String, String)>,
    /// Every feature it declares, sorted.
    pub features: Vec<String>,
    /// The native library that its build script stands for.
    pub links: Option<String>,
    /// Compiler arguments for its `[lints]`; none for packages of others, whose lints are capped.
    pub lints: Vec<String>,
}

/// Where a package's sources come from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// Sources that never change under their identity: a registry's crate, a git revision, the embedded SDK.
    Fixed {
        /// What kind of source it is (`registry`, `git`, `sdk`): part of the package's identity.
        source: &'static str,
        /// The folder on the host, or the archive that holds it: `seal` tells.
        path: PathBuf,
        /// The checksum, revision or tree digest.
        identity: Digest,
        /// How that is checked.
        seal: Seal,
    },
    /// The user's own sources, fingerprinted.
    Local {
        /// The files that count.
        tree: Arc<LocalTree>,
        /// Whether it is the application itself, whose `keys!` reads the manifest's keys.
        application: bool,
    },
}

impl Origin {
    /// The digest of what the sources are.
    pub fn digest(&self) -> Digest {
        match self {
            Origin::Fixed { identity, .. } => *identity,
            Origin::Local { tree, .. } => tree.digest,
        }
    }
}

/// What is done with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// A library for other crates.
    Library,
    /// A procedural macro, loaded by the compiler.
    ProcMacro,
    /// A build script's program.
    BuildScript,
    /// The running of a build script.
    RunBuildScript,
    /// A program of an ordinary package.
    Program,
}

/// What takes part in link-time optimisation, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Lto {
    /// Object code alone: nothing that is made of it is optimised at the link.
    Object,
    /// Object code and bitcode: either may be wanted.
    Both,
    /// Bitcode alone: every link optimises.
    Bitcode,
    /// The link itself, with the value of `-C lto` (`fat`, `thin`, `off`).
    Link(String),
}

/// Profile settings that reach the compiler.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Profile {
    /// `-C opt-level`.
    pub opt_level: String,
    /// `-C debuginfo`; `0` for none.
    pub debuginfo: String,
    /// `-C debug-assertions`.
    pub debug_assertions: bool,
    /// `-C overflow-checks`.
    pub overflow_checks: bool,
    /// Whether a panic aborts instead of unwinding.
    pub panic_abort: bool,
    /// `-C codegen-units`; the compiler's own number when there is none.
    pub codegen_units: Option<u32>,
    /// Link-time optimisation.
    pub lto: Lto,
    /// `-C strip`; nothing is stripped when there is none.
    pub strip: Option<String>,
    /// Whether every function keeps a frame pointer, as an image's do.
    pub frame_pointers: bool,
}

/// One compilation, or one run of a build script.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Unit {
    /// Index of its package.
    pub package: usize,
    /// What is done.
    pub mode: Mode,
    /// The target's name as `Cargo.toml` has it.
    pub target: String,
    /// The crate's name in Rust code.
    pub crate_name: String,
    /// The root source file, relative to the package's folder.
    pub source: String,
    /// The edition.
    pub edition: String,
    /// Whether it is for the host (build scripts, procedural macros and what they use) and not for the image.
    pub host: bool,
    /// The features that are on, sorted.
    pub features: Vec<String>,
    /// The profile.
    pub profile: Profile,
    /// Units that it needs.
    pub dependencies: Vec<Dependency>,
}

/// An edge between units.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dependency {
    /// Index of the unit.
    pub unit: usize,
    /// The name by which Rust code knows it.
    pub name: String,
}
