//! How a unikernel ends.

use alloc::string::{String, ToString};
use core::fmt;

/// What a job, or connecting a device, comes to.
pub type Result<T = (), E = Error> = core::result::Result<T, E>;

/// Why a unikernel ends, in words for its console, and the exit code that `uk run` gives back.
///
/// Any `core::error::Error` becomes one with `?`, with code 1.
pub struct Error {
    message: String,
    code: u8,
}

impl Error {
    /// An error with exit code 1.
    pub fn new(message: impl fmt::Display) -> Self {
        Error::exit(1, message)
    }

    /// An error that ends the unikernel with `code`. Nothing is printed if the message is empty.
    ///
    /// The codes 64 (wrong keys), 101 (panic), 102 (fault), 103 (stack overrun), 104 (out of memory) and 125 (`uk run`
    /// itself failed) have their meanings already.
    pub fn exit(code: u8, message: impl fmt::Display) -> Self {
        Error { message: message.to_string(), code }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// What went wrong, in words.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// As [`fmt::Display`], with the code: this is what `expect` in a test prints.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (exit code {})", self.message, self.code)
    }
}

// `Error` itself isn't a `core::error::Error`, which is what makes this possible.
impl<E: core::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Error::new(message)
    }
}

/// What an entry function, or a device's `teardown`, may return: nothing, or a [`Result`] with any error.
#[diagnostic::on_unimplemented(
    message = "an entry function or a teardown returns nothing or `uk_device::Result`",
    label = "this function returns `{Self}`"
)]
pub trait Outcome {
    /// The outcome as a [`Result`].
    fn into_result(self) -> Result;
}

impl Outcome for () {
    fn into_result(self) -> Result {
        Ok(())
    }
}

impl<E: Into<Error>> Outcome for Result<(), E> {
    fn into_result(self) -> Result {
        self.map_err(Into::into)
    }
}

/// The end of a device as a [`Result`], whatever its `teardown` returns.
pub fn finish(outcome: impl Outcome) -> Result {
    outcome.into_result()
}
