//! What the planner's tests share: reading, resolving and drawing without colours.

use uk_backends::Target;
use uk_diagnostic::{Diagnostic, Rendered, Sources};
use uk_planner::catalogue::{Catalogue, Document};
use uk_planner::manifest::{Manifest, Unikernel};
use uk_planner::{DeviceGraph, Settings, resolve};

/// The catalogue of the SDK.
pub const BUILT_IN: &[(&str, &str)] = &[("uk-time", include_str!("../../../devices/time/device.kdl"))];

/// A catalogue with something of everything, for faults that the built-in one is too small for.
pub const EXAMPLE: &[(&str, &str)] = &[
    ("uk-time", include_str!("../../../devices/time/device.kdl")),
    ("uk-example", include_str!("example.kdl")),
];

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
