//! All interfaces and implementations that a build knows, from every `device.kdl`.

mod attach;
mod body;
mod build;
mod check;
mod read;
mod read_body;

pub use body::{Arm, Body, Choice, Crate, Use};
pub use build::Build;

pub(crate) use check::{unknown_argument, unknown_interface, unknown_requirement};

use std::collections::HashMap;

use uk_backends::Target;
use uk_diagnostic::{Diagnostic, SourceId, Span};
use uk_keys::Value;

use crate::key::Key;
use crate::manifest::Argument;
use crate::names;
use crate::read::Name;
use crate::value::Type;

/// The `device.kdl` of one crate.
#[derive(Debug, Clone, Copy)]
pub struct Document<'t> {
    /// The package that carries it.
    pub package: &'t str,
    /// Its id among the sources.
    pub source: SourceId,
    /// Its text.
    pub text: &'t str,
}

/// Interfaces and implementations by name. Pure data: which crates there are was decided before.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    interfaces: Vec<Interface>,
    implementations: Vec<Implementation>,
    interface_names: HashMap<String, usize>,
    implementation_names: HashMap<String, usize>,
}

/// `interface NAME trait=PATH`.
#[derive(Debug, Clone)]
pub struct Interface {
    /// Its name.
    pub name: Name,
    /// The Rust trait.
    pub trait_path: Name,
    /// One sentence.
    pub doc: String,
    /// The package that declares it.
    pub package: String,
    /// Its line.
    pub span: Span,
}

/// `implementation NAME provides=INTERFACE { ... }`.
#[derive(Debug, Clone)]
pub struct Implementation {
    /// Its name.
    pub name: Name,
    /// The interface that a device of it has.
    pub provides: Name,
    /// Whether a device of it can be given to one place only.
    pub exclusive: bool,
    /// What it does; may be empty.
    pub doc: String,
    /// What a device line may or must say.
    pub params: Vec<Param>,
    /// What a device of it is built on.
    pub requires: Vec<Requirement>,
    /// The keys that each device of it brings.
    pub keys: Vec<Key>,
    /// What a machine has once and a device of it takes: a serial port, the standard streams.
    pub owns: Vec<Name>,
    /// Data that are made while building.
    pub builds: Vec<Build>,
    /// What a guest must be given when it runs.
    pub steps: Vec<Step>,
    /// Which crate it is, by target and by key.
    pub body: Body,
    /// The package that declares it.
    pub package: String,
    /// Its line.
    pub span: Span,
}

/// `param NAME type=...`.
#[derive(Debug, Clone)]
pub struct Param {
    /// Its name.
    pub name: Name,
    /// What values it takes.
    pub ty: Type,
    /// The value where none is given.
    pub default: Option<Value>,
    /// Whether it may be left out without a default; the crate gets an `Option`.
    pub optional: bool,
    /// Whether two devices must not have the same value: a file, a port.
    pub exclusive: bool,
    /// One sentence; may be empty.
    pub doc: String,
}

/// `requires NAME as=INTERFACE default=DEVICE`.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// The left word of the line that binds it.
    pub name: Name,
    /// The interface that the device must have.
    pub interface: Name,
    /// What is bound where nothing is written: the name of an implementation.
    pub default: Option<Name>,
}

/// What a device needs of the host besides its crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Something that the runner gives the guest (`attach { file path=(param)file }`).
    Attach,
}

impl Role {
    /// What a runner can give a guest: a file of the host as a disk, a folder of the host, a network interface of the host.
    pub const ATTACHMENTS: [&str; 3] = ["file", "folder", "tap"];
}

/// A line of `attach { ... }`.
#[derive(Debug, Clone)]
pub struct Step {
    /// When it is needed.
    pub role: Role,
    /// What kind of thing is attached.
    pub tool: Name,
    /// Of what.
    pub arguments: Vec<Argument>,
}

impl Catalogue {
    /// Reads every document, or says everything that is wrong in any of them.
    pub fn parse(documents: &[Document<'_>]) -> Result<Catalogue, Vec<Diagnostic>> {
        let mut catalogue = Catalogue::default();
        let mut faults = Vec::new();
        for document in documents {
            read::document(document, &mut catalogue, &mut faults);
        }
        if faults.is_empty() {
            check::check(&catalogue, &mut faults);
        }
        if faults.is_empty() {
            return Ok(catalogue);
        }
        uk_diagnostic::sort(&mut faults);
        Err(faults)
    }

    /// Every interface, in the order read.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Every implementation, in the order read.
    pub fn implementations(&self) -> &[Implementation] {
        &self.implementations
    }

    /// The interface of this name; `-` and `_` are equal.
    pub fn interface(&self, name: &str) -> Option<&Interface> {
        self.interface_names.get(&*names::canonical(name)).map(|i| &self.interfaces[*i])
    }

    /// The implementation of this name; `-` and `_` are equal.
    pub fn implementation(&self, name: &str) -> Option<&Implementation> {
        self.implementation_names.get(&*names::canonical(name)).map(|i| &self.implementations[*i])
    }

    /// The implementations of `interface` that have a crate on `target`, whatever the keys choose.
    pub fn providers<'c>(
        &'c self,
        interface: &'c str,
        target: Target,
    ) -> impl Iterator<Item = &'c Implementation> {
        self.implementations.iter().filter(move |i| i.provides.is(interface) && self.supports(i, target))
    }

    /// Whether a device of `implementation` can exist on `target` for some choice of its keys.
    pub fn supports(&self, implementation: &Implementation, target: Target) -> bool {
        // The catalogue has no cycles of `use`: that was checked.
        let mut bodies = vec![&implementation.body];
        while let Some(body) = bodies.pop() {
            match body {
                Body::Crate(_) => return true,
                Body::Use(used) => {
                    bodies.extend(self.implementation(&used.implementation.text).map(|i| &i.body));
                }
                Body::Choose(choice) => bodies.extend(choice.bodies_on(target)),
            }
        }
        false
    }
}
