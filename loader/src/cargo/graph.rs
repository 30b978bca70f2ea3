//! Cargo's unit graph: unstable output, so its version is asserted and its shape tested.

use std::collections::HashMap;

use cargo_metadata::{Metadata, Package};
use serde::Deserialize;
use uk_diagnostic::{Code, Diagnostic};
use uk_planner::units::{Dependency, Mode, PackageFacts, Profile, Unit};

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
}

#[derive(Deserialize)]
struct RawDependency {
    index: usize,
    extern_crate_name: String,
}

/// Reads the unit graph `text` of the root that `metadata` describes.
pub(super) fn read(text: &str, metadata: &Metadata, known: impl Fn(&Package) -> Known) -> Result<Answer> {
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
    let [root] = raw.roots[..] else {
        return Err(unknown(format!("{} roots, and one is wanted", raw.roots.len())));
    };

    let by_id: HashMap<&str, &Package> = metadata.packages.iter().map(|p| (p.id.repr.as_str(), p)).collect();
    let mut packages = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut order = Order { raw: &raw.units, done: vec![None; raw.units.len()], sorted: Vec::new() };
    for dependency in
        &raw.units.get(root).ok_or_else(|| unknown("its root isn't there".to_owned()))?.dependencies
    {
        order.visit(dependency.index);
    }
    let mut units = Vec::with_capacity(order.sorted.len());
    for &index in &order.sorted {
        let unit = &raw.units[index];
        let package = by_id
            .get(unit.pkg_id.as_str())
            .ok_or_else(|| unknown(format!("`{}` is no package", unit.pkg_id)))?;
        let place = *places.entry(&unit.pkg_id).or_insert_with(|| {
            packages.push(known(package));
            packages.len() - 1
        });
        let folder = package.manifest_path.parent().map_or("", |p| p.as_str());
        let source = unit.target.src_path.strip_prefix(folder).and_then(|s| s.strip_prefix('/'));
        units.push(Unit {
            package: place,
            mode: mode(unit)
                .ok_or_else(|| unknown(format!("a unit of `{}` in mode `{}`", unit.pkg_id, unit.mode)))?,
            crate_name: unit.target.name.replace('-', "_"),
            source: source.unwrap_or(&unit.target.src_path).to_owned(),
            edition: unit.target.edition.clone(),
            host: unit.platform.is_none(),
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
                panic_abort: unit.profile.panic == "abort" && unit.platform.is_some(),
            },
            dependencies: order.dependencies(unit),
        });
    }
    Ok(Answer { packages, units, root: order.dependencies(&raw.units[root]) })
}

fn mode(unit: &RawUnit) -> Option<Mode> {
    let kind = unit.target.kind.first().map(String::as_str);
    match (unit.mode.as_str(), kind) {
        ("run-custom-build", _) => Some(Mode::RunBuildScript),
        ("build", Some("custom-build")) => Some(Mode::BuildScript),
        ("build", Some("proc-macro")) => Some(Mode::ProcMacro),
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

/// What of a package's manifest a compilation can see.
pub(super) fn facts(package: &Package) -> PackageFacts {
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
        ("RUST_VERSION", package.rust_version.as_ref().map_or(String::new(), ToString::to_string)),
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
    }
}
