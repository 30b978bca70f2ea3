//! From names to a graph: every device that the manifest names, looked up, typed and bound.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use uk_backends::Target;
use uk_diagnostic::{Code, Diagnostic, Span};

use super::expand::Resolved;
use super::graph_keys::{KeyDraft, secret_given};
use super::{DeviceGraph, KeyId, ParamValue};
use crate::catalogue::{Catalogue, Implementation, Param, unknown_argument, unknown_requirement};
use crate::manifest::{ArgumentValue, Device, Unikernel};
use crate::names;
use crate::paths;
use crate::read::Name;
use crate::settings::Settings;

/// Resolves every name, applies the settings, and makes every check, all in one go: on a fault, the whole list.
pub fn resolve(
    unikernel: &Unikernel,
    catalogue: &Catalogue,
    target: Target,
    settings: &Settings,
) -> Result<DeviceGraph, Vec<Diagnostic>> {
    let mut draft = Draft {
        unikernel,
        catalogue,
        target,
        settings,
        by_name: HashMap::with_capacity(unikernel.devices.len()),
        instances: Vec::with_capacity(unikernel.devices.len()),
        keys: Vec::new(),
        application_keys: HashMap::new(),
        fitting: RefCell::default(),
        used_files: RefCell::default(),
        faults: Vec::new(),
    };
    draft.add_application_keys();
    draft.declare();
    let jobs = draft.bind_jobs();
    draft.expand(&jobs);
    draft.finish(jobs)
}

/// What must hold between the unikernels of one workspace.
pub fn check_workspace(unikernels: &[&Unikernel]) -> Vec<Diagnostic> {
    let mut first: HashMap<String, &Name> = HashMap::new();
    let mut faults = Vec::new();
    for unikernel in unikernels {
        // File systems that don't tell case apart are in use too.
        let name = names::canonical(&unikernel.name.text).to_lowercase();
        match first.get(&name) {
            Some(first) => faults.push(
                Diagnostic::error(
                    Code::NameClash,
                    format!("two unikernels of this workspace are named `{}`", unikernel.name),
                )
                .label(unikernel.name.span, "the second")
                .label(first.span, "the first")
                .help("give one of them another name: artifacts and `-p` go by it"),
            ),
            None => {
                first.insert(name, &unikernel.name);
            }
        }
    }
    faults
}

/// A graph while it is drawn.
pub(super) struct Draft<'m> {
    pub unikernel: &'m Unikernel,
    pub catalogue: &'m Catalogue,
    pub target: Target,
    pub settings: &'m Settings,
    pub by_name: HashMap<Cow<'m, str>, usize>,
    pub instances: Vec<Instance<'m>>,
    pub keys: Vec<KeyDraft<'m>>,
    pub application_keys: HashMap<Cow<'m, str>, usize>,
    /// What could stand for each interface, once somebody asked.
    pub fitting: RefCell<HashMap<String, Rc<[&'m str]>>>,
    /// Paths of data that somebody is given.
    pub used_files: RefCell<HashSet<String>>,
    pub faults: Vec<Diagnostic>,
}

/// A device, declared or named without a declaration.
pub(super) struct Instance<'m> {
    pub name: Cow<'m, str>,
    /// Its declaration's line, or the place that first names it.
    pub span: Span,
    pub name_span: Span,
    pub declared: Option<&'m Device>,
    /// None when its implementation is unknown, which has been told.
    pub implementation: Option<&'m Implementation>,
    /// By the implementation's params; none after a fault.
    pub params: Vec<Option<Slot>>,
    /// By the implementation's keys.
    pub keys: Vec<usize>,
    /// By the implementation's requirements; none after a fault.
    pub requires: Vec<Option<Bound>>,
    /// What it comes down to; none when it isn't needed, or after a fault.
    pub resolved: Option<Box<Resolved<'m>>>,
    pub reached: bool,
}

/// A param's value and where it is written.
#[derive(Clone)]
pub(super) struct Slot {
    pub value: ParamValue,
    pub span: Option<Span>,
}

/// A device and the line that names it.
#[derive(Clone, Copy)]
pub(super) struct Bound {
    pub instance: usize,
    pub span: Span,
}

impl<'m> Draft<'m> {
    /// Adds every declared device, then types and binds them and all that they name.
    fn declare(&mut self) {
        let unikernel = self.unikernel;
        for device in &unikernel.devices {
            let implementation = self.catalogue.implementation(&device.implementation.text);
            if implementation.is_none() {
                self.unknown_implementation(device);
            }
            self.by_name.insert(names::canonical(&device.name.text), self.instances.len());
            self.instances.push(Instance::new(Cow::Borrowed(&device.name.text), device.span, implementation));
            if let Some(new) = self.instances.last_mut() {
                new.declared = Some(device);
                new.name_span = device.name.span;
            }
        }
        let mut next = 0;
        self.fill_from(&mut next);
    }

