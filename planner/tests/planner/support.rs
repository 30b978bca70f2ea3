//! What the planner's tests share: reading, resolving and drawing without colours.

use std::fs;
use std::path::Path;

use uk_backends::Target;
use uk_diagnostic::{Diagnostic, Rendered, Sources};
use uk_planner::catalogue::{Catalogue, Document};
use uk_planner::manifest::{Manifest, Unikernel};
use uk_planner::{DeviceGraph, Settings, resolve};

/// The smallest catalogue of use. Fixed, so that messages that list names don't change with the SDK.
pub const SMALL: &[(&str, &str)] = &[("uk-time", include_str!("time.kdl"))];

/// A catalogue with something of everything.
pub const EXAMPLE: &[(&str, &str)] =
    &[("uk-time", include_str!("time.kdl")), ("uk-example", include_str!("example.kdl"))];

/// The catalogue of the SDK: each crate's folder and its `device.kdl`.
pub fn built_in() -> Vec<(String, String)> {
    let devices = Path::new(env!("CARGO_MANIFEST_DIR")).join("../devices");
    let mut found = Vec::new();
    for entry in fs::read_dir(devices).expect("the SDK is beside the planner") {
        let entry = entry.expect("an entry");
        if let Ok(text) = fs::read_to_string(entry.path().join("device.kdl")) {
            found.push((format!("uk-{}", entry.file_name().display()), text));
        }
    }
    found.sort();
    found
}

/// As [`Desk::catalogue`] takes it.
pub fn borrowed(texts: &[(String, String)]) -> Vec<(&str, &str)> {
    texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
}

/// Texts, and what was said about them.
#[derive(Default)]
pub struct Desk {
    pub sources: Sources,
    pub settings: Settings,
}

impl Desk {
    pub fn catalogue(&mut self, texts: &[(&str, &str)]) -> Result<Catalogue, Vec<Diagnostic>> {
        let ids: Vec<_> =
            texts.iter().map(|(name, text)| self.sources.add(format!("{name}/device.kdl"), *text)).collect();
        let documents: Vec<Document<'_>> = texts
            .iter()
            .zip(ids)
            .map(|((package, text), source)| Document { package, source, text })
            .collect();
        Catalogue::parse(&documents)
    }

    pub fn manifest(&mut self, text: &str) -> (Option<Manifest>, Vec<Diagnostic>) {
        let source = self.sources.add("unikernel.kdl", text);
        Manifest::parse_partial(source, text)
    }

    pub fn set(&mut self, pair: &str) -> Result<(), Diagnostic> {
        self.settings.command_line(pair, &mut self.sources)
    }

    /// As the command line does it: every fault of every stage, in one list.
    pub fn check(
        &mut self,
        text: &str,
        catalogue: &[(&str, &str)],
        target: Target,
    ) -> Result<DeviceGraph, Vec<Diagnostic>> {
        let catalogue = self.catalogue(catalogue)?;
        let (manifest, mut faults) = self.manifest(text);
        let Some(Manifest::Unikernel(unikernel)) = manifest else { return Err(faults) };
        match resolve(&unikernel, &catalogue, target, &self.settings) {
            Ok(graph) => Ok(graph),
            Err(more) => {
                faults.extend(more);
                uk_diagnostic::sort(&mut faults);
                Err(faults)
            }
        }
    }

    /// As a terminal of 100 columns shows it, without colours.
    pub fn draw(&self, diagnostics: &[Diagnostic]) -> String {
        let handler = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor())
            .with_links(false)
            .with_width(100)
            .with_wrap_lines(false);
        let mut out = String::new();
        for diagnostic in diagnostics {
            handler
                .render_report(&mut out, &Rendered::new(diagnostic, &self.sources))
                .expect("a string takes everything");
        }
        out
    }
}

pub fn unikernel(manifest: Option<Manifest>) -> Unikernel {
    match manifest {
        Some(Manifest::Unikernel(unikernel)) => unikernel,
        other => panic!("expected a unikernel, got {other:?}"),
    }
}
