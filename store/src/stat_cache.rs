//! Digests of files by what `stat` says of them, so that sources aren't read when nothing has changed.
//!
//! An entry stands for a file's device, inode, size, and times of modification and of status change. Programs can't set
//! the latter, so a tool that puts modification times back deceives nobody. A file that was changed less than a clock's
//! tick before it was read could change again without its times: such an entry isn't kept.
//!
//! Format: a 16-byte magic, entries of 72 bytes, and the digest of all that. An entry is device, inode, size, and both
//! times as nanoseconds since the epoch (`i64`), then the digest; integers little-endian.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rayon::prelude::*;
use uk_action::{Digest, Entry, EntryKind, LocalTree, Tree};
use uk_diagnostic::{Code, Diagnostic};

use crate::files::{Stamp, write_atomically};

const MAGIC: &[u8; 16] = b"uk-stat 1\n\0\0\0\0\0\0";
const ENTRY: usize = 72;
/// Below this many files threads cost more than they save.
const FEW: usize = 64;

/// A source file that can't be taken.
#[derive(Debug, thiserror::Error)]
#[error("can't read `{path}`: {source}", path = path.display())]
pub struct SourceError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub source: io::Error,
}

impl SourceError {
    /// The error as people see it.
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::error(Code::UnreadableSource, self.to_string())
    }
}

/// The digests of files seen before.
#[derive(Debug)]
pub struct StatCache {
    file: PathBuf,
    entries: HashMap<Name, Seen>,
    changed: bool,
}

/// A file, whatever it is called at the moment: device and inode.
type Name = (u64, u64);

#[derive(Debug, Clone, Copy)]
struct Seen {
    stamp: Stamp,
    digest: Digest,
    used: bool,
}

impl StatCache {
    /// Reads the cache kept in `file`. A missing or damaged one is empty.
    pub fn load(file: &Path) -> Self {
        let entries = fs::read(file).ok().and_then(|bytes| parse(&bytes)).unwrap_or_default();
        Self { file: file.to_owned(), entries, changed: false }
    }

    /// Writes the cache, if it has changed. What wasn't asked for is kept until it outweighs the rest.
    ///
    /// # Errors
    /// When its folder can't be written; nothing is lost but time.
    pub fn save(&mut self) -> io::Result<()> {
        let used = self.entries.values().filter(|seen| seen.used).count();
        if self.entries.len() > 2 * used + 1000 {
            self.entries.retain(|_, seen| seen.used);
            self.changed = true;
        }
        if !self.changed {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(MAGIC.len() + self.entries.len() * ENTRY + 32);
        bytes.extend_from_slice(MAGIC);
        for Seen { stamp, digest, .. } in self.entries.values() {
            bytes.extend_from_slice(&stamp.device.to_le_bytes());
            bytes.extend_from_slice(&stamp.inode.to_le_bytes());
            bytes.extend_from_slice(&stamp.size.to_le_bytes());
            bytes.extend_from_slice(&stamp.modified.to_le_bytes());
            bytes.extend_from_slice(&stamp.changed.to_le_bytes());
            bytes.extend_from_slice(digest.as_bytes());
        }
        let check = Digest::of(&bytes);
        bytes.extend_from_slice(check.as_bytes());
        write_atomically(&self.file, &bytes)?;
        self.changed = false;
        Ok(())
    }

    /// The digest of a file's content; links are followed.
    ///
    /// # Errors
    /// When it isn't a file that can be read.
    pub fn digest(&mut self, path: &Path) -> io::Result<Digest> {
        let metadata = fs::metadata(path)?;
        match self.look_up(&metadata) {
            Some(digest) => Ok(digest),
            None => {
                let hashed = hash(path)?;
                self.keep(&hashed);
                Ok(hashed.digest)
            }
        }
    }

    /// The tree of `files`, which are relative to `root`. Their content is read only where it isn't known.
    ///
    /// # Errors
    /// [`SourceError`] names the first that isn't a file or link, can't be read, or can't stand in a tree.
    pub fn fingerprint<F: AsRef<str> + Sync>(
        &mut self,
        root: &Path,
        files: &[F],
    ) -> Result<LocalTree, SourceError> {
        let error = |file: &F, source| SourceError { path: root.join(file.as_ref()), source };
        let stat = |file: &F| fs::symlink_metadata(root.join(file.as_ref())).map_err(|e| error(file, e));
        let found: Vec<Metadata> = if files.len() < FEW {
            files.iter().map(stat).collect::<Result<_, _>>()?
        } else {
            files.par_iter().map(stat).collect::<Result<_, _>>()?
        };

        let mut kinds = Vec::with_capacity(files.len());
        let mut unknown = Vec::new();
        for (place, (file, metadata)) in files.iter().zip(&found).enumerate() {
            let executable = metadata.permissions().mode() & 0o111 != 0;
            kinds.push(if metadata.is_symlink() {
                let target = fs::read_link(root.join(file.as_ref())).map_err(|e| error(file, e))?;
                let target = target.into_os_string().into_string();
                let target = target.map_err(|_| error(file, invalid("its target isn't UTF-8")))?;
                EntryKind::Link { target }
            } else {
                let digest = self.look_up(metadata).unwrap_or_else(|| {
                    unknown.push(place);
                    Digest::from_bytes([0; 32])
                });
                EntryKind::File { digest, executable }
            });
        }
        let read = |place: &usize| {
            let file = &files[*place];
            hash(&root.join(file.as_ref())).map(|hashed| (*place, hashed)).map_err(|e| error(file, e))
        };
        let hashed: Vec<(usize, Hashed)> = if unknown.len() < FEW {
            unknown.iter().map(read).collect::<Result<_, _>>()?
        } else {
            unknown.par_iter().map(read).collect::<Result<_, _>>()?
        };
        for (place, hashed) in hashed {
            self.keep(&hashed);
            if let EntryKind::File { digest, .. } = &mut kinds[place] {
                *digest = hashed.digest;
            }
        }

        let entries = files.iter().zip(kinds);
        let entries = entries.map(|(file, kind)| Entry { path: file.as_ref().to_owned(), kind }).collect();
        let tree = Tree::new(entries).map_err(|error| SourceError {
            path: root.to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidInput, error),
        })?;
        let digest = tree.digest();
        Ok(LocalTree { root: root.to_owned(), tree, digest })
    }

