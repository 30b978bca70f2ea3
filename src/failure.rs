//! Why a command ends without having done what it should.

use uk_diagnostic::{Code, Diagnostic, Sources};

/// A failed command.
#[derive(Debug, Default)]
pub struct Failure {
    /// What went wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that they point into.
    pub sources: Sources,
    /// Whether it is a failure to run a guest, which has an exit code of its own.
    pub running: bool,
}

/// `uk run` could not run the guest, as `env`, `timeout` and `docker run` say it.
pub const CANNOT_RUN: u8 = 125;
/// Ended by Ctrl-C: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

impl Failure {
    /// Diagnostics that point into `sources`.
    pub fn new(diagnostics: Vec<Diagnostic>, sources: &Sources) -> Self {
        let mut failure = Self { diagnostics, sources: sources.clone(), running: false };
        failure.called_off();
        failure
    }

    /// What was called off tells nothing else: that may come of it.
    pub fn called_off(&mut self) {
        if let Some(interrupted) = self.diagnostics.iter().position(|d| d.code == Code::Interrupted) {
            self.diagnostics = vec![self.diagnostics.swap_remove(interrupted)];
        }
    }

    /// Whether the command was called off.
    fn is_interrupted(&self) -> bool {
        self.diagnostics.iter().any(|d| d.code == Code::Interrupted)
    }

    /// A failure where something went wrong.
    pub fn if_any(self) -> Result<(), Self> {
        if self.diagnostics.is_empty() { Ok(()) } else { Err(self) }
    }

    /// The same, as a failure to run a guest.
    #[must_use]
    pub fn while_running(self) -> Self {
        Self { running: true, ..self }
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        if self.is_interrupted() {
            INTERRUPTED
        } else if self.running {
            CANNOT_RUN
        } else {
            1
        }
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::new(vec![diagnostic], &Sources::default())
    }
}

impl From<Box<Diagnostic>> for Failure {
    fn from(diagnostic: Box<Diagnostic>) -> Self {
        Self::from(*diagnostic)
    }
}
