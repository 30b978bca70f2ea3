//! What to say about names that can't be resolved, with the alternatives that would work.

use uk_diagnostic::{Code, Diagnostic, Span};

use super::resolve::Draft;
use crate::catalogue::Implementation;
use crate::manifest::Device;
use crate::names;
use crate::read::Name;

impl<'m> Draft<'m> {
    pub fn unknown_implementation(&mut self, device: &Device) {
        let name = &device.implementation;
        let known = || self.catalogue.implementations().iter().map(|i| i.name.text.as_str());
        let message = format!("there is no implementation `{}`", name.text.escape_debug());
        let fault = Diagnostic::error(Code::UnknownDevice, message).label(name.span, "here");
        let fault = match names::nearest(&name.text, known()) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault.help(format!(
                "the catalogue has {}; others come from crates that the application depends on",
                names::list(known())
            )),
        };
        self.faults.push(fault);
    }

    pub fn unknown_device(&self, name: &Name, interface: &str) -> Diagnostic {
        let message = format!("there is no device `{}`", name.text.escape_debug());
        let fault = Diagnostic::error(Code::UnknownDevice, message).label(name.span, "here");
        let fitting = self.fitting(interface);
        let declared = self.unikernel.devices.iter().map(|d| d.name.text.as_str());
        let all = declared.chain(self.catalogue.implementations().iter().map(|i| i.name.text.as_str()));
        let near =
            names::nearest(&name.text, fitting.iter().copied()).or_else(|| names::nearest(&name.text, all));
        match near {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None if fitting.is_empty() => {
                fault.help(format!("declare it: `device {} IMPLEMENTATION`", names::shown(&name.text)))
            }
            None => fault.help(format!("devices of interface `{interface}` are {}", names::list(fitting))),
        }
    }

    pub fn mismatch(&self, device: &Name, provides: &str, wanted: &str) -> Diagnostic {
        let message = format!("`{device}` is a `{provides}`, and a `{wanted}` is wanted here");
        let fault =
            Diagnostic::error(Code::InterfaceMismatch, message).label(device.span, format!("a `{provides}`"));
        match self.fitting(wanted).as_slice() {
            [] => fault.help(format!("no device of interface `{wanted}` is known for `{}`", self.target)),
            fitting => fault.help(format!(
                "devices of interface `{wanted}` are {}",
                names::list(fitting.iter().copied())
            )),
        }
    }

    /// What could stand where `interface` is wanted on this target.
    fn fitting(&self, interface: &str) -> Vec<&str> {
        let declared = self.unikernel.devices.iter().filter(|device| {
            let implementation = self.catalogue.implementation(&device.implementation.text);
            implementation.is_some_and(|i| i.provides.is(interface))
        });
        let mut names: Vec<&str> = declared.map(|d| d.name.text.as_str()).collect();
        if let Some(interface) = self.catalogue.interface(interface) {
            names.extend(
                self.catalogue.providers(&interface.name.text, self.target).map(|i| i.name.text.as_str()),
            );
        }
        names
    }

    pub fn unbound(
        &self,
        name: &str,
        span: Span,
        declared: Option<&Device>,
        implementation: &Implementation,
        requirement: &Name,
    ) -> Diagnostic {
        let wanted = implementation.requires.iter().find(|r| r.name.is(&requirement.text));
        let fitting = wanted.map_or(Vec::new(), |r| self.fitting(&r.interface.text));
        let example = fitting.iter().min().copied().unwrap_or("DEVICE");
        let message = format!("the device `{name}` needs a `{requirement}`");
        let fault =
            Diagnostic::error(Code::UnboundRequirement, message).label(span, "nothing is bound to it");
        match declared {
            Some(_) => fault.help(format!("add a block: `{{ {requirement} {example} }}`")),
            None => fault.help(format!(
                "declare a device, and name that here: `device my-{name} {} {{ {requirement} {example} }}`",
                implementation.name
            )),
        }
    }

    /// A device that `target` doesn't have: what it does have, and what else would serve.
    pub fn unsupported(&self, index: usize, at: &Implementation) -> Diagnostic {
        let instance = &self.instances[index];
        let message = format!("the device `{}` doesn't exist on `{}`", instance.name, self.target);
        let targets = uk_backends::Target::ALL.iter().filter(|t| self.catalogue.supports(at, **t));
        let targets = names::list(targets.map(|t| t.name()));
        let fault = Diagnostic::error(Code::UnsupportedTarget, message)
            .label(instance.span, format!("`{}` has {targets}", at.name));
        let others: Vec<&str> = self
            .catalogue
            .providers(&at.provides.text, self.target)
            .map(|i| i.name.text.as_str())
            .filter(|n| !at.name.is(n))
            .collect();
        match others.as_slice() {
            [] => fault.help(format!("nothing else provides `{}` on `{}`", at.provides, self.target)),
            others => fault.help(format!(
                "on `{}`, `{}` is provided by {}",
                self.target,
                at.provides,
                names::list(others.iter().copied())
            )),
        }
    }
}
