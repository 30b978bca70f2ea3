//! Writing an archive.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write};

use uk_action::Digest;

use super::manifest::{Content, Manifest};
use super::{ArchiveError, LONGEST_MANIFEST, MAGIC, SigningKey, message};
use crate::layout::{Store, WITH_RECORD};
use crate::object::hash_file;
use crate::upkeep::{self, Scan};
use crate::{Root, StoreError, why};

/// What is to be exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// What it is called.
    pub artifact: String,
    /// What it is: objects that must be there.
    pub made: Vec<Digest>,
    /// The keys of the actions behind it.
    pub keys: Vec<Digest>,
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// How many records.
    pub records: usize,
    /// How many objects.
    pub objects: usize,
    /// The length of all contents in bytes.
    pub bytes: u64,
}

impl Store {
    /// What is behind the artifact that the root of `witness` knows by this name, if its content is `digest`.
    ///
    /// # Errors
    /// When there is no such root, or it made something else.
    pub fn select_artifact(
        &self,
        witness: &std::path::Path,
        artifact: &str,
        digest: Digest,
    ) -> Result<Selection, ArchiveError> {
        let roots = self.roots()?.into_iter().filter_map(|found| found.root);
        let root = roots.into_iter().find(|root| root.witness == witness && root.artifact == artifact);
        let root = root.ok_or_else(|| {
            ArchiveError::Unknown(format!(
                "the store has no root for the artifact `{artifact}` of this project"
            ))
        })?;
        if !self.made_by(&root, digest) {
            let lacking = root.keys.iter().filter(|key| self.record(**key).is_none()).copied();
            let lacking = lacking.collect::<BTreeSet<_>>();
            if !lacking.is_empty() {
                return Err(self.incomplete(root.artifact, &lacking));
            }
            return Err(ArchiveError::Unknown(format!(
                "`{artifact}` isn't what the store has made: it was changed"
            )));
        }
        Ok(Selection { artifact: root.artifact, made: vec![digest], keys: root.keys })
    }

    /// What is behind a digest: the key of a record, or an object that a root's or any action has made.
    ///
    /// # Errors
    /// When no record has to do with it.
    pub fn select_digest(&self, digest: Digest) -> Result<Selection, ArchiveError> {
        if let Some(record) = self.record(digest) {
            let made = record.outputs.iter().map(|made| made.digest).collect();
            return Ok(Selection { artifact: digest.to_string(), made, keys: vec![digest] });
        }
        let roots = self.roots()?.into_iter().filter_map(|found| found.root);
        if let Some(root) = roots.into_iter().find(|root| self.made_by(root, digest)) {
            return Ok(Selection { artifact: root.artifact, made: vec![digest], keys: root.keys });
        }
        let scan = Scan::new(self)?;
        let keys = scan.keys.keys().filter(|key| scan.outputs(self, **key).contains(&digest)).copied();
        let keys = keys.collect::<Vec<_>>();
        if keys.is_empty() {
            return Err(ArchiveError::Unknown(format!("nothing in the store has made `{digest}`")));
        }
        Ok(Selection { artifact: digest.to_string(), made: vec![digest], keys })
    }

    fn made_by(&self, root: &Root, digest: Digest) -> bool {
        let records = root.keys.iter().filter_map(|key| self.record(*key));
        records.into_iter().any(|record| record.outputs.iter().any(|made| made.digest == digest))
    }

    /// What can't be exported, since nobody could build without what `lacking` made: keys, or objects.
    fn incomplete(&self, artifact: String, lacking: &BTreeSet<Digest>) -> ArchiveError {
        let names = why::names(self, lacking);
        let name = |digest: &Digest| names.get(digest).cloned().unwrap_or_else(|| digest.to_string());
        let lacking = lacking.iter().map(name).collect::<BTreeSet<_>>();
        ArchiveError::Incomplete { artifact, lacking: lacking.into_iter().collect() }
    }

    /// Writes an archive of `selection`: the records of its keys with what goes with them, and all that they made. `made_by`
    /// names the program that exports.
    ///
    /// # Errors
    /// When any of it isn't there or is damaged, or leads out of a tree, or `to` can't be written.
    pub fn export(
        &self,
        selection: &Selection,
        made_by: &str,
        key: &SigningKey,
        to: &mut dyn Write,
    ) -> Result<Exported, ArchiveError> {
        let contents = self.contents(selection)?;
        let manifest = Manifest {
            made_by: made_by.to_owned(),
            artifact: upkeep::escape(selection.artifact.as_bytes()),
            made: selection.made.clone(),
            contents,
        };
        let text = manifest.to_text();
        if text.len() as u64 > LONGEST_MANIFEST {
            return Err(ArchiveError::TooLarge { size: text.len() as u64, most: LONGEST_MANIFEST });
        }
        let signature = key.sign(&message(text.as_bytes()));
        let length = (text.len() as u64).to_le_bytes();
        for part in [&MAGIC[..], key.public().as_bytes(), &signature, &length, text.as_bytes()] {
            to.write_all(part).map_err(ArchiveError::Unwritable)?;
        }
        for content in &manifest.contents {
            let path = self.sharded(content.folder, content.name);
            let read = |error| ArchiveError::Store(StoreError::io("read", &path, error));
            let mut file = File::open(&path).map_err(read)?.take(content.length);
            let copied = io::copy(&mut file, to).map_err(ArchiveError::Unwritable)?;
            if copied != content.length {
                return Err(read(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        to.flush().map_err(ArchiveError::Unwritable)?;
        let count = |folder| manifest.contents.iter().filter(|content| content.folder == folder).count();
        Ok(Exported { records: count("ac"), objects: count("cas"), bytes: manifest.size() })
    }

    fn contents(&self, selection: &Selection) -> Result<Vec<Content>, ArchiveError> {
        let scan = Scan::default();
        let mut objects = selection.made.iter().copied().collect::<BTreeSet<_>>();
        let mut lacking = BTreeSet::new();
        for key in &selection.keys {
            let outputs = scan.made(self, *key);
            let known = outputs.is_some();
            let made = outputs.into_iter().flatten().flat_map(|object| scan.with_entries(self, object));
            let made = made.collect::<Vec<_>>();
            if !known || !made.iter().all(|object| self.holds_object(*object, None)) {
                lacking.insert(*key);
            }
            objects.extend(made);
        }
        if lacking.is_empty() {
            lacking.extend(selection.made.iter().filter(|object| !self.holds_object(**object, None)));
        }
        if !lacking.is_empty() {
            return Err(self.incomplete(selection.artifact.clone(), &lacking));
        }
        let mut contents = Vec::new();
        for digest in objects {
            super::import::check_tree(self, digest, &self.blob_path(digest))?;
            let length = length(&self.blob_path(digest))?;
            contents.push(Content { folder: "cas", name: digest, length, digest });
        }
        for folder in WITH_RECORD.into_iter().chain(["ac"]) {
            for key in &selection.keys {
                let path = self.sharded(folder, *key);
                // What printed nothing has no log.
                if !path.exists() {
                    continue;
                }
                let digest = hash_file(&path).map_err(|error| StoreError::io("read", &path, error))?;
                contents.push(Content { folder, name: *key, length: length(&path)?, digest });
            }
        }
        Ok(contents)
    }
}

fn length(path: &std::path::Path) -> Result<u64, StoreError> {
    Ok(std::fs::metadata(path).map_err(|error| StoreError::io("read", path, error))?.len())
}
