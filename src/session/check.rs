//! One unikernel, checked: its catalogue, and its device graph on every target and for every variant.

use uk_backends::Target;
use uk_diagnostic::{Diagnostic, sort};
use uk_loader::{Cargo, Found, Locking, Project, RootCrate, Sdk, SourceSet, SourceSets};
use uk_planner::Variant;
use uk_planner::catalogue::Catalogue;
use uk_planner::device::{self, DeviceGraph};
use uk_planner::entries;
use uk_planner::lower::Host;
use uk_planner::manifest::Unikernel;
use uk_store::Cancel;

use super::data;
use super::members::{Member, settings};
use super::reading::Reading;
use super::source_set::{led_out, misplaced, own_folder, source_set, unreadable_globs};
use super::{catalogue, root_crates};
use crate::cli::Select;
use crate::failure::Failure;

/// What the command asks of every unikernel.
pub(super) struct Question<'q> {
    pub host: &'q Host,
    pub sdk: &'q Sdk,
    pub locking: Locking,
    pub cancel: &'q Cancel,
    pub built_in: &'q Catalogue,
    pub targets: &'q [Target],
    pub select: &'q Select,
    /// Whether several unikernels are looked at.
    pub several: bool,
}

/// A unikernel without a fault.
pub(super) struct Checked<'m> {
    pub project: &'m Project,
    pub unikernel: &'m Unikernel,
    pub cargo: Cargo<'m>,
    pub found: Found,
    /// What its mains may name.
    pub crates: Vec<RootCrate>,
    /// By the variant.
    pub graphs: Vec<(Variant, DeviceGraph)>,
    /// What the data of each graph are made of.
    pub origins: Vec<Vec<data::Origin>>,
    /// Which files are the application's.
    pub source_set: SourceSet,
    pub stamps: SourceSets,
}

impl<'q> Question<'q> {
    /// Looks at `member`; gives everything that is wrong with it.
    pub fn check(&self, member: &'q Member, reading: &mut Reading) -> Result<Checked<'q>, Vec<Diagnostic>> {
        let Some(unikernel) = &member.unikernel else { return Err(member.faults.clone()) };
        let others = std::mem::replace(&mut reading.faults, member.faults.clone());
        let checked = self.look(&member.project, unikernel, reading);
        let mut faults = std::mem::replace(&mut reading.faults, others);
        match checked {
            Ok(Some(checked)) if faults.is_empty() => return Ok(checked),
            Ok(_) => {}
            // What isn't read whole may not be what cargo is asked for.
            Err(failure) if member.faults.is_empty() => faults.extend(failure.diagnostics),
            Err(_) => {}
        }
        // One fault that shows on several targets is one fault.
        sort(&mut faults);
        Err(faults)
    }

    /// None where the catalogue or the choice of variants is at fault.
    fn look(
        &self,
        project: &'q Project,
        unikernel: &'q Unikernel,
        reading: &mut Reading,
    ) -> Result<Option<Checked<'q>>, Failure> {
        project.prepare(self.sdk)?;
        let cargo = Cargo::new(project, self.host, self.sdk, self.locking, self.cancel);
        let found = cargo.application(&root_crates(unikernel, self.built_in, &[]))?;
        let own = (!found.devices.is_empty()).then(|| {
            let mut texts = Sdk::devices();
            texts.extend(found.devices.iter().cloned());
            catalogue(&texts, reading)
        });
        // Whatever the manifest names would be unknown to what is left of a catalogue.
        let own = match own {
            Some(None) => return Ok(None),
            own => own.flatten(),
        };
        let catalogue = own.as_ref().unwrap_or(self.built_in);
        let mut graphs = Vec::new();
        let variants = uk_planner::variants(&self.select.set, unikernel, catalogue);
        let Some(variants) = reading.take(variants) else { return Ok(None) };
        for variant in variants {
            let mut settings = settings(&variant.pairs, self.several, reading);
            settings.for_variant(&variant.suffix);
            for &target in self.targets {
                let resolved = device::resolve(unikernel, catalogue, target, &settings);
                if let Ok(graph) = &resolved {
                    let parameters = |path: &str| cargo.parameters(&found, path);
                    reading.faults.extend(entries::check(graph, catalogue, &found.library, parameters));
                }
                graphs.extend(reading.take(resolved).map(|graph| (variant.clone(), graph)));
            }
        }
        let crates = root_crates(unikernel, catalogue, &found.devices);
        let mut stamps = SourceSets::new(&project.state().join("stamps"));
        let hooks = &unikernel.hooks;
        let origins = graphs
            .iter()
            .map(|(_, devices)| data::origins(devices, project, hooks, &mut stamps, &mut reading.faults))
            .collect();
        let own = own_folder(project, &found);
        reading.faults.extend(misplaced(unikernel, &own).into_iter().chain(unreadable_globs(unikernel)));
        reading.faults.extend(led_out(project, unikernel));
        let source_set = source_set(unikernel, catalogue, &graphs, &own);
        Ok(Some(Checked { project, unikernel, cargo, found, crates, graphs, origins, source_set, stamps }))
    }
}
