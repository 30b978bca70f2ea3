//! Texts that were read, and everything that is wrong with them.

use uk_diagnostic::{Diagnostic, Sources};
use uk_loader::Project;
use uk_planner::manifest::Manifest;

use crate::failure::Failure;

/// What has been read so far, and everything that is wrong with it.
#[derive(Default)]
pub(super) struct Reading {
    pub sources: Sources,
    pub faults: Vec<Diagnostic>,
}

impl Reading {
    /// Nothing follows from what is wrong.
    pub fn stop_at_faults(&mut self) -> Result<(), Failure> {
        if self.faults.is_empty() { Ok(()) } else { Err(self.failure()) }
    }

    pub fn failure(&mut self) -> Failure {
        Failure::new(std::mem::take(&mut self.faults), &self.sources)
    }

    /// The value of a stage, or its faults added to the others.
    pub fn take<T>(&mut self, result: Result<T, Vec<Diagnostic>>) -> Option<T> {
        result.map_err(|faults| self.faults.extend(faults)).ok()
    }

    /// What can be read of a manifest, and what is wrong with it.
    pub fn manifest_partial(&mut self, project: &Project) -> (Option<Manifest>, Vec<Diagnostic>) {
        let source = self.sources.add(&project.name, project.text.as_str());
        Manifest::parse_partial(source, &project.text)
    }
}
