//! What an implementation comes down to: one crate, chosen by target and keys.

use uk_backends::Target;
use uk_diagnostic::Span;

use crate::manifest::{Argument, Binding};
use crate::read::Name;

/// The way from an implementation to a crate.
#[derive(Debug, Clone)]
pub enum Body {
    /// `crate NAME connect=PATH teardown=PATH`.
    Crate(Crate),
    /// `use IMPLEMENTATION param=value { requirement device }`.
    Use(Use),
    /// `target ... { }`, `targets all { }`, `choose target { }` or `choose (key)NAME { }`.
    Choose(Choice),
}

/// A crate that makes devices.
#[derive(Debug, Clone)]
pub struct Crate {
    /// The package.
    pub package: Name,
    /// The async function that makes a device.
    pub connect: Name,
    /// The async function that is called with a shared device when every job has ended: `teardown=PATH`.
    pub teardown: Option<Name>,
    /// The line.
    pub span: Span,
}

/// Another implementation in this one's place.
#[derive(Debug, Clone)]
pub struct Use {
    /// Its name.
    pub implementation: Name,
    /// Its params and keys.
    pub arguments: Vec<Argument>,
    /// What it is built on: a requirement of the outer implementation, or an implementation with its defaults.
    pub bindings: Vec<Binding>,
    /// The line.
    pub span: Span,
}

/// One of several bodies.
#[derive(Debug, Clone)]
pub enum Choice {
    /// By target; a target without an arm is one on which there is no such device.
    Target(Vec<(Vec<Target>, Body)>),
    /// By a key of stage `build`.
    Key {
        /// The key.
        key: Name,
        /// A body for every option.
        arms: Vec<Arm>,
    },
}

/// The body for one option of a key.
#[derive(Debug, Clone)]
pub struct Arm {
    /// The option.
    pub option: Name,
    /// What it stands for.
    pub body: Body,
}

impl Choice {
    /// Every body.
    pub fn bodies(&self) -> Box<dyn Iterator<Item = &Body> + '_> {
        match self {
            Choice::Target(arms) => Box::new(arms.iter().map(|a| &a.1)),
            Choice::Key { arms, .. } => Box::new(arms.iter().map(|a| &a.body)),
        }
    }

    /// The bodies that may be chosen on `target`.
    pub fn bodies_on(&self, target: Target) -> Box<dyn Iterator<Item = &Body> + '_> {
        match self {
            Choice::Target(arms) => {
                Box::new(arms.iter().filter(move |a| a.0.contains(&target)).map(|a| &a.1))
            }
            Choice::Key { .. } => self.bodies(),
        }
    }
}
