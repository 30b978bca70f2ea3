//! The composition of the stages: projects -> manifests -> device graphs -> one action graph. No stage is here itself.

mod members;
mod reading;

use std::path::{Path, PathBuf};
use std::time::Instant;

use uk_action::Graph;
use uk_backends::Target;
use uk_diagnostic::{Code, Diagnostic, Sources};
use uk_loader::{Cargo, DeviceText, Locking, Project, RootCrate, Sdk};
use uk_planner::catalogue::{Catalogue, Document, Role};
use uk_planner::device::{self, Attached, DeviceGraph};
use uk_planner::entries;
use uk_planner::generate::{self, MainRs};
use uk_planner::lower::{Image, Lowering, Wiring};
use uk_planner::manifest::{Step, Unikernel};
use uk_store::Store;

use crate::cli::Select;
use crate::failure::Failure;
use crate::hooks;
use members::{Member, members, settings, targets, variants};
use reading::Reading;

pub use members::projects;

/// Everything that a command was asked to look at or build, planned.
pub struct Session {
    /// When the command began.
    pub begun: Instant,
    /// Every text that was read.
    pub sources: Sources,
    /// The store.
    pub store: Store,
    /// Each unikernel on each target.
    pub planned: Vec<Planned>,
    /// The actions of all of them.
    pub graph: Graph,
    /// What the hooks of each project make.
    pub hooks: Vec<hooks::Plan>,
}

/// One unikernel on one target.
pub struct Planned {
    /// Its folder.
    pub project: Project,
    /// Its name, with the values that tell it from other variants (`kv-ro+kv_ro=fat`).
    pub name: String,
    /// Its devices, jobs and keys.
    pub devices: DeviceGraph,
    /// Its generated main.
    pub main: MainRs,
    /// Its last nodes.
    pub image: Image,
    /// The files that hooks make, relative to the manifest, each with its hook.
    pub made: Vec<(String, String)>,
    /// What isn't a fault but should be known.
    pub warnings: Vec<Diagnostic>,
}

impl Planned {
    /// The name of its artifact in `dist/`.
    pub fn artifact(&self) -> String {
        format!("{}{}", self.name, self.devices.target().suffix())
    }
}

impl Session {
    /// Plans what `select` names in `folder`.
    ///
    /// # Errors
    /// Every fault of the stage that could not be passed.
    pub fn plan(folder: &Path, select: &Select) -> Result<Self, Failure> {
        let root = Project::find(folder)?;
        let mut reading = Reading::default();
        let targets = targets(&select.target, &mut reading.faults);
        settings(&select.set, true, &mut reading);
        let members = members(&root, select, &mut reading)?;
        reading.stop_at_faults()?;

        let states = members.iter().map(|m| &m.project).chain([&root]).map(Project::state);
        let new: Vec<PathBuf> = states.filter(|state| !state.exists()).collect();
        let planned = build_plan(&root, &members, &targets, select, reading);
        if planned.is_err() {
            // What is at fault leaves nothing behind.
            for state in new {
                let _ = std::fs::remove_dir_all(state);
            }
        }
        planned
    }
}

/// The store that the environment names, and the SDK in it.
fn open_store() -> Result<(Store, Sdk), Failure> {
    let store = Store::default_root(|name| std::env::var_os(name)).and_then(|root| Store::open(&root));
    let store = store.map_err(|error| error.diagnostic())?;
    let sdk = Sdk::publish(&store).map_err(|error| error.diagnostic())?;
    Ok((store, sdk))
}

/// Makes the links by which plain cargo finds the SDK in `projects`.
pub fn link_sdk(projects: &[&Project]) -> Result<(), Failure> {
    let (_, sdk) = open_store()?;
    Ok(projects.iter().try_for_each(|project| project.prepare(&sdk))?)
}

