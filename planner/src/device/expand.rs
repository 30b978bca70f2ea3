//! From an implementation to the crate that makes the device: `use`, `choose` and targets, followed to their end.

use uk_diagnostic::{Code, Diagnostic, Span};
use uk_keys::{Stage, Value};

use super::attach;
use super::jobs::{Argument, JobDraft};
use super::resolve::{Bound, Draft, Instance, Slot};
use super::{KeyId, ParamValue, Step};
use crate::catalogue::{Body, Choice, Crate, Implementation, Role, Use};
use crate::data::{Data, Place};
use crate::manifest::{self, ArgumentValue, Binding};
use crate::names;
use crate::read::Name;

/// What a device comes down to.
pub(super) struct Resolved<'m> {
    pub implementation: &'m Implementation,
    pub krate: &'m Crate,
    pub params: Vec<Slot>,
    /// The keys of that implementation, but for those that only chose the crate.
    pub keys: Vec<usize>,
    /// By its requirements.
    pub bindings: Vec<Bound>,
    pub data: Vec<Data>,
    pub steps: Vec<Step>,
    /// What it takes that a machine has once, of every implementation on the way.
    pub owns: Vec<&'m Name>,
}

/// One implementation on the way, with its names filled in. After a fault a value is missing; nothing more is said.
pub(super) struct Frame<'m> {
    pub implementation: &'m Implementation,
    pub params: Vec<Option<Slot>>,
    pub keys: Vec<usize>,
    requires: Vec<Option<Bound>>,
    pub data: Vec<Data>,
    steps: Vec<Step>,
    owns: Vec<&'m Name>,
    chosen_by: Vec<usize>,
}

/// What a catalogue gives another implementation, at a line of its own.
struct Given<'m> {
    name: &'m Name,
    arguments: &'m [manifest::Argument],
    span: Span,
}

impl<'m> Draft<'m> {
    /// The path of the data `name`, which are needed by that, and the place that says of what they are made.
    fn file_of(&self, frame: &Frame<'_>, name: &str) -> Option<(String, Span)> {
        // The innermost implementation's own are the last.
        let data = frame.data.iter().rev().find(|data| names::same(&data.name, name))?;
        let Place::File(path) = &data.place else { return None };
        self.used_files.borrow_mut().insert(path.clone());
        Some((path.clone(), data.span))
    }

    /// The data of `frame` that are needed: a branch that isn't taken needs none.
    fn needed(&self, mut data: Vec<Data>) -> Vec<Data> {
        let used = self.used_files.borrow();
        data.retain(|data| match &data.place {
            Place::Image => true,
            Place::File(path) => used.contains(path),
        });
        data
    }

