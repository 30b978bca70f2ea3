//! Asking cargo: which device catalogues an application brings, and which units a target is made of.

use std::cell::{OnceCell, RefCell};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use cargo_metadata::Package;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uk_action::Digest;
use uk_diagnostic::{Code, Diagnostic};
use uk_planner::entries::{Parameters, parameters};
use uk_planner::lower::Host;
use uk_planner::units::{self, Crates, Origin};
use uk_store::{Cancel, write_atomically};

use crate::lock::{Checksums, checksums};
use crate::memo::{Place, Watch, recall, remember};
use crate::project::not_writable;
use crate::{Project, Result, Root, RootCrate, Sdk, SourceSet, SourceSets};
use ask::{Resolution, parse};
use graph::For;
use known::Known;
use requirement::requirement;

mod ask;
mod graph;
mod known;
mod lints;
mod program;
mod refusal;
mod requirement;
mod sealed;
mod watch;

pub use program::programs;
pub use sealed::unpack;

/// A `device.kdl` and the crate that carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceText {
    /// The package.
    pub package: String,
    /// How a root package depends on it; nothing for the SDK's own.
    pub requirement: Option<String>,
    /// The file as messages name it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What may happen to `unikernel.lock`, and whether the network may be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locking {
    /// A lock file that would change is an error.
    pub locked: bool,
    /// Only crates that are already on this machine.
    pub offline: bool,
}

/// Cargo, for one application.
pub struct Cargo<'a> {
    /// The project of the application.
    pub project: &'a Project,
    /// What the host builds with.
    pub host: &'a Host,
    /// The unpacked SDK.
    pub sdk: &'a Sdk,
    /// What may happen to the lock file.
    pub locking: Locking,
    /// What ends it.
    cancel: &'a Cancel,
    /// The last resolution, by the root's manifest.
    resolved: RefCell<Option<(String, Rc<Resolution>)>>,
    /// What the application was found to be, until the lock file that it hangs on is settled.
    unsettled: RefCell<Option<(Watch, Found)>>,
    /// Keeps other processes from writing cargo's root meanwhile, from the first question that no memo answers.
    alone: OnceCell<Option<File>>,
}

