//! What to say about names that can't be resolved, with the alternatives that would work.

use std::rc::Rc;

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
            None => fault.help(format!("`{interface}` is provided by {}", names::list_sorted(&fitting))),
        }
    }

    pub fn mismatch(&self, device: &Name, provides: &str, wanted: &str) -> Diagnostic {
        let message = format!("`{device}` provides `{provides}`, and `{wanted}` is wanted here");
        let fault = Diagnostic::error(Code::InterfaceMismatch, message)
            .label(device.span, format!("provides `{provides}`"));
        match &*self.fitting(wanted) {
            [] => fault.help(format!("nothing provides `{wanted}` on `{}`", self.target)),
            fitting => fault.help(format!("`{wanted}` is provided by {}", names::list_sorted(fitting))),
        }
    }

    /// What could stand where `interface` is wanted on this target, by the alphabet.
    fn fitting(&self, interface: &str) -> Rc<[&'m str]> {
        let canonical = names::canonical(interface).into_owned();
        if let Some(known) = self.fitting.borrow().get(&canonical) {
            return known.clone();
        }
        let mut names: Vec<&'m str> = Vec::new();
        if let Some(interface) = self.catalogue.interface(interface) {
            let wanted = &interface.name.text;
            let declared = self.unikernel.devices.iter().filter(|device| {
                let implementation = self.catalogue.implementation(&device.implementation.text);
                implementation.is_some_and(|i| i.provides.is(wanted))
            });
            names.extend(declared.map(|d| d.name.text.as_str()));
            names.extend(self.catalogue.providers(wanted, self.target).map(|i| i.name.text.as_str()));
        }
        names.sort_unstable();
        names.dedup();
        let names: Rc<[&str]> = names.into();
        self.fitting.borrow_mut().insert(canonical, names.clone());
        names
    }

    /// One of those that needs no declaration of its own, or is declared.
    fn simplest(&self, interface: &str) -> &'m str {
        let complete = |name: &str| {
            self.unikernel.devices.iter().any(|d| d.name.is(name))
                || self.catalogue.implementation(name).is_some_and(|i| {
                    i.params.iter().all(|p| p.optional || p.default.is_some())
                        && i.requires.iter().all(|r| r.default.is_some())
                })
        };
        self.fitting(interface).iter().copied().find(|name| complete(name)).unwrap_or("DEVICE")
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
        let example = wanted.map_or("DEVICE", |r| self.simplest(&r.interface.text));
        let message = format!("the device `{name}` needs `{requirement}`");
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

    /// A device that the target doesn't have: where it exists, what chose it, and what else would serve.
    pub fn unsupported(&self, index: usize, at: &Implementation, chosen_by: Option<usize>) -> Diagnostic {
        let instance = &self.instances[index];
        let message = format!("the device `{}` doesn't exist on `{}`", instance.name, self.target);
        let key = chosen_by.map(|key| &self.keys[key]);
        let place = match key.filter(|_| self.catalogue.supports(at, self.target)) {
            Some(key) => {
                format!("`{}` exists there only with another `{}`", at.name, key.declaration.name)
            }
            None => {
                let targets = uk_backends::Target::ALL.iter().filter(|t| self.catalogue.supports(at, **t));
                format!("`{}` exists on {}", at.name, names::list(targets.map(|t| t.name())))
            }
        };
        let mut fault = Diagnostic::error(Code::UnsupportedTarget, message).label(instance.span, place);
        if let Some((key, value)) = key.and_then(|key| key.value.as_ref().map(|v| (key, v))) {
            fault = fault.label(key.span, format!("`{}` is `{value}`", key.declaration.name));
        }
        let outer = instance.implementation.map_or("", |i| &i.name.text);
        let others = self.catalogue.providers(&at.provides.text, self.target);
        let others: Vec<&str> = others
            .filter(|i| !i.name.is(&at.name.text) && !i.name.is(outer))
            .map(|i| i.name.text.as_str())
            .collect();
        let other = match others.as_slice() {
            [] => format!("nothing else provides `{}` there", at.provides),
            others => {
                format!("there, `{}` is provided by {}", at.provides, names::list(others.iter().copied()))
            }
        };
        match key {
            Some(key) => fault.help(format!("give `{}` another value; {other}", key.declaration.name)),
            None => fault.help(other),
        }
    }
}
