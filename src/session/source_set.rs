//! Which files are sources of the application.

use std::path::Path;

use uk_diagnostic::{Code, Diagnostic};
use uk_loader::{Found, Project, SourceSet, SourceSets};
use uk_planner::catalogue::Catalogue;
use uk_planner::device::{DeviceGraph, ParamValue};
use uk_planner::manifest::{ArgumentValue, Unikernel};
use uk_planner::paths::{normal, within};
use uk_planner::{Name, Variant};

/// The application's source set: without what hooks make and read and what devices are given, but for what it is compiled from.
pub(super) fn source_set(
    unikernel: &Unikernel,
    catalogue: &Catalogue,
    graphs: &[(Variant, DeviceGraph)],
    own: &str,
) -> SourceSet {
    let mut apart = given_to_devices(unikernel, catalogue, graphs);
    let steps = unikernel.hooks.steps().iter();
    apart.extend(steps.flat_map(|make| make.step.reads()).map(|path| path.text.clone()));
    apart.retain(|path| !is_own(path, own));
    apart.sort();
    apart.dedup();
    SourceSet {
        made: unikernel.hooks.paths().map(str::to_owned).collect(),
        apart,
        include: unikernel.includes.iter().map(|name| name.text.clone()).collect(),
    }
}

/// The folder that the application's library is compiled from, relative to the manifest.
pub(super) fn own_folder(project: &Project, found: &Found) -> String {
    let source = found.source.strip_prefix(&project.folder).unwrap_or(&found.source);
    source.parent().and_then(|folder| folder.to_str()).unwrap_or_default().to_owned()
}

/// Whether the application may be compiled from what is at `path`, whatever else that is for.
fn is_own(path: &str, own: &str) -> bool {
    let code = path == "Cargo.toml" || path.ends_with(".rs");
    // Where the library's root is beside the manifest, everything would be in its folder.
    code || path.is_empty() || (!own.is_empty() && (within(path, own) || within(own, path)))
}

/// What hooks make where the application is compiled from: it would be no source all the same.
pub(super) fn misplaced(unikernel: &Unikernel, own: &str) -> Vec<Diagnostic> {
    let made = unikernel.hooks.steps().iter().flat_map(|make| make.step.makes());
    let misplaced = made.filter(|path| !own.is_empty() && within(&path.text, own));
    let fault = |path: &str| {
        let path = path.escape_debug();
        let message = format!(
            "`{path}` can't be made by a hook: what hooks make is no source of the application, which `{own}` is"
        );
        Diagnostic::error(Code::HookConflict, message).help(format!(
            "choose a path outside of `{own}`; Rust code can be made by a build script (`build.rs`)"
        ))
    };
    misplaced.map(|path| fault(&path.text).label(path.span, "here")).collect()
}

/// What hooks make where a link leads out of the project.
pub(super) fn led_out(project: &Project, unikernel: &Unikernel) -> Vec<Diagnostic> {
    let made = unikernel.hooks.steps().iter().flat_map(|make| make.step.makes());
    let fault =
        |path: &Name| Some(project.check_inside(Path::new(&path.text)).err()?.label(path.span, "here"));
    made.filter_map(fault).collect()
}

/// Globs of `include` that can't be read.
pub(super) fn unreadable_globs(unikernel: &Unikernel) -> impl Iterator<Item = Diagnostic> {
    unikernel.includes.iter().filter_map(|glob| {
        let why = uk_loader::glob_fault(&glob.text)?;
        let message = format!("`{}` can't be read as a glob: {why}", glob.text.escape_debug());
        let help = "`*` stands for any part of a name, `**` for any folders, `?` for one character, `[ab]` for one of these; a `\\` before \
                    one of them takes it as it is";
        Some(Diagnostic::error(Code::UnfitGlob, message).label(glob.span, "here").help(help))
    })
}

/// That no file fits some globs of `include`, by what `stamps` saw.
pub(super) fn unfit_globs(project: &Project, unikernel: &Unikernel, stamps: &SourceSets) -> Vec<Diagnostic> {
    let unfit = unikernel.includes.iter().filter(|glob| stamps.unfit_globs().contains(&glob.text));
    let warning = |glob: &Name| {
        let (mark, path) = glob.text.strip_prefix('!').map_or(("", &*glob.text), |path| ("!", path));
        let effect = if mark.is_empty() { "adds nothing to" } else { "takes nothing out of" };
        let text = if path.is_empty() { "." } else { path };
        let message = format!("no file fits `{mark}{}`, so it {effect} the sources", text.escape_debug());
        let warning = Diagnostic::warning(Code::UnfitGlob, message).label(glob.span, "here");
        let all = if path.is_empty() { "**" } else { &format!("{path}/**") };
        warning.help(match project.folder.join(path).is_dir() {
            true => {
                format!("it is a folder: `include \"{mark}{}\"` names all files in it", all.escape_debug())
            }
            false => "take it out, or name files that are there, relative to the manifest; what hooks make and what is in `dist/`, \
                      `target/` or a folder with a `Cargo.toml` of its own is never a source"
                .to_owned(),
        })
    };
    unfit.map(warning).collect()
}

/// The files and folders that devices are given, which are no sources of the application: guests write to them, or they are
/// data. They are the same whatever the target and the keys of a command, as far as the manifest says them.
fn given_to_devices(
    unikernel: &Unikernel,
    catalogue: &Catalogue,
    graphs: &[(Variant, DeviceGraph)],
) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for device in &unikernel.devices {
        let Some(implementation) = catalogue.implementation(&device.implementation.text) else { continue };
        for param in implementation.params.iter().filter(|param| param.ty.name() == "path") {
            let argument = device.arguments.iter().find(|argument| argument.name.is(&param.name.text));
            match argument.map(|argument| &argument.value) {
                Some(ArgumentValue::Literal(literal)) => {
                    paths.extend(literal.typed(&param.ty, "").ok().map(|value| value.to_string()));
                }
                Some(ArgumentValue::Key(name)) => {
                    let key = unikernel.keys.iter().find(|key| key.name.is(&name.text));
                    paths.extend(key.and_then(|key| key.default.as_ref()).map(|value| value.0.to_string()));
                }
                _ => {}
            }
        }
    }
    for device in graphs.iter().flat_map(|(_, graph)| graph.devices()) {
        paths.extend(device.params.iter().filter(|param| param.ty.name() == "path").filter_map(|param| {
            if let ParamValue::Fixed(value) = &param.value { Some(value.to_string()) } else { None }
        }));
        paths.extend(device.data.iter().map(|data| data.folder.clone()));
        paths.extend(device.attachments.iter().map(|attachment| attachment.path().to_owned()));
    }
    // As the loader names files.
    paths = paths.iter().map(|path| normal(path)).filter(|path| !path.is_empty()).collect();
    paths.sort();
    paths.dedup();
    paths
}