/// What an application is, and what catalogues its dependencies bring.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    /// Its package name.
    pub package: String,
    /// Its library's name in Rust code.
    pub library: String,
    /// The library's root source file.
    pub source: PathBuf,
    /// The catalogues of its dependencies.
    pub devices: Vec<DeviceText>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Answer {
    packages: Vec<Known>,
    units: Vec<units::Unit>,
    root: Vec<units::Dependency>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Question {
    manifest: String,
    features: String,
    locking: Locking,
    toolchain: Digest,
}

impl<'a> Cargo<'a> {
    /// Cargo for the application of `project`.
    pub fn new(
        project: &'a Project,
        host: &'a Host,
        sdk: &'a Sdk,
        locking: Locking,
        cancel: &'a Cancel,
    ) -> Self {
        let (resolved, unsettled, alone) = Default::default();
        Self { project, host, sdk, locking, cancel, resolved, unsettled, alone }
    }

    /// What the memo at `place` knows, also if another process finds it while this one waits for its turn to ask cargo.
    fn recall<T: DeserializeOwned>(&self, place: &Path, question: &Question) -> Option<T> {
        let known = || recall(Place::File(place), question);
        if self.alone.get().is_some() {
            return known();
        }
        known().or_else(|| {
            self.alone.get_or_init(|| self.project.alone());
            known()
        })
    }

    /// The application beside the manifest, and the catalogues among its dependencies. `expected` is what its mains
    /// name if there are no such catalogues: then one resolution serves this and [`Cargo::crates`].
    ///
    /// # Errors
    /// `UK0401`, `UK0402`, `UK0403`, or `UK0506` where cargo's root can't be written.
    pub fn application(&self, expected: &[RootCrate]) -> Result<Found> {
        let folder = &self.project.folder;
        if let Some(known) = self.recall(&self.application_memo(), &self.question(String::new(), "")) {
            return Ok(known);
        }
        let mut watch = self.watch();
        if !folder.join("Cargo.toml").is_file() {
            return Err(Box::new(
                Diagnostic::error(Code::CargoFailed, format!("there is no `Cargo.toml` beside `{}`", self.project.name))
                    .help("a unikernel's application is a library crate in the manifest's folder: `cargo init --lib`"),
            ));
        }
        let own = self.cargo(folder, &["metadata", "--format-version=1", "--no-deps"])?;
        let own = parse(&own)?.metadata;
        let here = folder.join("Cargo.toml");
        let package =
            own.packages.iter().find(|p| p.manifest_path.as_std_path() == here).ok_or_else(|| {
                Diagnostic::error(
                    Code::CargoFailed,
                    format!("the `Cargo.toml` beside `{}` is no package", self.project.name),
                )
                .help("a unikernel's application is a library crate: give it a `[package]`")
            })?;
        let library = package.targets.iter().find(|t| t.is_lib()).ok_or_else(|| {
            Diagnostic::error(Code::CargoFailed, format!("the package `{}` has no library", package.name))
                .help("a unikernel's application is a library crate: give it a `src/lib.rs`")
        })?;
        let name = package.name.to_string();
        let (library, source) =
            (library.name.replace('-', "_"), library.src_path.clone().into_std_path_buf());
        let root = Root { application: &name, folder, crates: expected };
        let resolution = self.resolve(&root.manifest(self.sdk))?;
        let metadata = &resolution.metadata;
        self.check_sdk(metadata)?;
        self.watch_packages(&mut watch, metadata);
        let mut devices = Vec::new();
        let checksums = self.checksums();
        for package in &metadata.packages {
            let dir = package_folder(package);
            let Some(file) = package.metadata.pointer("/uk/devices").and_then(|v| v.as_str()) else {
                continue;
            };
            if self.sdk.digest(&dir).is_some() {
                continue;
            }
            let path = dir.join(file);
            watch.file(&path);
            let text = std::fs::read_to_string(&path).map_err(|error| {
                Diagnostic::error(
                    Code::UnreadableManifest,
                    format!("`{}` can't be read: {error}", path.display()),
                )
                .note(format!("the crate `{}` names it in `[package.metadata.uk]` of its `Cargo.toml`", package.name))
                .help("write that file, as UTF-8 text, or take `devices` out of the `Cargo.toml`: `uk explain UK0102`")
            })?;
            if package.source.is_some() {
                sealed::check(package, &dir, &checksums, Some((file, &text)))?;
            }
            devices.push(DeviceText {
                package: package.name.to_string(),
                requirement: Some(requirement(package)),
                name: path.display().to_string(),
                text,
            });
        }
        let found = Found { package: name, library, source, devices };
        *self.unsettled.borrow_mut() = Some((watch, found.clone()));
        Ok(found)
    }

    fn application_memo(&self) -> PathBuf {
        self.project.state().join("application.json")
    }

    /// What the function `path` of the application takes, if its root source file plainly shows that.
    pub fn parameters(&self, found: &Found, path: &str) -> Option<Parameters> {
        let source = self.project.folder.join(&found.source);
        let memo = self.project.state().join(format!("entry-{}.json", Digest::of(path.as_bytes()).short()));
        let place = Place::File(&memo);
        if let Some(known) = recall(place, &source) {
            return known;
        }
        let mut watch = Watch::default();
        watch.file(&source);
        let read = std::fs::read_to_string(&source).ok().and_then(|text| parameters(&text, path));
        remember(place, &source, watch, &read);
        read
    }

    /// The packages and units of a main that names `named` out of `crates`, which are all that any main of this
    /// application may name. `own` is for the application's sources.
    ///
    /// # Errors
    /// As [`Cargo::application`], and `UK0406` where a source can't be read.
    pub fn crates(
        &self,
        found: &Found,
        crates: &[RootCrate],
        named: &[&str],
        sources: &mut SourceSets,
        own: &SourceSet,
    ) -> Result<Crates> {
        let root = Root { application: &found.package, folder: &self.project.folder, crates };
        let manifest = root.manifest(self.sdk);
        let features = named.join(",");
        let memo = format!("units-{}.json", Digest::of(features.as_bytes()).short());
        let memo = self.project.state().join(memo);
        let question = self.question(manifest.clone(), &features);
        let answer = match self.recall(&memo, &question) {
            Some(answer) => answer,
            None => {
                let mut watch = self.watch();
                let resolution = self.resolve(&manifest)?;
                self.check_sdk(&resolution.metadata)?;
                self.settle_lock()?;
                watch.file(self.project.lock());
                self.watch_packages(&mut watch, &resolution.metadata);
                let answer = self.units(&resolution, &features)?;
                remember(Place::File(&memo), &question, watch, &answer);
                answer
            }
        };
        if let Some((mut watch, found)) = self.unsettled.take() {
            watch.file(self.project.lock());
            let place = self.application_memo();
            remember(Place::File(&place), &self.question(String::new(), ""), watch, &found);
        }
        let application = |folder: &Path| folder == self.project.folder;
        let mut packages = Vec::with_capacity(answer.packages.len());
        for known in answer.packages {
            let primary = application(&known.folder);
            packages.push(known.package(primary, |folder| {
                let set = if primary { own } else { &SourceSet::default() };
                Ok(Origin::Local { tree: sources.of(folder, set)?, application: primary })
            })?);
        }
        Ok(Crates { packages, units: answer.units, root: answer.root })
    }

    fn question(&self, manifest: String, features: &str) -> Question {
        Question {
            manifest,
            features: features.to_owned(),
            locking: self.locking,
            toolchain: self.host.rust.identity,
        }
    }

    /// The folder of the synthetic root.
    pub(super) fn root(&self) -> PathBuf {
        Root::place(&self.project.state())
    }

    /// Resolves the root `manifest`, starting from `unikernel.lock`, which stays as it is.
    fn resolve(&self, manifest: &str) -> Result<Rc<Resolution>> {
        if let Some((known, resolution)) = &*self.resolved.borrow()
            && known == manifest
        {
            return Ok(resolution.clone());
        }
        self.sdk.check()?;
        let root = self.root();
        write(&root.join("Cargo.toml"), manifest.as_bytes())?;
        write(&root.join("src/lib.rs"), b"")?;
        // Where cargo keeps what rustc has told it, for the next time that it is asked.
        let target = root.join("target");
        std::fs::create_dir_all(&target).map_err(|error| not_writable(&target, &error))?;
        match std::fs::read(self.project.lock()) {
            Ok(text) => write(&root.join("Cargo.lock"), &text)?,
            Err(_) => drop(std::fs::remove_file(root.join("Cargo.lock"))),
        }
        let args =
            ["metadata", "--format-version=1", "--all-features", "--filter-platform", &self.host.triple];
        let resolution = Rc::new(parse(&self.cargo(&root, &args)?)?);
        *self.resolved.borrow_mut() = Some((manifest.to_owned(), resolution.clone()));
        Ok(resolution)
    }

    /// Brings what cargo resolved into `unikernel.lock`, or says that it would have to.
    fn settle_lock(&self) -> Result<()> {
        let lock = self.project.lock();
        let ours = std::fs::read_to_string(self.root().join("Cargo.lock"));
        let ours = ours.map(|text| crate::lock::without_unused(&text).to_owned());
        match (ours, std::fs::read_to_string(&lock)) {
            (Ok(ours), Ok(theirs)) if ours == theirs => Ok(()),
            (_, Err(_)) if self.locking.locked => Err(self.stale("there is no `unikernel.lock`", &[])),
            (ours, Ok(theirs)) if self.locking.locked => {
                let differences = crate::lock::differences(&ours.unwrap_or_default(), &theirs);
                Err(self.stale("`unikernel.lock` doesn't fit `Cargo.toml`", &differences))
            }
            (Ok(ours), _) => write(&lock, ours.as_bytes()),
            (Err(error), _) => Err(not_writable(&lock, &error)),
        }
    }

    fn units(&self, resolution: &Resolution, features: &str) -> Result<Answer> {
        let mut args = vec!["build", "--unit-graph", "-Zunstable-options", "--release", "--lib", "--locked"];
        args.extend(["--target", &self.host.triple, "--features", features]);
        args.extend(crate::root::PROFILE.iter().flat_map(|setting| ["--config", setting]));
        let root = self.root();
        let text = self.cargo(&root, &args)?;
        let checksums = self.checksums();
        let sdk = |folder: &Path| self.sdk.digest(folder);
        graph::read(&text, &resolution.metadata, For::Image, |package| {
            Known::of(package, resolution, sdk, &checksums)
        })
    }

    /// What the lock file of the root says, once that is resolved.
    fn checksums(&self) -> Checksums {
        checksums(&std::fs::read_to_string(self.root().join("Cargo.lock")).unwrap_or_default())
    }
}

/// Writes a file of the root. One that is as it should be keeps its stamp, so that memos which watch it stay good.
fn write(path: &Path, text: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    write_atomically(path, text).map_err(|error| not_writable(path, &error))
}

fn package_folder(package: &Package) -> PathBuf {
    package.manifest_path.parent().map_or_else(PathBuf::new, |p| p.as_std_path().to_owned())
}
