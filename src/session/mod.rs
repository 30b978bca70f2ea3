//! The composition of the stages: projects -> manifests -> device graphs -> one action graph. No stage is here itself.

mod again;
mod check;
mod data;
mod members;
mod reading;
mod source_set;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use uk_action::{ActionId, Class, Graph};
use uk_backends::Target;
use uk_diagnostic::{Code, Diagnostic, Sources, sort};
use uk_loader::{Cargo, DeviceText, Locking, Project, RootCrate, Sdk, SourceSet};
use uk_planner::KnownKey;
use uk_planner::catalogue::{Catalogue, Document};
use uk_planner::device::{self, DeviceGraph};
use uk_planner::generate::{self, MainRs};
use uk_planner::lower::{Image, Lowering, Wiring};
use uk_planner::manifest::Unikernel;
use uk_planner::units::Crates;
use uk_store::{Cancel, Sandboxing, Store};

use crate::cli::Select;
use crate::failure::Failure;
use crate::hooks;
use check::{Checked, Question};
use members::{Member, members, projects_of, settings, targets};
use reading::Reading;

pub use data::DataNode;
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
    /// What isn't a fault but should be known.
    pub warnings: Vec<Diagnostic>,
    /// What is wrong with members of a workspace that were left out.
    pub left_out: Vec<Diagnostic>,
    /// What was asked for.
    asked: again::Asked,
    /// Lets `uk clean` wait.
    _held: Vec<File>,
}

/// One unikernel on one target.
pub struct Planned {
    /// Its folder.
    pub project: Project,
    /// Its name, with the values that tell it from other variants (`kv-ro+kv_ro=fat`).
    pub name: String,
    /// The values that tell it from other variants, as `--set` takes them.
    pub chosen: Vec<String>,
    /// Its devices, jobs and keys.
    pub devices: DeviceGraph,
    /// Its generated main.
    pub main: MainRs,
    /// Its last nodes.
    pub image: Image,
    /// The data of its devices.
    pub data: Vec<DataNode>,
    /// Which files are the application's sources.
    pub sources: SourceSet,
    /// What cargo resolved for it.
    pub crates: Crates,
}

impl Planned {
    /// The nodes that make what is put into `dist/`.
    pub fn roots(&self) -> impl Iterator<Item = ActionId> {
        [self.image.link, self.image.pack].into_iter().chain(self.files().map(|(_, node)| node))
    }

    /// The files of data that it is given when it runs: their names in `dist/`, and what makes them.
    pub fn files(&self) -> impl Iterator<Item = (&str, ActionId)> {
        self.data.iter().filter_map(|data| Some((data.file()?, data.node)))
    }

    /// The name of its artifact in `dist/`.
    pub fn artifact(&self) -> String {
        format!("{}{}", self.name, self.devices.target().suffix())
    }
}

impl Session {
    /// The nodes of everything that is put beside the manifests: artifacts, and what hooks make.
    pub fn roots(&self) -> Vec<ActionId> {
        let hooks = self.hooks.iter().flat_map(hooks::Plan::actions);
        self.planned.iter().flat_map(Planned::roots).chain(hooks).collect()
    }

    /// Plans what `select` names in `folder`, until `cancel` ends the command. With `go_on`, members of a workspace that
    /// have faults are left out, unless all have.
    ///
    /// # Errors
    /// Every fault of the stage that could not be passed.
    pub fn plan(folder: &Path, select: &Select, go_on: bool, cancel: &Cancel) -> Result<Self, Failure> {
        let root = Project::find(folder)?;
        let mut reading = Reading::default();
        let targets = targets(&select.target, &mut reading.faults);
        let (members, others) = members(&root, select, &mut reading)?;
        settings(&select.set, true, &mut reading);
        // Without a unikernel there is nothing to go on with.
        if members.iter().all(|member| member.unikernel.is_none()) {
            reading.faults.extend(members.iter().flat_map(|member| member.faults.iter().cloned()));
        }
        reading.stop_at_faults()?;

        let projects = members.iter().map(|m| &m.project).chain([&root]);
        let held: Vec<File> = projects.clone().filter_map(Project::hold).collect();
        let new: Vec<Project> =
            projects.filter(|project| project.state().symlink_metadata().is_err()).cloned().collect();
        let planned = build_plan(&root, (&members, &others), &targets, select, go_on, cancel, &mut reading);
        let mut failure = match planned {
            Ok(session) => return Ok(Self { _held: held, ..session }),
            Err(failure) => failure,
        };
        // What is at fault leaves nothing behind.
        drop(held);
        new.iter().for_each(Project::forget);
        // Where the machine lacks something, what is wrong with the manifests is known all the same.
        let known = members.into_iter().flat_map(|member| member.faults);
        failure.diagnostics.extend(known);
        failure.sources = reading.sources;
        sort(&mut failure.diagnostics);
        failure.called_off();
        Err(failure)
    }
}

