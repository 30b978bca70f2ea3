//! What a hook made, with what it takes to see whether somebody has edited it since.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::SeekFrom;
use serde::{Deserialize, Serialize};
use uk_action::Digest;
use uk_loader::Project;
use uk_store::StatCache;

/// What was made at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Made {
    /// A folder.
    Folder,
    /// An image of zeros.
    Image {
        /// Its length in bytes.
        size: u64,
    },
    /// A file with content.
    File {
        /// The content.
        digest: Digest,
    },
}

/// What is at a path now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Missing,
    /// What was made.
    Same,
    /// Something else.
    Edited,
}

impl Made {
    /// A file with this content.
    pub fn file(digest: Digest) -> Self {
        Made::File { digest }
    }

    /// Compares what is at `path` with what was made. Goes by the content, which `stamps` knows of files that it has seen: the
    /// stamps that a file was made with wouldn't do, since one that is written right after can have the same.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn look(&self, path: &Path, stamps: &mut StatCache) -> io::Result<Found> {
        let now = match fs::symlink_metadata(path) {
            Err(error) if missing(&error) => return Ok(Found::Missing),
            now => now?,
        };
        let same = match self {
            Made::Folder => now.is_dir(),
            Made::Image { size } => now.is_file() && now.len() == *size && blank(path)?,
            Made::File { digest } => now.is_file() && stamps.digest(path)? == *digest,
        };
        Ok(if same { Found::Same } else { Found::Edited })
    }
}

/// What is known of the files of `project` that were compared. Apart from its sources, since a cache may drop what it isn't asked
/// for.
pub fn stamps(project: &Project) -> StatCache {
    StatCache::load(&project.state().join("made-stamps"))
}

/// Whether an error says that there is nothing at a path.
pub fn missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether a file holds nothing but zeros. Holes aren't read.
fn blank(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    let mut at = 0;
    loop {
        match rustix::fs::seek(&file, SeekFrom::Data(at)) {
            Ok(_) => {}
            // No data behind here.
            Err(rustix::io::Errno::NXIO) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
        let count = file.read(&mut buffer)?;
        if buffer[..count].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        if count == 0 {
            return Ok(true);
        }
        at = rustix::fs::seek(&file, SeekFrom::Current(0))?;
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    fn look(made: &Made, path: &Path) -> Found {
        let mut stamps = StatCache::load(&path.with_extension("stamps"));
        made.look(path, &mut stamps).expect("readable")
    }

    #[test]
    fn an_image_is_edited_when_it_holds_anything_or_has_grown() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("disk.img");
        let made = Made::Image { size: 10 << 20 };
        assert_eq!(look(&made, &path), Found::Missing);
        let file = File::create(&path).expect("writable");
        file.set_len(10 << 20).expect("it can grow");
        assert_eq!(look(&made, &path), Found::Same);
        // Zeros that were written are still zeros.
        file.write_at(&[0; 5000], 3 << 20).expect("writable");
        assert_eq!(look(&made, &path), Found::Same);
        file.write_at(&[1], (10 << 20) - 1).expect("writable");
        assert_eq!(look(&made, &path), Found::Edited);
        file.write_at(&[0], (10 << 20) - 1).expect("writable");
        assert_eq!(look(&made, &path), Found::Same);
        file.set_len(11 << 20).expect("it can grow");
        assert_eq!(look(&made, &path), Found::Edited);
    }

    #[test]
    fn a_file_is_edited_when_its_content_is_another() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("server.cfg");
        fs::write(&path, "port 80").expect("writable");
        let made = Made::File { digest: Digest::of(b"port 80") };
        assert_eq!(look(&made, &path), Found::Same);
        fs::write(&path, "port 81").expect("writable");
        assert_eq!(look(&made, &path), Found::Edited);
        fs::remove_file(&path).expect("it is there");
        std::os::unix::fs::symlink("elsewhere", &path).expect("links can be made");
        assert_eq!(look(&made, &path), Found::Edited, "a link isn't followed");
    }
}