    fn look_up(&mut self, metadata: &Metadata) -> Option<Digest> {
        let stamp = Stamp::of(metadata);
        let seen = self
            .entries
            .get_mut(&(stamp.device, stamp.inode))
            .filter(|seen| seen.stamp == stamp && metadata.is_file())?;
        seen.used = true;
        Some(seen.digest)
    }

    fn keep(&mut self, hashed: &Hashed) {
        let Hashed { stamp, digest, settled } = *hashed;
        if settled {
            self.entries.insert((stamp.device, stamp.inode), Seen { stamp, digest, used: true });
            self.changed = true;
        }
    }
}

struct Hashed {
    stamp: Stamp,
    digest: Digest,
    /// Whether any later change will show in the stamp.
    settled: bool,
}

/// Reads a file. No memory map: it is the user's, and one that is cut short meanwhile would end the process.
fn hash(path: &Path) -> io::Result<Hashed> {
    let now = SystemTime::now();
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(invalid("it isn't a file"));
    }
    let before = Stamp::of(&metadata);
    let mut hasher = blake3::Hasher::new();
    if metadata.len() < 1 << 16 {
        // One buffer of the right size is faster than the reader's 64 KiB.
        let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
        io::Read::read_to_end(&mut file, &mut bytes)?;
        hasher.update(&bytes);
    } else {
        hasher.update_reader(&mut file)?;
    }
    let after = Stamp::of(&file.metadata()?);
    let digest = Digest::from_bytes(*hasher.finalize().as_bytes());
    // Only then is any later change sure to give the file another stamp.
    let settled = before == after && before.unsettled_for(now).is_none();
    Ok(Hashed { stamp: before, digest, settled })
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

fn parse(bytes: &[u8]) -> Option<HashMap<Name, Seen>> {
    let (body, check) = bytes.split_last_chunk::<32>()?;
    let (entries, rest) = body.strip_prefix(MAGIC)?.as_chunks::<ENTRY>();
    if !rest.is_empty() || Digest::of(body) != Digest::from_bytes(*check) {
        return None;
    }
    let entries = entries.iter().map(|entry| {
        let (words, digest) = entry.split_last_chunk::<32>()?;
        let word = |place: usize| words.as_chunks::<8>().0[place];
        let number = |place| u64::from_le_bytes(word(place));
        let time = |place| i64::from_le_bytes(word(place));
        let (device, inode) = (number(0), number(1));
        let stamp = Stamp { device, inode, size: number(2), modified: time(3), changed: time(4) };
        Some(((device, inode), Seen { stamp, digest: Digest::from_bytes(*digest), used: false }))
    });
    entries.collect()
}