    /// Follows every device that a job needs, directly or through another. What a branch not taken would need isn't
    /// needed.
    pub fn expand(&mut self, jobs: &[JobDraft<'m>]) {
        let mut work: Vec<usize> = Vec::new();
        for argument in jobs.iter().flat_map(|j| &j.arguments) {
            if let Argument::Device { bound, .. } = argument {
                work.push(bound.instance);
            }
        }
        while let Some(index) = work.pop() {
            if std::mem::replace(&mut self.instances[index].reached, true) {
                continue;
            }
            for key in self.instances[index].keys.clone() {
                self.keys[key].live = true;
            }
            let Some(resolved) = self.follow(index) else { continue };
            work.extend(resolved.bindings.iter().map(|b| b.instance));
            self.instances[index].resolved = Some(Box::new(resolved));
        }
    }

    fn follow(&mut self, index: usize) -> Option<Resolved<'m>> {
        let instance = &mut self.instances[index];
        let outer = instance.implementation?;
        let mut frame = Frame {
            implementation: outer,
            params: std::mem::take(&mut instance.params),
            keys: instance.keys.clone(),
            requires: instance.requires.clone(),
            data: Vec::new(),
            steps: Vec::new(),
            owns: outer.owns.iter().collect(),
            chosen_by: Vec::new(),
        };
        self.add_data(index, &mut frame);
        self.add_steps(index, &mut frame);
        let mut body = &outer.body;
        let mut chosen_by = None;
        loop {
            match body {
                Body::Crate(krate) => {
                    return Some(Resolved {
                        implementation: frame.implementation,
                        krate,
                        params: frame.params.into_iter().collect::<Option<_>>()?,
                        keys: frame.keys.into_iter().filter(|key| !frame.chosen_by.contains(key)).collect(),
                        bindings: frame.requires.into_iter().collect::<Option<_>>()?,
                        data: self.needed(frame.data),
                        steps: frame.steps,
                        owns: frame.owns,
                    });
                }
                Body::Choose(Choice::Target(arms)) => {
                    let Some((_, chosen)) = arms.iter().find(|(targets, _)| targets.contains(&self.target))
                    else {
                        let fault = self.unsupported(index, frame.implementation, chosen_by);
                        self.faults.push(fault);
                        return None;
                    };
                    body = chosen;
                }
                Body::Choose(Choice::Key { key, arms }) => {
                    let at = frame.implementation.keys.iter().position(|k| k.name.is(&key.text))?;
                    chosen_by = Some(*frame.keys.get(at)?);
                    frame.chosen_by.extend(chosen_by);
                    let value = self.keys[frame.keys[at]].value.as_ref().map(ToString::to_string);
                    let arm = value.and_then(|value| arms.iter().find(|arm| arm.option.text == value));
                    let Some(arm) = arm else {
                        self.no_choice(frame.keys[at], &key.text);
                        return None;
                    };
                    body = &arm.body;
                }
                Body::Use(used) => {
                    frame = self.enter(index, frame, used)?;
                    self.add_data(index, &mut frame);
                    self.add_steps(index, &mut frame);
                    body = &frame.implementation.body;
                }
            }
        }
    }