/// The catalogue of the project of `folder`, with what every member of a workspace brings; that of the SDK alone where
/// there is no project.
pub fn catalogue_of(folder: &Path, locking: Locking) -> Result<Catalogue, Failure> {
    let mut texts = Sdk::devices();
    let root = match Project::find(folder) {
        Err(fault) if fault.code == Code::NoManifest && folder.is_dir() => None,
        found => Some(found?),
    };
    if let Some(root) = root {
        let (store, sdk) = open_store()?;
        let host = uk_loader::host(&root, &store)?;
        for project in projects(&root)? {
            project.prepare(&sdk)?;
            for device in Cargo::new(&project, &host, &sdk, locking).application(&[])?.devices {
                if !texts.contains(&device) {
                    texts.push(device);
                }
            }
        }
    }
    let mut reading = Reading::default();
    let catalogue = catalogue(&texts, &mut reading);
    reading.stop_at_faults()?;
    Ok(catalogue)
}

fn build_plan(
    root: &Project,
    members: &[Member],
    targets: &[Target],
    select: &Select,
    mut reading: Reading,
) -> Result<Session, Failure> {
    let begun = Instant::now();
    let (store, sdk) = open_store()?;
    // What is known of the toolchain is kept beside the manifest that the command was given.
    root.prepare(&sdk)?;
    members.iter().try_for_each(|member| member.project.prepare(&sdk))?;
    let host = uk_loader::host(root, &store)?;
    let locking = Locking { locked: select.locked, offline: select.offline };
    let built_in = catalogue(&Sdk::devices(), &mut reading);
    // Every manifest is checked before the first crate is looked at.
    let mut checked = Vec::new();
    for member in members {
        let cargo = Cargo::new(&member.project, &host, &sdk, locking);
        let found = cargo.application(&root_crates(&member.unikernel, &built_in, &[]))?;
        let own = (!found.devices.is_empty()).then(|| {
            let mut texts = Sdk::devices();
            texts.extend(found.devices.iter().cloned());
            catalogue(&texts, &mut reading)
        });
        let catalogue = own.as_ref().unwrap_or(&built_in);
        let mut graphs = Vec::new();
        for variant in variants(select, &member.unikernel, catalogue)? {
            let settings = settings(&variant.pairs, members.len() > 1, &mut reading);
            for &target in targets {
                let resolved = device::resolve(&member.unikernel, catalogue, target, &settings);
                if let Ok(graph) = &resolved {
                    let parameters = |path: &str| cargo.parameters(&found, path);
                    reading.faults.extend(entries::check(graph, catalogue, &found.library, parameters));
                }
                graphs.extend(reading.take(resolved).map(|graph| (variant.suffix.clone(), graph)));
            }
        }
        let crates = root_crates(&member.unikernel, catalogue, &found.devices);
        checked.push((member, cargo, found, crates, graphs));
    }
    if members.len() > 1 {
        let unikernels: Vec<&Unikernel> = members.iter().map(|m| &m.unikernel).collect();
        reading.faults.extend(device::check_workspace(&unikernels));
        let settings = settings(&select.set, true, &mut reading);
        let keys = checked.iter().flat_map(|c| &c.4).flat_map(|(_, graph)| graph.known_keys());
        reading.faults.extend(settings.unknown(keys));
    }
    // One fault that shows on several targets is one fault.
    uk_diagnostic::sort(&mut reading.faults);
    reading.stop_at_faults()?;

    let mut lowering = Lowering::new(&host);
    let mut planned = Vec::new();
    let mut plans = Vec::new();
    for (member, cargo, found, crates, graphs) in checked {
        let mut stamps = uk_loader::SourceSets::new(&member.project.state().join("stamps"));
        let (mut except, include) = source_set(&member.unikernel);
        except.extend(attached(&graphs));
        let made = hooks::Plan::new(&member.project, &member.unikernel.hooks, &mut stamps);
        plans.push(made.map_err(|fault| Failure::new(vec![*fault], &reading.sources))?);
        for (suffix, devices) in graphs {
            let name = format!("{}{suffix}", devices.name().text);
            let main = generate::main_rs(&devices);
            let mut warnings = devices.warnings().to_vec();
            warnings.extend(not_carried_out(&member.unikernel, &devices));
            let mut named = devices.crates();
            named.push(devices.target().guest_package());
            let crates = cargo.crates(&found, &crates, &named, &mut stamps, &except, &include)?;
            let image = lowering.image(
                &crates,
                &Wiring {
                    name: &name,
                    target: devices.target(),
                    main: &main.text,
                    keys: &generate::key_table(&devices),
                    projection: &generate::projection(&member.unikernel.keys),
                    span: Some(member.unikernel.span),
                },
            );
            planned.push(Planned {
                project: member.project.clone(),
                name,
                devices,
                main,
                image,
                made: made_by_hooks(&member.unikernel),
                warnings,
            });
        }
        stamps.save();
    }
    Ok(Session { begun, sources: reading.sources, store, planned, graph: lowering.finish(), hooks: plans })
}

