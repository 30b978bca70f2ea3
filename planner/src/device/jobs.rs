//! The lines of jobs.

use uk_diagnostic::{Code, Diagnostic};

use super::resolve::{Bound, Draft};
use crate::catalogue::unknown_interface;
use crate::manifest::{Binding, Job, JobArgument};
use crate::names;

/// A job with its lines bound; a line with a fault is missing.
pub(super) struct JobDraft<'m> {
    pub job: &'m Job,
    pub arguments: Vec<Argument<'m>>,
}

pub(super) enum Argument<'m> {
    Keys(uk_diagnostic::Span),
    Device { binding: &'m Binding, interface: &'m str, bound: Bound },
}

impl<'m> Draft<'m> {
    pub fn bind_jobs(&mut self) -> Vec<JobDraft<'m>> {
        let unikernel = self.unikernel;
        if let Some((first, others)) = unikernel.jobs.split_first() {
            for other in others.iter().filter(|j| j.entry.crate_name() != first.entry.crate_name()) {
                let message = format!(
                    "the jobs of a unikernel are in one crate, and these are in `{}` and `{}`",
                    first.entry.crate_name(),
                    other.entry.crate_name()
                );
                self.faults.push(
                    Diagnostic::error(Code::InvalidEntry, message)
                        .label(other.entry.span, "another crate")
                        .label(first.entry.span, "the application's crate")
                        .help(format!(
                            "call the other crate from a function of `{}`",
                            first.entry.crate_name()
                        )),
                );
            }
        }
        let mut next = self.instances.len();
        let mut drafts = Vec::with_capacity(unikernel.jobs.len());
        for job in &unikernel.jobs {
            let mut arguments = Vec::with_capacity(job.arguments.len());
            for argument in &job.arguments {
                match argument {
                    JobArgument::Keys(span) => arguments.push(Argument::Keys(*span)),
                    JobArgument::Binding(binding) => arguments.extend(self.bind_line(binding)),
                }
            }
            drafts.push(JobDraft { job, arguments });
        }
        self.fill_from(&mut next);
        drafts
    }

    fn bind_line(&mut self, binding: &'m Binding) -> Option<Argument<'m>> {
        let wanted = binding.interface.as_ref().unwrap_or(&binding.requirement);
        let Some(interface) = self.catalogue.interface(&wanted.text) else {
            let fault = unknown_interface(self.catalogue, wanted);
            // `system disk`: a name of one's own needs `as=`, and the device says which interface that is.
            let known = self.by_name.get(&names::canonical(&binding.device.text));
            let implementation = match known {
                Some(index) => self.instances[*index].implementation,
                None => self.catalogue.implementation(&binding.device.text),
            };
            self.faults.push(match (implementation, &binding.interface) {
                (Some(found), None)
                    if names::nearest(&wanted.text, [found.provides.text.as_str()]).is_none() =>
                {
                    fault.help(format!(
                        "if `{}` is the argument's name, write `{} {} as={}`",
                        wanted.text, wanted.text, binding.device, found.provides
                    ))
                }
                _ => fault,
            });
            return None;
        };
        let bound = self.bind(&binding.device, &interface.name.text, binding.span)?;
        Some(Argument::Device { binding, interface: &interface.name.text, bound })
    }
}
