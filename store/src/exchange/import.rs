//! Reading an archive: nothing of it is in the store before all of it was read and found right.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path};

use uk_action::{Digest, EntryKind, Tree};

use super::manifest::{Content, Manifest};
use super::{ArchiveError, LONGEST_MANIFEST, MAGIC, PublicKey, message};
use crate::error::During;
use crate::layout::Store;
use crate::object::Batch;
use crate::record::Record;
use crate::scratch::Temporary;
use crate::{StoreError, fault, upkeep};

/// What is accepted.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Whose signatures.
    pub trusted: Vec<PublicKey>,
    /// How many bytes at most.
    pub most: u64,
}

/// What was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// What it is called.
    pub artifact: String,
    /// The program that has exported it.
    pub made_by: String,
    /// Who has signed it.
    pub signer: PublicKey,
    /// How many records.
    pub records: usize,
    /// How many objects.
    pub objects: usize,
    /// The length of all contents in bytes.
    pub bytes: u64,
}

impl Store {
    /// Takes everything of an archive, or nothing.
    ///
    /// # Errors
    /// When its signer isn't trusted, anything in it isn't as it should be, or the store can't be written.
    pub fn import(&self, from: &mut dyn Read, terms: &Terms) -> Result<Imported, ArchiveError> {
        let (manifest, signer) = read_manifest(from, terms)?;
        let size = manifest.size();
        if size > terms.most {
            return Err(ArchiveError::TooLarge { size, most: terms.most });
        }
        if self.room() < size {
            return Err(StoreError::Full { path: self.root().to_owned() }.into());
        }
        let mut batch = Batch::new(self);
        let mut others = Vec::new();
        for content in &manifest.contents {
            if content.folder == "cas" {
                let path = batch.add_reader(from, content.digest, content.length, copy)?;
                check_tree(self, content.digest, &path)?;
            } else {
                others.push((*content, self.take(from, content)?));
            }
        }
        if from.read(&mut [0]).map_err(ArchiveError::read)? != 0 {
            return Err(ArchiveError::Mismatch("something stands behind the archive's end".to_owned()));
        }
        batch.publish()?;
        self.protect(others.iter().map(|(content, _)| content.name))?;
        // Records last, as the manifest has them.
        for (content, temporary) in others {
            temporary.place(&self.sharded(content.folder, content.name))?;
        }
        let count = |folder| manifest.contents.iter().filter(|content| content.folder == folder).count();
        let artifact = upkeep::unescape(&manifest.artifact).unwrap_or_default();
        Ok(Imported {
            artifact: String::from_utf8_lossy(&artifact).into_owned(),
            records: count("ac"),
            objects: count("cas"),
            made_by: manifest.made_by,
            signer,
            bytes: size,
        })
    }

    /// Takes a record, or what goes with one.
    fn take(&self, from: &mut dyn Read, content: &Content) -> Result<Temporary, ArchiveError> {
        let temporary = self.scratch()?.name();
        let file = fault::step().and_then(|()| File::create_new(&temporary)).during("write", &temporary)?;
        fault::written(&temporary);
        copy(from, &file, &temporary, content.digest, content.length)?;
        if content.folder == "ac" {
            let text = fs::read_to_string(&temporary).ok();
            if text.and_then(|text| Record::from_text(&text)).is_none() {
                return Err(ArchiveError::Mismatch(format!("the record `{}` isn't one", content.name)));
            }
        }
        Ok(temporary)
    }
}