/// The store that the environment names, for a command that `cancel` ends, and the SDK in it.
fn open_store(cancel: &Cancel) -> Result<(Store, Sdk), Failure> {
    let store = Store::default_root(|name| std::env::var_os(name)).and_then(|root| Store::open(&root));
    let store = store.map_err(|error| error.diagnostic())?.with_sandboxing(sandboxing()?);
    let store = store.with_cancel(cancel.clone());
    let sdk = Sdk::publish(&store).map_err(|error| error.diagnostic())?;
    Ok((store, sdk))
}

/// The walls that the environment asks for; the best that there are without.
fn sandboxing() -> Result<Sandboxing, Failure> {
    let launcher = Some(PathBuf::from("/proc/self/exe"));
    let wish = std::env::var_os("UK_SANDBOX").unwrap_or_default();
    let wish = wish.to_string_lossy();
    let class = Class::named(&wish);
    if class.is_none() && !wish.is_empty() {
        let names = Class::ALL.map(|class| format!("`{}`", class.name())).join(", ");
        return Err(Failure::from(
            Diagnostic::error(
                Code::SandboxFailed,
                format!("`UK_SANDBOX` is `{wish}`, which is no class of sandbox"),
            )
            .help(format!(
                "there are {names}; without the variable, `uk` takes the first of them that works"
            )),
        ));
    }
    Ok(Sandboxing { launcher, class })
}

/// Makes the links by which plain cargo finds the SDK in `projects`.
pub fn link_sdk(projects: &[&Project], cancel: &Cancel) -> Result<(), Failure> {
    let (_, sdk) = open_store(cancel)?;
    Ok(projects.iter().try_for_each(|project| project.prepare(&sdk))?)
}

/// The SDK's own catalogue, then that of the project of `folder`, or of every member of its workspace; and what is wrong
/// with those that can't be read.
pub fn catalogues_of(
    folder: &Path,
    locking: Locking,
    cancel: &Cancel,
) -> (Vec<Catalogue>, Result<(), Failure>) {
    let mut reading = Reading::default();
    let mut catalogues: Vec<Catalogue> = catalogue(&Sdk::devices(), &mut reading).into_iter().collect();
    let root = match Project::find(folder) {
        Err(fault) if fault.code == Code::NoManifest && folder.is_dir() => return (catalogues, Ok(())),
        found => found.map_err(Failure::from),
    };
    let host = root.and_then(|root| {
        let (store, sdk) = open_store(cancel)?;
        Ok((uk_loader::host(&root, &store)?, sdk, root))
    });
    let (host, sdk, root) = match host {
        Ok(host) => host,
        Err(failure) => return (catalogues, Err(failure)),
    };
    for project in projects_of(&root, &mut reading) {
        let _held = project.hold();
        let prepared = project.prepare(&sdk);
        let found =
            prepared.and_then(|()| Cargo::new(&project, &host, &sdk, locking, cancel).application(&[]));
        match reading.take(found.map_err(|fault| vec![*fault])) {
            Some(found) if !found.devices.is_empty() => {
                catalogues.extend(catalogue(&[Sdk::devices(), found.devices].concat(), &mut reading));
            }
            _ => {}
        }
    }
    sort(&mut reading.faults);
    (catalogues, reading.stop_at_faults())
}

