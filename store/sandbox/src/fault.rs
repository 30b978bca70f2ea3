//! What a launcher says of a step that it didn't start, or that did what it must not.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// What went wrong, and with what.
#[derive(Debug)]
pub struct Fault {
    /// On what side.
    pub kind: FaultKind,
    /// A deed (of [`FaultKind::Walls`]), or a path.
    pub what: String,
    /// Why.
    pub error: io::Error,
}

/// What a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A wall can't be put up; the fault names the deed that failed.
    Walls,
    /// The walls stood, and the program can't be started.
    Program,
    /// An archive isn't what it should be.
    Unlike,
    /// An archive can't be read.
    Unreadable,
    /// The step ended well, and left a file of a writable [`crate::Step::Unpack`] other than it was; the fault names its
    /// place.
    Changed,
}

impl FaultKind {
    const ALL: [Self; 5] = [Self::Walls, Self::Program, Self::Unlike, Self::Unreadable, Self::Changed];

    fn name(self) -> &'static str {
        match self {
            Self::Walls => "walls",
            Self::Program => "program",
            Self::Unlike => "unlike",
            Self::Unreadable => "unreadable",
            Self::Changed => "changed",
        }
    }
}

impl Fault {
    /// Reads what a launcher left in its [`crate::Plan::fault`].
    pub fn read(path: &Path) -> Option<Self> {
        let text = fs::read(path).ok()?;
        let text = String::from_utf8_lossy(&text);
        let mut parts = text.split('\0');
        let (kind, number, why, what) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let kind = FaultKind::ALL.into_iter().find(|known| known.name() == kind)?;
        let error = match number.parse().ok()? {
            0 => io::Error::other(why.to_owned()),
            number => io::Error::from_raw_os_error(number),
        };
        Some(Self { kind, what: what.to_owned(), error })
    }

    /// Writes it. Who does so ends with [`crate::NOT_STARTED`].
    pub(crate) fn report(&self, mut file: impl Write) {
        let number = self.error.raw_os_error().unwrap_or(0);
        let text = format!("{}\0{number}\0{}\0{}\0", self.kind.name(), self.error, self.what);
        // Nobody is left to tell when this can't be written: the code says that something is wrong.
        let _ = file.write_all(text.as_bytes());
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "can't {}: {}", self.what, self.error)
    }
}

/// Says what an error was about.
pub(crate) trait Doing<T> {
    /// Names the deed.
    fn doing(self, what: impl Into<String>) -> Result<T, Fault>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl Into<String>) -> Result<T, Fault> {
        self.map_err(|error| Fault { kind: FaultKind::Walls, what: what.into(), error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reported_is_read() {
        let file = std::env::temp_dir().join(format!("uk-fault-{}", std::process::id()));
        for kind in FaultKind::ALL {
            let full = || io::Error::from_raw_os_error(libc::ENOSPC);
            for error in [full(), io::Error::other("it is another")] {
                let text = error.to_string();
                let fault = Fault { kind, what: "a b".to_owned(), error };
                fault.report(fs::File::create(&file).expect("files can be written"));
                let read = Fault::read(&file).expect("it was written");
                assert_eq!((read.kind, &*read.what, read.error.to_string()), (kind, "a b", text));
            }
        }
        fs::remove_file(&file).expect("it is there");
        assert!(Fault::read(&file).is_none());
    }
}