    /// The frame of the implementation that `used` names.
    fn enter(&mut self, index: usize, outer: Frame<'m>, used: &'m Use) -> Option<Frame<'m>> {
        let implementation = self.catalogue.implementation(&used.implementation.text)?;
        let given = Given { name: &used.implementation, arguments: &used.arguments, span: used.span };
        let (params, keys) = self.give(index, &outer, implementation, &given)?;
        let mut requires = Vec::with_capacity(implementation.requires.len());
        for requirement in &implementation.requires {
            let interface = &requirement.interface.text;
            let binding = used.bindings.iter().find(|b| b.requirement.is(&requirement.name.text));
            requires.push(match (binding, &requirement.default) {
                (Some(binding), _) if !binding.arguments.is_empty() => {
                    self.own_device(index, &outer, binding)
                }
                (Some(binding), _) => {
                    let passed =
                        outer.implementation.requires.iter().position(|r| r.name.is(&binding.device.text));
                    match passed {
                        Some(at) => outer.requires[at],
                        None => self.bind_catalogue(&binding.device, interface),
                    }
                }
                (None, Some(default)) => self.bind_catalogue(default, interface),
                (None, None) => {
                    self.missing_in_use(&given, &requirement.name.text, "requirement");
                    None
                }
            });
        }
        let Frame { mut data, steps, mut owns, .. } = outer;
        // As with keys, what goes into the image is for the implementation's own crate.
        data.retain(|data| data.place != Place::Image);
        // A generic implementation may say what those that it stands for say as well.
        for new in &implementation.owns {
            if !owns.iter().any(|known| known.is(&new.text)) {
                owns.push(new);
            }
        }
        Some(Frame { implementation, params, keys, requires, data, steps, owns, chosen_by: Vec::new() })
    }

    /// A device that a catalogue makes for one binding of the device `index` alone. It is called after both.
    fn own_device(&mut self, index: usize, outer: &Frame<'m>, binding: &'m Binding) -> Option<Bound> {
        let implementation = self.catalogue.implementation(&binding.device.text)?;
        let owner = &self.instances[index];
        let name = format!("{}-{}", owner.name, binding.requirement);
        let (span, name_span) = (owner.span, owner.name_span);
        let instance = self.instances.len();
        self.instances.push(Instance::new(name.into(), span, Some(implementation)));
        self.instances[instance].name_span = name_span;
        let given = Given { name: &binding.device, arguments: &binding.arguments, span: binding.span };
        let (params, keys) = self.give(instance, outer, implementation, &given)?;
        let mut requires = Vec::with_capacity(implementation.requires.len());
        for requirement in &implementation.requires {
            requires.push(match &requirement.default {
                Some(default) => self.bind_catalogue(default, &requirement.interface.text),
                None => {
                    self.missing_in_use(&given, &requirement.name.text, "requirement");
                    None
                }
            });
        }
        let new = &mut self.instances[instance];
        (new.params, new.keys, new.requires) = (params, keys, requires);
        Some(Bound { instance, span })
    }

    /// The params of `implementation` and its keys, which belong to the device `owner`, as a catalogue gives them.
    fn give(
        &mut self,
        owner: usize,
        outer: &Frame<'m>,
        implementation: &'m Implementation,
        given: &Given<'m>,
    ) -> Option<(Vec<Option<Slot>>, Vec<usize>)> {
        let argument = |name: &str| given.arguments.iter().find(|a| a.name.is(name));
        let mut params = Vec::with_capacity(implementation.params.len());
        for param in &implementation.params {
            params.push(match argument(&param.name.text) {
                Some(argument) => self.argument(outer, argument, param),
                None => match (&param.default, param.optional) {
                    (Some(default), _) => {
                        Some(Slot { value: ParamValue::Fixed(default.clone()), span: None })
                    }
                    (None, true) => Some(Slot { value: ParamValue::Absent, span: None }),
                    (None, false) => {
                        self.missing_in_use(given, &param.name.text, "param");
                        None
                    }
                },
            });
        }
        let mut keys = Vec::with_capacity(implementation.keys.len());
        for key in &implementation.keys {
            let index = match argument(&key.name.text).map(|a| &a.value) {
                Some(ArgumentValue::Key(name)) => {
                    let at = outer.implementation.keys.iter().position(|k| k.name.is(&name.text))?;
                    outer.keys[at]
                }
                Some(ArgumentValue::Literal(literal)) => {
                    let given = literal.typed(&key.ty, "this").ok().map(|value| (value, literal.span));
                    self.add_device_key(key, owner, given)
                }
                Some(ArgumentValue::Param(name)) => {
                    let at = outer.implementation.params.iter().position(|p| p.name.is(&name.text))?;
                    let given = match outer.params[at].as_ref()? {
                        Slot { value: ParamValue::Fixed(value), span } => {
                            Some((value.clone(), span.unwrap_or(name.span)))
                        }
                        _ => None,
                    };
                    self.add_device_key(key, owner, given)
                }
                // The path of data is no key's value: the catalogue's check lets it stand for a `path`.
                Some(ArgumentValue::Build(name)) => {
                    let given = self.file_of(outer, &name.text).map(|(path, span)| (Value::Path(path), span));
                    self.add_device_key(key, owner, given)
                }
                None => self.add_device_key(key, owner, None),
            };
            self.keys[index].live = true;
            keys.push(index);
        }
        Some((params, keys))
    }

    /// A device that a catalogue names: one shared instance with its defaults, typed and bound at once.
    fn bind_catalogue(&mut self, name: &'m Name, interface: &str) -> Option<Bound> {
        let mut next = self.instances.len();
        let bound = self.bind(name, interface, name.span);
        self.fill_from(&mut next);
        bound
    }

    fn argument(
        &self,
        outer: &Frame<'m>,
        argument: &manifest::Argument,
        param: &crate::catalogue::Param,
    ) -> Option<Slot> {
        match &argument.value {
            ArgumentValue::Literal(literal) => {
                let value = literal.typed(&param.ty, "this").ok()?;
                Some(Slot { value: ParamValue::Fixed(value), span: None })
            }
            ArgumentValue::Param(name) => {
                let at = outer.implementation.params.iter().position(|p| p.name.is(&name.text))?;
                outer.params[at].clone()
            }
            ArgumentValue::Key(name) => {
                let at = outer.implementation.keys.iter().position(|k| k.name.is(&name.text))?;
                let key = outer.keys[at];
                Some(Slot {
                    value: self.keys[key].as_param(KeyId(key as u32)),
                    span: Some(self.keys[key].span),
                })
            }
            ArgumentValue::Build(name) => {
                let (path, span) = self.file_of(outer, &name.text)?;
                Some(Slot { value: ParamValue::Fixed(Value::Path(path)), span: Some(span) })
            }
        }
    }

    fn add_steps(&mut self, index: usize, frame: &mut Frame<'m>) {
        let name = self.instances[index].name.clone();
        for step in &frame.implementation.steps {
            let attach = step.role == Role::Attach;
            let mut arguments: Vec<(String, Value)> = Vec::new();
            for argument in &step.arguments {
                let (value, span) = match &argument.value {
                    ArgumentValue::Literal(literal) => (Some(literal.untyped()), literal.span),
                    ArgumentValue::Param(param) => {
                        let at = frame.implementation.params.iter().position(|p| p.name.is(&param.text));
                        let slot = at.and_then(|at| frame.params[at].as_ref());
                        let span = slot.and_then(|slot| slot.span).unwrap_or(self.instances[index].span);
                        match slot.map(|slot| &slot.value) {
                            Some(ParamValue::Fixed(value)) => (Some(value.clone()), span),
                            Some(ParamValue::Key(_)) if attach => {
                                self.faults.push(attach::unknown(&param.text, &name, span));
                                (None, span)
                            }
                            _ => (None, span),
                        }
                    }
                    ArgumentValue::Key(key) => {
                        let at = frame.implementation.keys.iter().position(|k| k.name.is(&key.text));
                        let draft = at.map(|at| &self.keys[frame.keys[at]]);
                        let span = draft.map_or(key.span, |draft| draft.span);
                        if attach && draft.is_some_and(|draft| draft.declaration.stage != Stage::Build) {
                            self.faults.push(attach::unknown(&key.text, &name, span));
                            continue;
                        }
                        (draft.and_then(|draft| draft.value.clone()), span)
                    }
                    ArgumentValue::Build(build) => match self.file_of(frame, &build.text) {
                        Some((path, span)) => (Some(Value::Path(path)), span),
                        None => (None, build.span),
                    },
                };
                let Some(value) = value else { continue };
                if attach {
                    self.faults.extend(attach::check(&argument.name.text, &value, span));
                }
                arguments.push((names::canonical(&argument.name.text).into_owned(), value));
            }
            frame.steps.push(Step { role: step.role, tool: step.tool.text.clone(), arguments });
        }
    }

    /// A choice by a key without a value: a key that an outer implementation passes on may have none.
    fn no_choice(&mut self, key: usize, chosen_by: &str) {
        let draft = &self.keys[key];
        // A required key without a value is told later, once.
        if draft.faulty || (draft.value.is_none() && draft.declaration.required) {
            return;
        }
        let name = &draft.declaration.name;
        let fault = Diagnostic::error(Code::MissingKey, format!("the key `{name}` needs a value"))
            .label(draft.declaration.span, format!("the choice by `{chosen_by}` takes it"))
            .help(format!("add `--set {name}=...`, with {}", draft.declaration.ty.expected()));
        self.faults.push(fault);
    }

    /// A catalogue that forgets something: said at its `use`.
    fn missing_in_use(&mut self, given: &Given<'_>, name: &str, what: &str) {
        let (code, help) = if what == "param" {
            (Code::MissingValue, format!("add `{name}=...` to this line of the catalogue"))
        } else {
            (
                Code::UnboundRequirement,
                format!("add a block to this line of the catalogue: `{{ {name} DEVICE }}`"),
            )
        };
        let message = format!("this doesn't give `{}` the {what} `{name}`", given.name);
        let span = given.span;
        self.faults.push(Diagnostic::error(code, message).label(span, "here").help(help));
    }
}