fn read_manifest(from: &mut dyn Read, terms: &Terms) -> Result<(Manifest, PublicKey), ArchiveError> {
    let magic = bytes::<16>(from)?;
    if magic != *MAGIC {
        let other = magic.starts_with(b"uk-archive ");
        let what =
            if other { "it has another format; use the `uk` that made it" } else { "it begins otherwise" };
        return Err(ArchiveError::Foreign(what.to_owned()));
    }
    let signer = PublicKey::from_bytes(bytes(from)?);
    if !terms.trusted.contains(&signer) {
        return Err(ArchiveError::Untrusted(signer));
    }
    let signature = bytes::<64>(from)?;
    let length = u64::from_le_bytes(bytes(from)?);
    if length > LONGEST_MANIFEST {
        return Err(ArchiveError::TooLarge { size: length, most: LONGEST_MANIFEST });
    }
    let mut text = Vec::new();
    from.take(length).read_to_end(&mut text).map_err(ArchiveError::read)?;
    if (text.len() as u64) < length {
        return Err(ArchiveError::Truncated);
    }
    if !signer.has_signed(&message(&text), signature) {
        return Err(ArchiveError::Forged(signer));
    }
    Ok((Manifest::from_bytes(&text)?, signer))
}

fn bytes<const N: usize>(from: &mut dyn Read) -> Result<[u8; N], ArchiveError> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).map_err(ArchiveError::read)?;
    Ok(bytes)
}

/// Copies `length` bytes to a file in the store, and compares them with `digest`.
fn copy(
    from: &mut dyn Read,
    mut to: &File,
    path: &Path,
    digest: Digest,
    length: u64,
) -> Result<(), ArchiveError> {
    let mut hasher = blake3::Hasher::new();
    let mut left = length;
    let mut buffer = vec![0; 1 << 20];
    while left > 0 {
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = match from.read(&mut buffer[..most]) {
            Ok(0) => return Err(ArchiveError::Truncated),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(ArchiveError::read)?,
        };
        hasher.update(&buffer[..read]);
        fault::step().and_then(|()| io::Write::write_all(&mut to, &buffer[..read])).during("write", path)?;
        left -= read as u64;
    }
    if *hasher.finalize().as_bytes() == *digest.as_bytes() {
        return Ok(());
    }
    Err(ArchiveError::Mismatch(format!("the content `{digest}` has another digest")))
}

/// Refuses a tree with a path or a link that leads out. What begins as a tree does is one.
pub(super) fn check_tree(store: &Store, digest: Digest, path: &Path) -> Result<(), ArchiveError> {
    let read = |error| StoreError::io("read", path, error).outside(store.root());
    let mut mark = [0; Tree::MARK.len()];
    match File::open(path).and_then(|mut file| file.read_exact(&mut mark)) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
        result => result.map_err(read)?,
    }
    if mark != *Tree::MARK {
        return Ok(());
    }
    let tree = Tree::from_bytes(&fs::read(path).map_err(read)?);
    let tree =
        tree.map_err(|error| ArchiveError::LeadsOut { tree: digest, what: format!("a fault: {error}") })?;
    for entry in tree.entries() {
        if let EntryKind::Link { target } = &entry.kind
            && !stays_inside(&entry.path, target)
        {
            let what = format!("the link `{}`, which leads out to `{target}`", entry.path);
            return Err(ArchiveError::LeadsOut { tree: digest, what });
        }
    }
    Ok(())
}

/// Whether a link at `path` can only lead into its tree: it goes up at its beginning only, where folders are real ones, and
/// no further than the tree's top. Behind another link `..` could mean anything.
fn stays_inside(path: &str, target: &str) -> bool {
    let mut left = path.split('/').count() - 1;
    let mut down = false;
    Path::new(target).components().all(|part| match part {
        Component::CurDir => true,
        Component::Normal(_) => {
            down = true;
            true
        }
        Component::ParentDir if !down && left > 0 => {
            left -= 1;
            true
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::stays_inside;

    #[test]
    fn links_may_go_up_only_inside() {
        for (path, target) in
            [("a", "b"), ("a/b", "../c"), ("a/b/c", "../../d/e"), ("a", "./b"), ("a/l", ".."), ("a", "")]
        {
            assert!(stays_inside(path, target), "{path} -> {target}");
        }
        for (path, target) in [
            ("a", "/etc"),
            ("a", ".."),
            ("a/b", "../.."),
            ("a", "b/../.."),
            ("a", "b/.."),
            ("a/b", "../../x"),
        ] {
            assert!(!stays_inside(path, target), "{path} -> {target}");
        }
    }
}
