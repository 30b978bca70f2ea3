//! Reading and writing a console.

use core::fmt;
use core::future::Future;

use crate::Result;

/// Bytes from and to whoever sits before the unikernel: a terminal, a pipe, a file.
///
/// Bytes are passed on as they are. What ends a typed line is up to the other end: `\n`, or `\r` on a serial line whose host
/// leaves its terminal raw.
///
/// Log lines go the same way. They never come within a line of up to [`CHUNK`](crate::backend::CHUNK) bytes that is written
/// with one call, and they begin on a line of their own.
pub trait Console {
    /// Waits for input and reads what there is of it, up to `buffer`'s length. 0 is the end of input, and stays so (or
    /// `buffer` is empty); a serial line never ends. Other jobs run meanwhile, and a read that is dropped takes nothing.
    ///
    /// # Errors
    /// [`ConsoleError::Failed`] if the device fails.
    fn read(&self, buffer: &mut [u8]) -> impl Future<Output = Result<usize, ConsoleError>>;

    /// Writes all of `bytes`, waiting while the other end doesn't take them; other jobs run meanwhile. What was written is
    /// out before the unikernel ends.
    ///
    /// # Errors
    /// [`ConsoleError::Closed`] if nobody is at the other end any more, [`ConsoleError::Failed`] if the device fails; then
    /// some of `bytes` may be out.
    fn write(&self, bytes: &[u8]) -> impl Future<Output = Result<(), ConsoleError>>;
}

impl<C: Console + ?Sized> Console for &C {
    fn read(&self, buffer: &mut [u8]) -> impl Future<Output = Result<usize, ConsoleError>> {
        (**self).read(buffer)
    }

    fn write(&self, bytes: &[u8]) -> impl Future<Output = Result<(), ConsoleError>> {
        (**self).write(bytes)
    }
}

/// Why a console can't be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsoleError {
    /// Nobody is at the other end.
    Closed,
    /// The device fails, with the error number of the system below.
    Failed(i32),
}

impl fmt::Display for ConsoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConsoleError::Closed => f.write_str("nobody is at the console's other end"),
            ConsoleError::Failed(number) => write!(f, "the console fails with error {number}"),
        }
    }
}

impl core::error::Error for ConsoleError {}