fn build_plan(
    root: &Project,
    (members, others): (&[Member], &[Member]),
    targets: &[Target],
    select: &Select,
    go_on: bool,
    cancel: &Cancel,
    reading: &mut Reading,
) -> Result<Session, Failure> {
    let begun = Instant::now();
    let (store, sdk) = open_store(cancel)?;
    // What is known of the toolchain is kept beside the manifest that the command was given.
    root.prepare(&sdk)?;
    let host = uk_loader::host(root, &store)?;
    let locking = Locking { locked: select.locked, offline: select.offline };
    let built_in = catalogue(&Sdk::devices(), reading).ok_or_else(|| reading.failure())?;
    let several = members.len() > 1;
    let question =
        Question { host: &host, sdk: &sdk, locking, cancel, built_in: &built_in, targets, select, several };
    // Every manifest is checked before the first crate is looked at.
    let mut faulty: Vec<Diagnostic> = Vec::new();
    let mut checked = Vec::new();
    for member in members {
        match question.check(member, reading) {
            Ok(sound) => checked.push(sound),
            Err(faults) => faulty.extend(faults),
        }
    }
    if several {
        let unikernels: Vec<&Unikernel> = members.iter().filter_map(|m| m.unikernel.as_ref()).collect();
        reading.faults.extend(device::check_workspace(&unikernels));
    }
    let mut warnings = Vec::new();
    // What a member without a graph has isn't known.
    if faulty.is_empty() {
        let settings = settings(&select.set, several, reading);
        let keys = checked.iter().flat_map(|c| &c.graphs).flat_map(|(_, graph)| graph.known_keys());
        if several {
            reading.faults.extend(settings.unknown(keys.clone()));
        }
        // A variable may be meant for a unikernel that isn't looked at.
        let elsewhere = others.iter().filter_map(|m| m.unikernel.as_ref()).flat_map(|u| &u.keys);
        let elsewhere = elsewhere.map(|key| KnownKey { name: &key.name.text, secret: key.secret });
        warnings.extend(settings.unknown_variables(keys.chain(elsewhere)));
    }
    reading.stop_at_faults()?;
    if !go_on && !faulty.is_empty() {
        return Err(Failure::new(faulty, &reading.sources));
    }

    let mut lowering = Lowering::new(&host);
    let mut planned = Vec::new();
    let mut plans = Vec::new();
    for sound in checked {
        match lower(sound, &mut lowering, &store, &mut warnings) {
            Ok((made, plan)) => {
                planned.extend(made);
                plans.push(plan);
            }
            Err(fault) => faulty.push(*fault),
        }
    }
    sort(&mut faulty);
    if !faulty.is_empty() && (!go_on || planned.is_empty()) {
        return Err(Failure::new(faulty, &reading.sources));
    }
    cancel.check()?;
    sort(&mut warnings);
    let sources = std::mem::take(&mut reading.sources);
    let (hooks, graph, left_out) = (plans, lowering.finish(), faulty);
    let asked = again::Asked { folder: root.folder.clone(), select: select.clone() };
    Ok(Session { begun, sources, store, planned, graph, hooks, warnings, left_out, asked, _held: Vec::new() })
}

/// Adds the actions of every image of one unikernel, and plans what its hooks make.
fn lower(
    sound: Checked<'_>,
    lowering: &mut Lowering<'_>,
    store: &Store,
    warnings: &mut Vec<Diagnostic>,
) -> Result<(Vec<Planned>, hooks::Plan), Box<Diagnostic>> {
    let Checked { project, unikernel, cargo, found, crates, graphs, origins, source_set, mut stamps } = sound;
    let hooks = hooks::Plan::new(project, &unikernel.hooks, lowering, &mut stamps, store)?;
    let mut planned = Vec::with_capacity(graphs.len());
    for ((variant, devices), origins) in graphs.into_iter().zip(origins) {
        let name = format!("{}{}", devices.name().text, variant.suffix);
        let main = generate::main_rs(&devices);
        warnings.extend(devices.warnings().iter().cloned());
        let mut named = devices.crates();
        named.push(devices.target().guest_package());
        let crates = cargo.crates(&found, &crates, &named, &mut stamps, &source_set)?;
        let (data, embedded) = data::nodes(&devices, &origins, &hooks, lowering);
        let image = lowering.image(
            &crates,
            &Wiring {
                name: &name,
                target: devices.target(),
                main: &main.text,
                keys: &generate::key_table(&devices),
                projection: &generate::projection(&unikernel.keys),
                data: &embedded,
                span: Some(unikernel.span),
            },
        );
        let (project, sources, chosen) = (project.clone(), source_set.clone(), variant.chosen);
        planned.push(Planned { project, name, chosen, devices, main, image, data, sources, crates });
    }
    warnings.extend(source_set::unfit_globs(project, unikernel, &stamps));
    stamps.save();
    Ok((planned, hooks))
}

fn catalogue(texts: &[DeviceText], reading: &mut Reading) -> Option<Catalogue> {
    let documents: Vec<Document<'_>> = texts
        .iter()
        .map(|device| Document {
            package: &device.package,
            source: reading.sources.add(&device.name, device.text.as_str()),
            text: &device.text,
        })
        .collect();
    reading.take(Catalogue::parse(&documents))
}

/// What any main of `unikernel` may name, for its lock file: the guest halves of all targets and every device's crate.
fn root_crates(unikernel: &Unikernel, catalogue: &Catalogue, texts: &[DeviceText]) -> Vec<RootCrate> {
    let mut crates = device::crates_for_all_targets(unikernel, catalogue);
    crates.extend(Target::ALL.map(|target| target.guest_package().to_owned()));
    let requirement = |package: &str| texts.iter().find(|t| t.package == package)?.requirement.clone();
    crates.into_iter().map(|package| RootCrate { requirement: requirement(&package), package }).collect()
}
