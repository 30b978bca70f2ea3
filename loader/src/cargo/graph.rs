//! Cargo's unit graph: unstable output, so its version is asserted and its shape tested.

use std::collections::HashMap;

use cargo_metadata::{Metadata, Package};
use serde::Deserialize;
use uk_diagnostic::{Code, Diagnostic};
use uk_planner::units::{Dependency, Lto, Mode, PackageFacts, Profile, Unit};

use super::{Answer, Known};
use crate::Result;

/// The version of the format that is read here.
const VERSION: u32 = 1;

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Deserialize)]
struct Raw {
    units: Vec<RawUnit>,
    roots: Vec<usize>,
}

#[derive(Deserialize)]
struct RawUnit {
    pkg_id: String,
    target: RawTarget,
    profile: RawProfile,
    platform: Option<String>,
    mode: String,
    features: Vec<String>,
    dependencies: Vec<RawDependency>,
}

#[derive(Deserialize)]
struct RawTarget {
    kind: Vec<String>,
    name: String,
    src_path: String,
    edition: String,
}

#[derive(Deserialize)]
struct RawProfile {
    opt_level: String,
    debuginfo: serde_json::Value,
    debug_assertions: bool,
    overflow_checks: bool,
    panic: String,
    codegen_units: Option<u32>,
    lto: String,
    /// `{"deferred": "None"}`, `{"resolved": {"Named": "symbols"}}` and the like.
    strip: serde_json::Value,
}

#[derive(Deserialize)]
struct RawDependency {
    index: usize,
    extern_crate_name: String,
}

/// What a unit graph is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// An image: the graph's root is the synthetic root, which isn't compiled itself.
    Image,
    /// An ordinary package: the graph's roots are its programs.
    Programs,
}

/// Reads the unit graph `text` of the root that `metadata` describes.
pub(super) fn read(
    text: &str,
    metadata: &Metadata,
    what: For,
    known: impl Fn(&Package) -> Result<Known>,
) -> Result<Answer> {
    let unknown = |cause: String| {
        Box::new(
            Diagnostic::error(
                Code::UnsupportedUnitGraph,
                "this cargo's unit graph isn't of a form that `uk` knows",
            )
            .note(cause)
            .help("use a toolchain that this `uk` was tested with: `rustup toolchain install 1.95.0`"),
        )
    };
    let Versioned { version } = serde_json::from_str(text).map_err(|error| unknown(error.to_string()))?;
    if version != VERSION {
        return Err(unknown(format!("its version is {version}, and {VERSION} is wanted")));
    }
    let raw: Raw = serde_json::from_str(text).map_err(|error| unknown(error.to_string()))?;
    let root = |index: &usize| raw.units.get(*index).ok_or_else(|| unknown("a root isn't there".to_owned()));
    let roots = raw.roots.iter().map(root).collect::<Result<Vec<_>>>()?;
    if what == For::Image && roots.len() != 1 {
        return Err(unknown(format!("{} roots, and one is wanted", roots.len())));
    }
    // Profiles are settings of the whole build.
    let lto = roots.first().map_or("false", |root| root.profile.lto.as_str());

    let by_id: HashMap<&str, &Package> = metadata.packages.iter().map(|p| (p.id.repr.as_str(), p)).collect();
    let mut packages = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut order = Order { raw: &raw.units, done: vec![None; raw.units.len()], sorted: Vec::new() };
    match what {
        For::Image => roots.iter().flat_map(|r| &r.dependencies).for_each(|d| order.visit(d.index)),
        For::Programs => raw.roots.iter().for_each(|root| order.visit(*root)),
    }
    let mut units = Vec::with_capacity(order.sorted.len());
    for &index in &order.sorted {
        let unit = &raw.units[index];
        let package = by_id
            .get(unit.pkg_id.as_str())
            .ok_or_else(|| unknown(format!("`{}` is no package", unit.pkg_id)))?;
        let place = match places.get(unit.pkg_id.as_str()) {
            Some(place) => *place,
            None => {
                packages.push(known(package)?);
                places.insert(&unit.pkg_id, packages.len() - 1);
                packages.len() - 1
            }
        };
        let folder = package.manifest_path.parent().map_or("", |p| p.as_str());
        let source = unit.target.src_path.strip_prefix(folder).and_then(|s| s.strip_prefix('/'));
        let mode = mode(unit)
            .ok_or_else(|| unknown(format!("a unit of `{}` in mode `{}`", unit.pkg_id, unit.mode)))?;
        let host = unit.platform.is_none();
        units.push(Unit {
            package: place,
            mode,
            target: unit.target.name.clone(),
            crate_name: unit.target.name.replace('-', "_"),
            source: source.unwrap_or(&unit.target.src_path).to_owned(),
            edition: unit.target.edition.clone(),
            host,
            features: unit.features.clone(),
            profile: Profile {
                opt_level: unit.profile.opt_level.clone(),
                debuginfo: unit
                    .profile
                    .debuginfo
                    .as_str()
                    .map_or_else(|| unit.profile.debuginfo.to_string(), str::to_owned),
                debug_assertions: unit.profile.debug_assertions,
                overflow_checks: unit.profile.overflow_checks,
                panic_abort: unit.profile.panic == "abort" && !host,
                codegen_units: unit.profile.codegen_units,
                lto: if host { Lto::Object } else { part_in_lto(what, mode, lto) },
                strip: strip(&unit.profile.strip),
                frame_pointers: what == For::Image && !host,
            },
            dependencies: order.dependencies(unit),
        });
    }
    let root = match what {
        For::Image => roots.iter().flat_map(|root| order.dependencies(root)).collect(),
        For::Programs => {
            let program = |root: &usize| {
                let name = raw.units.get(*root)?.target.name.clone();
                Some(Dependency { unit: order.done[*root]?, name })
            };
            raw.roots.iter().filter_map(program).collect()
        }
    };
    Ok(Answer { packages, units, root })
}