    /// Types and binds the instances from `next` on; naming a device may add more.
    pub fn fill_from(&mut self, next: &mut usize) {
        while *next < self.instances.len() {
            if let Some(implementation) = self.instances[*next].implementation {
                self.fill_arguments(*next, implementation);
                self.fill_requirements(*next, implementation);
            }
            *next += 1;
        }
    }

    fn fill_arguments(&mut self, index: usize, implementation: &'m Implementation) {
        let instance = &self.instances[index];
        let (name, span, declared) = (instance.name.clone(), instance.span, instance.declared);
        let arguments = declared.map_or(&[][..], |d| &d.arguments);
        let mut params: Vec<Option<Slot>> = vec![None; implementation.params.len()];
        let mut written = vec![false; implementation.params.len()];
        let mut keys: Vec<Option<(uk_keys::Value, Span)>> = vec![None; implementation.keys.len()];
        for argument in arguments {
            let param = implementation.params.iter().position(|p| p.name.is(&argument.name.text));
            let key = implementation.keys.iter().position(|k| k.name.is(&argument.name.text));
            match (param, key, &argument.value) {
                (Some(at), _, ArgumentValue::Literal(literal)) => {
                    written[at] = true;
                    match literal.typed(&implementation.params[at].ty, format_args!("`{}`", argument.name)) {
                        Ok(value) => {
                            let outside = paths::check(&implementation.params[at].ty, &value, literal.span);
                            self.faults.extend(outside);
                            params[at] =
                                Some(Slot { value: ParamValue::Fixed(value), span: Some(literal.span) });
                        }
                        Err(fault) => self.faults.push(fault),
                    }
                }
                (Some(at), _, ArgumentValue::Key(key)) => {
                    written[at] = true;
                    params[at] = self.application_key(key, &implementation.params[at]);
                }
                (None, Some(at), ArgumentValue::Literal(_)) if implementation.keys[at].secret => {
                    self.faults.push(secret_given(&implementation.keys[at]));
                }
                (None, Some(at), ArgumentValue::Literal(literal)) => {
                    match literal.typed(&implementation.keys[at].ty, format_args!("`{}`", argument.name)) {
                        Ok(value) => keys[at] = Some((value, literal.span)),
                        Err(fault) => self.faults.push(fault),
                    }
                }
                (None, Some(_), other) => self.faults.push(
                    Diagnostic::error(
                        Code::InvalidReference,
                        format!("`{}` is a key of its own, so it can't be another key", argument.name),
                    )
                    .label(other.span(), "here")
                    .help("write a plain value, or leave it out and use `--set`"),
                ),
                // `(param)` and `(build)` don't pass the manifest stage.
                (Some(_), _, ArgumentValue::Param(_) | ArgumentValue::Build(_)) => {}
                (None, None, _) => self.faults.push(unknown_argument(implementation, &argument.name)),
            }
        }
        for (at, param) in implementation.params.iter().enumerate().filter(|(at, _)| !written[*at]) {
            params[at] = match (&param.default, param.optional) {
                (Some(default), _) => Some(Slot { value: ParamValue::Fixed(default.clone()), span: None }),
                (None, true) => Some(Slot { value: ParamValue::Absent, span: None }),
                (None, false) => {
                    self.faults.push(missing_param(&name, span, declared, implementation, param));
                    None
                }
            };
        }
        let keys = implementation.keys.iter().zip(keys);
        let keys = keys.map(|(key, given)| self.add_device_key(key, index, given)).collect();
        self.instances[index].params = params;
        self.instances[index].keys = keys;
    }

    fn application_key(&mut self, name: &Name, param: &Param) -> Option<Slot> {
        let known = || self.unikernel.keys.iter().map(|k| k.name.text.as_str());
        let Some(&index) = self.application_keys.get(&names::canonical(&name.text)) else {
            if !self.is_broken(&name.text) {
                let fault =
                    Diagnostic::error(Code::InvalidReference, format!("this manifest has no key `{name}`"))
                        .label(name.span, "here");
                let fault = match names::nearest(&name.text, known()) {
                    Some(near) => fault.help(format!("did you mean `(key){near}`?")),
                    None => fault.help(format!("add `key {name} type={}`", param.ty.name())),
                };
                self.faults.push(fault);
            }
            return None;
        };
        let key = &self.keys[index];
        if !key.declaration.ty.fits(&param.ty) {
            let message = format!(
                "`{}` is a `{}`, and the key `{name}` is a `{}`",
                param.name, param.ty, key.declaration.ty
            );
            self.faults.push(
                Diagnostic::error(Code::InvalidReference, message)
                    .label(name.span, "here")
                    .label(key.declaration.span, "the key")
                    .help(format!("give the key `type={}`", param.ty.name())),
            );
            return None;
        }
        if !param.optional && !key.declaration.required && key.value.is_none() {
            let message = format!("`{}` needs a value, and the key `{name}` may have none", param.name);
            self.faults.push(
                Diagnostic::error(Code::InvalidReference, message)
                    .label(name.span, "here")
                    .label(key.declaration.span, "the key")
                    .help("give the key a `default`, or `required=#true`"),
            );
            return None;
        }
        // What is known only at boot names a file of the guest's own world.
        let value = key.as_param(KeyId(index as u32));
        if let ParamValue::Fixed(fixed) = &value {
            self.faults.extend(paths::check(&param.ty, fixed, key.span));
        }
        Some(Slot { value, span: Some(name.span) })
    }

