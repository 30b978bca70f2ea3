//! Random bytes on the unix target: the operating system's, which also survive a copy of the process.
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks, clippy::unwrap_used)]
#![warn(missing_docs)]

use std::io;

use uk_device::Error;

/// How many bytes `getentropy` gives at most.
const MOST: usize = 256;

/// The device `system-random`.
#[derive(Clone, Copy, Debug)]
pub struct Random(());

/// Connects the device. Early in a machine's boot this waits until the system has gathered enough.
///
/// # Errors
/// If the system has no such source.
pub async fn connect() -> uk_device::Result<Random> {
    fill(&mut [0]).map_err(|error| Error::new(format_args!("the system gives no random bytes: {error}")))?;
    Ok(Random(()))
}

fn fill(bytes: &mut [u8]) -> io::Result<()> {
    for chunk in bytes.chunks_mut(MOST) {
        // SAFETY: the pointer and the length are those of a slice.
        if unsafe { libc::getentropy(chunk.as_mut_ptr().cast(), chunk.len()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

impl uk_device::Random for Random {
    fn fill(&self, bytes: &mut [u8]) {
        // It fails only where there is no source, or the bytes aren't the process's; neither can be here.
        fill(bytes).expect("the system gave random bytes before");
    }
}
