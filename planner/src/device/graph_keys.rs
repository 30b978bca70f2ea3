//! Keys: which there are, and what value each has for what reason.

use std::collections::{HashMap, HashSet};

use uk_diagnostic::{Code, Diagnostic, Span};
use uk_keys::{Stage, Value, words};

use super::resolve::Draft;
use super::{DeviceId, GraphKey, KeyId, ParamValue};
use crate::hint;
use crate::key::Key;
use crate::names;
use crate::read::Name;
use crate::settings::{KnownKey, Provenance, lookup_name};

/// A key while the graph is drawn.
pub(super) struct KeyDraft<'m> {
    pub declaration: &'m Key,
    /// The instance that brings it.
    pub owner: Option<usize>,
    pub value: Option<Value>,
    pub provenance: Provenance,
    pub span: Span,
    /// Whether a fault was told about its value: then a missing one is no further fault.
    pub faulty: bool,
    /// Whether the unikernel has it: its device is needed, and the choice that brings it was made.
    pub live: bool,
}

impl KeyDraft<'_> {
    /// What a param gets that refers to this key.
    pub fn as_param(&self, id: KeyId) -> ParamValue {
        match (&self.value, self.declaration.stage) {
            (Some(value), Stage::Build) => ParamValue::Fixed(value.clone()),
            (None, Stage::Build) => ParamValue::Absent,
            (_, Stage::Both | Stage::Run) => ParamValue::Key(id),
        }
    }
}

impl<'m> Draft<'m> {
    pub fn add_application_keys(&mut self) {
        let unikernel = self.unikernel;
        for key in &unikernel.keys {
            let index = self.add_key(key, None, None);
            self.keys[index].live = true;
            self.application_keys.insert(names::canonical(&key.name.text), index);
        }
    }

    /// A key that the device `owner` brings; `given` is what the device's line says.
    pub fn add_device_key(&mut self, key: &'m Key, owner: usize, given: Option<(Value, Span)>) -> usize {
        self.add_key(key, Some(owner), given)
    }

    fn add_key(&mut self, key: &'m Key, owner: Option<usize>, given: Option<(Value, Span)>) -> usize {
        let by_default = if owner.is_some() { Provenance::Catalogue } else { Provenance::Manifest };
        let mut draft = KeyDraft {
            declaration: key,
            owner,
            value: key.default.as_ref().map(|d| d.0.clone()),
            provenance: by_default,
            span: key.default.as_ref().map_or(key.span, |d| d.1),
            faulty: false,
            live: false,
        };
        if given.is_some() && key.secret {
            self.faults.push(secret_given(key));
            draft.faulty = true;
        } else if let Some((value, span)) = given {
            draft.value = Some(value);
            draft.span = span;
            draft.provenance = Provenance::Manifest;
        }
        let device = owner.map(|o| &*self.instances[o].name);
        for setting in self.settings.of(&key.name.text, device) {
            if key.stage == Stage::Run {
                self.faults.push(wrong_stage(key, setting, self.is_secret(key)));
                draft.faulty = true;
                continue;
            }
            match key.ty.parse(&setting.value) {
                Ok(value) => {
                    draft.value = Some(value);
                    draft.provenance = setting.provenance;
                    draft.span = setting.value_span;
                }
                Err(expected) if self.is_secret(key) => {
                    let message = format!("`{}` can't be what was given", key.name);
                    self.faults.push(
                        Diagnostic::error(Code::InvalidKeyValue, message)
                            .label(setting.name_span, format!("expected {expected}"))
                            .label(key.span, "the key is declared here"),
                    );
                    draft.faulty = true;
                }
                Err(expected) => {
                    let message = format!("`{}` can't be `{}`", key.name, setting.value.escape_debug());
                    let fault = Diagnostic::error(Code::InvalidKeyValue, message)
                        .label(setting.value_span, format!("expected {expected}"))
                        .label(key.span, "the key is declared here");
                    self.faults.push(match hint::meant(&key.ty, &setting.value) {
                        Some(meant) => fault.help(format!("did you mean `{meant}`?")),
                        None => fault,
                    });
                    draft.faulty = true;
                }
            }
        }
        self.keys.push(draft);
        self.keys.len() - 1
    }

    /// Whether what is given for `key` may be meant for a secret: one setting goes to every key of its name.
    fn is_secret(&self, key: &Key) -> bool {
        let of_devices = self.catalogue.implementations().iter().flat_map(|i| &i.keys);
        let mut all = self.unikernel.keys.iter().chain(of_devices).filter(|k| k.secret);
        key.secret || all.any(|other| lookup_name(&other.name.text) == lookup_name(&key.name.text))
    }

