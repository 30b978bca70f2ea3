//! Ordinary packages: the programs that cargo would build of one. No command of `uk` builds them; the engine is measured
//! and compared with cargo by them.

use std::path::Path;

use uk_diagnostic::{Code, Diagnostic};
use uk_planner::lower::Host;
use uk_planner::units::{Crates, Origin};
use uk_store::Cancel;

use super::ask::{ask, parse};
use super::graph::{self, For};
use super::{Known, Locking, refusal};
use crate::{Result, SourceSet, SourceSets};

/// The packages and units of the programs that `cargo build --release --bins` makes in `folder`, with its features chosen
/// by `options` (`--no-default-features`, `--features=...`).
///
/// # Errors
/// `UK0401` where cargo doesn't resolve the package as its lock file says, `UK0406` where a source can't be read.
pub fn programs(
    folder: &Path,
    options: &[&str],
    host: &Host,
    locking: Locking,
    sources: &mut SourceSets,
) -> Result<Crates> {
    let cargo = |args: &[&str]| {
        let args = [args, options, if locking.locked { &["--locked"] } else { &[] }].concat();
        ask(&Cancel::default(), host, locking.offline, folder, &args)?.map_err(|said| {
            Box::new(refusal::explain(&said, &folder.join("Cargo.lock")).unwrap_or_else(|| {
                Diagnostic::error(Code::CargoFailed, "cargo could not resolve the crates of the package")
                    .note(said)
                    .help(format!("look at `{}`", folder.join("Cargo.toml").display()))
            }))
        })
    };
    let resolution = parse(&cargo(&["metadata", "--format-version=1", "--filter-platform", &host.triple])?)?;
    let mut args = vec!["build", "--unit-graph", "-Zunstable-options", "--release", "--bins"];
    args.extend(["--target", &host.triple]);
    let text = cargo(&args)?;
    let lock = resolution.metadata.workspace_root.join("Cargo.lock");
    let checksums = crate::lock::checksums(&std::fs::read_to_string(lock).unwrap_or_default());
    let answer = graph::read(&text, &resolution.metadata, For::Programs, |package| {
        Known::of(package, &resolution, |_| None, &checksums)
    })?;
    let roots: Vec<usize> = answer.root.iter().map(|root| answer.units[root.unit].package).collect();
    let mut packages = Vec::with_capacity(answer.packages.len());
    for (index, known) in answer.packages.into_iter().enumerate() {
        packages.push(known.package(roots.contains(&index), |folder| {
            Ok(Origin::Local { tree: sources.of(folder, &SourceSet::default())?, application: false })
        })?);
    }
    Ok(Crates { packages, units: answer.units, root: answer.root })
}