fn catalogue(texts: &[DeviceText], reading: &mut Reading) -> Catalogue {
    let documents: Vec<Document<'_>> = texts
        .iter()
        .map(|device| Document {
            package: &device.package,
            source: reading.sources.add(&device.name, device.text.as_str()),
            text: &device.text,
        })
        .collect();
    reading.take(Catalogue::parse(&documents)).unwrap_or_default()
}

/// What any main of `unikernel` may name, for its lock file: the guest halves of all targets and every device's crate.
fn root_crates(unikernel: &Unikernel, catalogue: &Catalogue, texts: &[DeviceText]) -> Vec<RootCrate> {
    let mut crates = device::crates_for_all_targets(unikernel, catalogue);
    crates.extend(Target::ALL.map(|target| target.guest_package().to_owned()));
    let requirement = |package: &str| texts.iter().find(|t| t.package == package)?.requirement.clone();
    crates.into_iter().map(|package| RootCrate { requirement: requirement(&package), package }).collect()
}

/// What the application's source set leaves out (what hooks make) and what it takes in besides.
fn source_set(unikernel: &Unikernel) -> (Vec<String>, Vec<String>) {
    let except = unikernel.hooks.paths().map(str::to_owned).collect();
    let include = unikernel.includes.iter().map(|name| name.text.clone()).collect();
    (except, include)
}

/// The files that guests are given, which are no sources either: guests write to them.
fn attached(graphs: &[(String, DeviceGraph)]) -> Vec<String> {
    let devices = graphs.iter().flat_map(|(_, graph)| graph.devices());
    let all = devices.flat_map(|device| &device.attachments);
    let mut files: Vec<String> = all
        .filter(|attachment| matches!(attachment.what, Attached::File { .. }))
        .map(|attachment| attachment.path().to_owned())
        .collect();
    files.sort();
    files.dedup();
    files
}

/// What hooks make, with their names.
fn made_by_hooks(unikernel: &Unikernel) -> Vec<(String, String)> {
    let makes = unikernel.hooks.steps().iter();
    let files = makes
        .flat_map(|make| make.step.makes().into_iter().map(|path| (path.text.clone(), make.hook.clone())));
    files.collect()
}

/// What the language has and this version only reads.
fn not_carried_out(unikernel: &Unikernel, devices: &DeviceGraph) -> Vec<Diagnostic> {
    let runs = unikernel.hooks.steps().iter().filter(|make| matches!(make.step, Step::Run(_)));
    let hooks = runs.map(|make| (format!("a `run` of the hook `{}`", make.hook), make.place()));
    let data =
        devices.devices().iter().filter(|device| device.steps.iter().any(|step| step.role == Role::Build));
    let data = data.map(|device| (format!("the data of the device `{}`", device.name), device.span));
    hooks
        .chain(data)
        .map(|(what, span)| {
            Diagnostic::warning(
                Code::NotCarriedOut,
                format!("{what} is read, but this version makes nothing of it"),
            )
            .label(span, "here")
            .help("make its files by hand before `uk run`")
        })
        .collect()
}