    fn fill_requirements(&mut self, index: usize, implementation: &'m Implementation) {
        let instance = &self.instances[index];
        let (name, span, declared) = (instance.name.clone(), instance.span, instance.declared);
        let bindings = declared.map_or(&[][..], |d| &d.bindings);
        let mut requires = Vec::with_capacity(implementation.requires.len());
        for requirement in &implementation.requires {
            let written = bindings.iter().find(|b| b.requirement.is(&requirement.name.text));
            let bound = match (written, &requirement.default) {
                (Some(binding), _) => self.bind(&binding.device, &requirement.interface.text, binding.span),
                (None, Some(default)) => self.bind(default, &requirement.interface.text, span),
                (None, None) => {
                    let fault = self.unbound(&name, span, declared, implementation, &requirement.name);
                    self.faults.push(fault);
                    None
                }
            };
            requires.push(bound);
        }
        for binding in bindings {
            if !implementation.requires.iter().any(|r| r.name.is(&binding.requirement.text)) {
                self.faults.push(unknown_requirement(implementation, &binding.requirement));
            }
        }
        self.instances[index].requires = requires;
    }

    /// The instance named `device`, which must have `interface`.
    pub fn bind(&mut self, device: &'m Name, interface: &str, span: Span) -> Option<Bound> {
        let instance = self.instance(device, interface)?;
        let provides = &self.instances[instance].implementation?.provides;
        if !provides.is(interface) {
            let fault = self.mismatch(device, &provides.text, interface);
            self.faults.push(fault);
            return None;
        }
        Some(Bound { instance, span })
    }

    /// The device of this name: one that is declared, else one shared instance of that implementation.
    pub fn instance(&mut self, name: &'m Name, interface: &str) -> Option<usize> {
        let canonical = names::canonical(&name.text);
        if let Some(index) = self.by_name.get(&canonical) {
            return Some(*index);
        }
        let Some(implementation) = self.catalogue.implementation(&name.text) else {
            if !self.is_broken(&name.text) {
                let fault = self.unknown_device(name, interface);
                self.faults.push(fault);
            }
            return None;
        };
        let index = self.instances.len();
        self.by_name.insert(canonical, index);
        self.instances.push(Instance::new(
            Cow::Borrowed(&implementation.name.text),
            name.span,
            Some(implementation),
        ));
        Some(index)
    }

    /// Whether a declaration of that name had a fault of its own.
    pub fn is_broken(&self, name: &str) -> bool {
        self.unikernel.broken.iter().any(|b| b.is(name))
    }
}

impl<'m> Instance<'m> {
    pub fn new(name: Cow<'m, str>, span: Span, implementation: Option<&'m Implementation>) -> Self {
        Self {
            name,
            span,
            name_span: span,
            declared: None,
            implementation,
            params: Vec::new(),
            keys: Vec::new(),
            requires: Vec::new(),
            resolved: None,
            reached: false,
        }
    }
}

fn missing_param(
    name: &str,
    span: Span,
    declared: Option<&Device>,
    implementation: &Implementation,
    param: &Param,
) -> Diagnostic {
    let message = format!("the device `{name}` needs `{}`", param.name);
    let fault = Diagnostic::error(Code::MissingValue, message)
        .label(span, format!("expected {}", param.ty.expected()));
    // Most values need quotes, which `...` doesn't tell.
    let value = match param.ty.name() {
        "path" => "\"data/disk.img\"",
        "bool" | "enum" => "...",
        _ if param.ty.is_integer() => "...",
        _ => "\"...\"",
    };
    match declared {
        Some(_) => fault.help(format!("add `{}={value}` to this line", param.name)),
        None => fault.help(format!(
            "declare a device, and name that here: `device my-{name} {} {}={value}`",
            implementation.name, param.name
        )),
    }
}
