//! Standard output, which log lines share with the console device, and the time that log lines show.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, ErrorKind, Write, stderr, stdout};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uk_device::Wall;
use uk_device::backend::write_line;
use uk_device::log::Record;

struct Output {
    /// Standard output without a buffer; `None` if the process has none.
    file: Option<File>,
    /// The last byte wasn't the end of a line.
    within_line: bool,
}

static OUTPUT: LazyLock<Mutex<Output>> = LazyLock::new(|| {
    let file = stdout().as_fd().try_clone_to_owned().ok().map(File::from);
    Mutex::new(Output { file, within_line: false })
});

impl Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(last) = bytes.last() else { return Ok(()) };
        self.within_line = *last != b'\n';
        match &mut self.file {
            Some(file) => file.write_all(bytes),
            None => Err(ErrorKind::BrokenPipe.into()),
        }
    }
}

/// Writes bytes whole to standard output, as they are. It waits while the other end takes nothing.
///
/// # Errors
/// Those of the system; [`ErrorKind::BrokenPipe`] if nobody is at the other end.
pub fn write(bytes: &[u8]) -> io::Result<()> {
    OUTPUT.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
}

/// Writes a text on lines of its own. A console that is gone doesn't stop the unikernel.
pub fn print(text: &str) {
    let mut output = OUTPUT.lock().unwrap_or_else(PoisonError::into_inner);
    let fresh = if output.within_line { "\n" } else { "" };
    let _ = output.write([fresh, text].concat().as_bytes());
}

/// Prints what was logged.
pub fn log(application: &str, record: &Record<'_>) {
    let mut line = String::new();
    // Writing to a `String` fails only if the message's own `Display` does; then what there is is printed.
    let _ = write_line(&mut line, wall(), application, record);
    print(&line);
}

/// Writes `NAME: MESSAGE` to standard error, if there is one.
pub fn complain(name: &str, message: &dyn Display) {
    let _ = writeln!(stderr(), "{name}: {message}");
}

/// The time of day, with the zone of the process's environment.
pub fn wall() -> Wall {
    // A clock that is set to before 1970 has stopped there.
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Wall { unix, offset: offset(unix.as_secs()) }
}

/// How far local time is ahead of UTC at a moment.
fn offset(seconds: u64) -> Option<i32> {
    let time = libc::time_t::try_from(seconds).ok()?;
    let mut parts = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call. `localtime_r` reads the environment: the backend changes none.
    let found = unsafe { !libc::localtime_r(&raw const time, parts.as_mut_ptr()).is_null() };
    // SAFETY: a `tm` of zeroes is valid, and so is what `localtime_r` wrote.
    found.then(|| unsafe { parts.assume_init() }.tm_gmtoff as i32)
}
