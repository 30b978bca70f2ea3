//! The device graph: what a unikernel is made of on one target, checked.

mod attach;
mod circle;
mod complain;
mod crates;
mod data;
mod expand;
mod finish;
mod graph_keys;
mod jobs;
mod order;
mod ownership;
mod resolve;

pub use attach::{Attached, Attachment, SECTOR_SIZE};
pub use crates::crates_for_all_targets;
pub use resolve::{check_workspace, resolve};

pub(crate) use circle::circles;

use uk_backends::Target;
use uk_diagnostic::{Diagnostic, Span};
use uk_keys::{Stage, Value};

use crate::catalogue::Role;
use crate::data::Data;
use crate::read::Name;
use crate::settings::{KnownKey, Provenance};
use crate::value::Type;

/// A device's place in [`DeviceGraph::devices`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(pub u32);

/// A key's place in [`DeviceGraph::keys`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub u32);

/// A unikernel on one target: every name is resolved and every check has passed.
#[derive(Debug, Clone)]
pub struct DeviceGraph {
    name: Name,
    target: Target,
    application: String,
    devices: Vec<Device>,
    jobs: Vec<Job>,
    keys: Vec<GraphKey>,
    /// Names, and whether they are secret.
    known_keys: Vec<(String, bool)>,
    warnings: Vec<Diagnostic>,
}

/// A device that is made at boot.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its name. Of equal devices that were merged, the first in the alphabet.
    pub name: String,
    /// The other names that it has in the manifest, of equal devices.
    pub aliases: Vec<Name>,
    /// Its name in generated code.
    pub variable: String,
    /// The implementation that the manifest names.
    pub implementation: String,
    /// The implementation that it came down to after every `use` and `choose`.
    pub resolved: String,
    /// Its interface.
    pub interface: String,
    /// The package that makes it.
    pub package: String,
    /// The function that makes it.
    pub connect: String,
    /// The function's first arguments, in order.
    pub params: Vec<Param>,
    /// The function's further arguments, in order.
    pub bindings: Vec<Binding>,
    /// Data that are made while building. The function gets those that go into the image between its params and its bindings.
    pub data: Vec<Data>,
    /// What the guest must be given, as the catalogue's lines.
    pub steps: Vec<Step>,
    /// What the guest must be given when it runs; the function's last arguments, in order.
    pub attachments: Vec<Attachment>,
    /// The function that is called with it at the end.
    pub teardown: Option<String>,
    /// Whether it is passed by value, to one place; else it is shared.
    pub exclusive: bool,
    /// The manifest's line that declares it, or that first names it.
    pub span: Span,
}

/// A param of a device, or a key that its crate gets.
#[derive(Debug, Clone)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether the crate gets an `Option`.
    pub optional: bool,
    /// What it gets.
    pub value: ParamValue,
    /// Where the value is written, if it is in the manifest.
    pub span: Option<Span>,
}

/// What a param gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParamValue {
    /// A value that is known while building.
    Fixed(Value),
    /// The value that a key has at boot.
    Key(KeyId),
    /// Nothing: the param is optional.
    Absent,
}

/// What a device or a job is given.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The requirement's name.
    pub requirement: String,
    /// Its interface.
    pub interface: String,
    /// The device.
    pub device: DeviceId,
    /// The line that binds it.
    pub span: Span,
}

/// A line of `attach { ... }` with its values.
#[derive(Debug, Clone)]
pub struct Step {
    /// When it is needed.
    pub role: Role,
    /// What kind of thing is attached.
    pub tool: String,
    /// Which one.
    pub arguments: Vec<(String, Value)>,
}

/// What runs.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its name.
    pub name: Name,
    /// The function.
    pub entry: String,
    /// Where the function is named.
    pub entry_span: Span,
    /// Its arguments, in order.
    pub arguments: Vec<JobArgument>,
    /// The job's line.
    pub span: Span,
}

/// An argument of a job.
#[derive(Debug, Clone)]
pub enum JobArgument {
    /// The values of the application's keys.
    Keys(Span),
    /// A device.
    Device(Binding),
}

/// A key with what is known of its value.
#[derive(Debug, Clone)]
pub struct GraphKey {
    /// What it is called on command lines: `hello`, or `assets.kv_ro` where `kv_ro` alone is not clear.
    pub name: String,
    /// Its own name: `kv_ro`.
    pub short: String,
    /// The device that brings it; none for a key of the application.
    pub device: Option<DeviceId>,
    /// What values it takes.
    pub ty: Type,
    /// When a value may be given.
    pub stage: Stage,
    /// One sentence; may be empty.
    pub doc: String,
    /// Whether somebody must give a value.
    pub required: bool,
    /// Whether its value is never shown.
    pub secret: bool,
    /// Whether its declaration has a default: then there is always a value.
    pub has_default: bool,
    /// The value that the image carries: fixed for stage `build`, else what boot may override.
    pub value: Option<Value>,
    /// Who gave that value.
    pub provenance: Provenance,
    /// Where that value is written, else where the key is declared.
    pub span: Span,
}

impl Device {
    /// Where in the folder of the generated main those of its data are that go into the image.
    pub fn embedded(&self, data: &Data) -> String {
        format!("data/{}.{}", self.variable, data.name)
    }
}

impl DeviceGraph {
    /// The unikernel's name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The target.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The application's crate as Rust code names it; its package may have `-` for `_`.
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The devices, each after those that it is built on.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// One device.
    ///
    /// # Panics
    /// When `id` came from another graph.
    pub fn device(&self, id: DeviceId) -> &Device {
        &self.devices[id.0 as usize]
    }

    /// The jobs, in the manifest's order.
    pub fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// The application's keys in the manifest's order, then those of the devices.
    pub fn keys(&self) -> &[GraphKey] {
        &self.keys
    }

    /// One key.
    ///
    /// # Panics
    /// When `id` came from another graph.
    pub fn key(&self, id: KeyId) -> &GraphKey {
        &self.keys[id.0 as usize]
    }

    /// The full names (`assets.kv_ro`) of the keys that `--set` may name, also those of devices that this target or
    /// these values don't need: for [`Settings::unknown`](crate::Settings::unknown).
    pub fn known_keys(&self) -> impl Iterator<Item = KnownKey<'_>> + Clone {
        self.known_keys.iter().map(|(name, secret)| KnownKey { name, secret: *secret })
    }

    /// What isn't a fault but looks like a mistake.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The packages that make this graph's devices, in the order of the alphabet.
    pub fn crates(&self) -> Vec<&str> {
        let mut crates: Vec<&str> = self.devices.iter().map(|d| d.package.as_str()).collect();
        crates.sort_unstable();
        crates.dedup();
        crates
    }
}