/// How a unit of the target takes part in link-time optimisation where the profile says `lto`.
fn part_in_lto(what: For, mode: Mode, lto: &str) -> Lto {
    match (what, mode, lto) {
        // Some targets optimise at the link, some don't, and they share libraries.
        (For::Image, ..) => Lto::Both,
        (_, Mode::Program, "true") => Lto::Link("fat".to_owned()),
        (_, Mode::Program, "fat" | "thin" | "off") => Lto::Link(lto.to_owned()),
        (_, Mode::Library, "true" | "fat" | "thin") => Lto::Bitcode,
        _ => Lto::Object,
    }
}

/// What is stripped: `symbols` or `debuginfo`.
fn strip(value: &serde_json::Value) -> Option<String> {
    let inner = value.get("resolved").or_else(|| value.get("deferred")).unwrap_or(value);
    inner.get("Named").and_then(|name| name.as_str()).filter(|name| *name != "none").map(str::to_owned)
}

fn mode(unit: &RawUnit) -> Option<Mode> {
    let kind = unit.target.kind.first().map(String::as_str);
    match (unit.mode.as_str(), kind) {
        ("run-custom-build", _) => Some(Mode::RunBuildScript),
        ("build", Some("custom-build")) => Some(Mode::BuildScript),
        ("build", Some("proc-macro")) => Some(Mode::ProcMacro),
        ("build", Some("bin")) => Some(Mode::Program),
        ("build", Some("lib" | "rlib" | "dylib" | "cdylib" | "staticlib")) => Some(Mode::Library),
        _ => None,
    }
}

/// Brings units into an order in which each stands behind those that it needs.
struct Order<'a> {
    raw: &'a [RawUnit],
    done: Vec<Option<usize>>,
    sorted: Vec<usize>,
}

impl Order<'_> {
    fn visit(&mut self, index: usize) {
        if self.done[index].is_some() {
            return;
        }
        for dependency in &self.raw[index].dependencies {
            self.visit(dependency.index);
        }
        self.done[index] = Some(self.sorted.len());
        self.sorted.push(index);
    }

    fn dependencies(&self, unit: &RawUnit) -> Vec<Dependency> {
        let place = |d: &RawDependency| {
            Some(Dependency { unit: self.done[d.index]?, name: d.extern_crate_name.clone() })
        };
        unit.dependencies.iter().filter_map(place).collect()
    }
}

/// What of a package's manifest a compilation can see; `rust_version` as it is written there, and the compiler's arguments
/// for its `[lints]`.
pub(super) fn facts(package: &Package, rust_version: String, lints: Vec<String>) -> PackageFacts {
    let path = |p: &Option<cargo_metadata::camino::Utf8PathBuf>| {
        p.as_ref().map_or(String::new(), ToString::to_string)
    };
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    let mut variables = vec![
        ("AUTHORS", package.authors.join(":")),
        ("DESCRIPTION", text(&package.description)),
        ("HOMEPAGE", text(&package.homepage)),
        ("LICENSE", text(&package.license)),
        ("LICENSE_FILE", path(&package.license_file)),
        ("README", path(&package.readme)),
        ("REPOSITORY", text(&package.repository)),
        ("RUST_VERSION", rust_version),
    ];
    variables.sort();
    let mut features: Vec<String> = package.features.keys().cloned().collect();
    features.sort();
    PackageFacts {
        name: package.name.to_string(),
        version: package.version.to_string(),
        variables: variables.into_iter().map(|(name, value)| (format!("CARGO_PKG_{name}"), value)).collect(),
        features,
        links: package.links.clone(),
        lints,
    }
}