    /// The full names of all keys, needed or not, and whether they are secret.
    pub fn known_keys(&self) -> Vec<(String, bool)> {
        let full = |key: &KeyDraft<'_>| match key.owner {
            Some(owner) => format!("{}.{}", self.instances[owner].name, key.declaration.name),
            None => key.declaration.name.text.clone(),
        };
        self.keys.iter().map(|key| (full(key), key.declaration.secret)).collect()
    }

    /// `--set` on a name that no key has.
    pub fn check_settings(&mut self) {
        if self.settings.are_for_several() {
            return;
        }
        let full = self.known_keys();
        let unknown =
            self.settings.unknown(full.iter().map(|(name, secret)| KnownKey { name, secret: *secret }));
        let broken = |fault: &Diagnostic| {
            self.unikernel.broken.iter().any(|b| fault.message.contains(&format!("`{b}`")))
        };
        let unknown: Vec<Diagnostic> = unknown.into_iter().filter(|f| !broken(f)).collect();
        self.faults.extend(unknown);
    }

    /// Keys that must have a value when building is done, and don't.
    pub fn check_values(&mut self) {
        let missing = self.keys.iter().filter(|key| {
            let fixed = key.declaration.stage == Stage::Build && key.declaration.required;
            key.live && !key.faulty && fixed && key.value.is_none()
        });
        let faults: Vec<Diagnostic> = missing
            .map(|key| {
                let name = &key.declaration.name;
                Diagnostic::error(Code::MissingKey, format!("the key `{name}` needs a value"))
                    .label(key.declaration.span, "fixed in the image, and nobody gives it")
                    .help(format!("add `--set {name}=...`, with {}", key.declaration.ty.expected()))
            })
            .collect();
        self.faults.extend(faults);
    }

    /// The live keys under the names that command lines use: the application's as declared, then the devices' by name.
    /// `devices` says where an instance went. Gives the keys and where each draft went.
    pub fn graph_keys(&self, devices: &[Option<DeviceId>]) -> (Vec<GraphKey>, HashMap<u32, KeyId>) {
        let mut live: Vec<usize> = (0..self.keys.len()).filter(|i| self.keys[*i].live).collect();
        live.sort_by_key(|i| (self.keys[*i].owner.map(|o| &*self.instances[o].name), *i));
        let mut count: HashMap<String, u32> = HashMap::new();
        for index in &live {
            *count
                .entry(names::canonical(&self.keys[*index].declaration.name.text).into_owned())
                .or_default() += 1;
        }
        let mut moved = HashMap::new();
        let mut keys = Vec::with_capacity(live.len());
        for index in live {
            let draft = &self.keys[index];
            let short = &draft.declaration.name.text;
            let name = match draft.owner {
                Some(owner) if count[&*names::canonical(short)] > 1 => {
                    format!("{}.{short}", self.instances[owner].name)
                }
                _ => short.clone(),
            };
            moved.insert(index as u32, KeyId(keys.len() as u32));
            keys.push(GraphKey {
                name,
                short: short.clone(),
                device: draft.owner.and_then(|o| devices[o]),
                ty: draft.declaration.ty.clone(),
                stage: draft.declaration.stage,
                doc: draft.declaration.doc.clone(),
                required: draft.declaration.required,
                secret: draft.declaration.secret,
                has_default: draft.declaration.default.is_some(),
                value: draft.value.clone(),
                provenance: draft.provenance,
                span: draft.span,
            });
        }
        (keys, moved)
    }

    /// Keys of the application whose names, or whose enums' names, stand for the same Rust name as another's.
    pub fn check_key_names(&mut self) {
        let mut seen: HashSet<String> = HashSet::new();
        let mut enums: HashMap<String, &Key> = HashMap::new();
        for key in &self.unikernel.keys {
            if !seen.insert(names::canonical(&key.name.text).to_lowercase()) {
                let message = format!("`{}` differs from another key only in case", key.name);
                self.faults.push(
                    Diagnostic::error(Code::NameClash, message)
                        .label(key.name.span, "here")
                        .help("give it another name: variables of the environment have one case"),
                );
            } else if key.ty.name() == "enum"
                && let Some(first) = enums.insert(names::camel(&key.name.text), key)
            {
                let message =
                    format!("the enums of `{}` and `{}` become one name in Rust", first.name, key.name);
                self.faults.push(
                    Diagnostic::error(Code::NameClash, message)
                        .label(key.name.span, "the second")
                        .label(first.name.span, "the first")
                        .help("give one of them another name"),
                );
            }
        }
    }

    /// Jobs whose names differ only in case.
    pub fn check_job_names(&mut self) {
        let mut first: HashMap<String, &Name> = HashMap::new();
        for job in &self.unikernel.jobs {
            if let Some(first) = first.insert(names::canonical(&job.name.text).to_lowercase(), &job.name) {
                let message = format!("the jobs `{first}` and `{}` differ only in case", job.name);
                self.faults.push(
                    Diagnostic::error(Code::NameClash, message)
                        .label(job.name.span, "the second")
                        .label(first.span, "the first")
                        .help("give one of them another name"),
                );
            }
        }
    }
}

/// A secret that a device's line, or a `use` of the catalogue, gives away.
pub(super) fn secret_given(key: &Key) -> Diagnostic {
    let message =
        format!("`{}` is secret: it is never put into an image, and a device's line gives it", key.name);
    // Without the line that gives it: an excerpt would show the value.
    Diagnostic::error(Code::KeyStage, message)
        .label(key.span, "declared here")
        .help(format!("leave `{}=...` out, and boot with `uk run -- --{}=...`", key.name, key.name))
}

fn wrong_stage(key: &Key, setting: &crate::settings::Setting, secret: bool) -> Diagnostic {
    let message = if key.secret {
        format!("`{}` is secret: it is never put into an image", key.name)
    } else {
        format!("`{}` is given when the unikernel boots, not when it is built", key.name)
    };
    let run = if secret {
        format!("leave it out here, and boot with `uk run -- --{}=...`", key.name)
    } else {
        let typed = words::quote([format!("--{}={}", key.name, setting.value)]);
        format!("leave it out here, and boot with `uk run -- {typed}`")
    };
    Diagnostic::error(Code::KeyStage, message)
        .label(setting.name_span, "given here")
        .label(key.span, "declared here")
        .help(run)
}
