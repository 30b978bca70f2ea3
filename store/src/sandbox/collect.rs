//! Outputs taken out of a sandbox.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use uk_action::{Action, EntryKind, Kind, Output, OutputKind, Produced};

use super::sealed::tree_of;
use super::{Sandbox, Workplace};
use crate::StoreError;
use crate::error::During;
use crate::failure::Reason;
use crate::object::Batch;

impl Sandbox<'_> {
    /// Copies the outputs into the store; they appear there together.
    pub(crate) fn collect(&self, action: &Action) -> Result<Vec<Produced>, Reason> {
        if let Some(path) = self.changed_source()? {
            return Err(Reason::SourcesWritten { path });
        }
        let mut batch = Batch::new(self.store);
        let outputs = action.outputs.iter().map(|output| self.collect_one(action.kind, output, &mut batch));
        let outputs = outputs.collect::<Result<Vec<_>, _>>()?;
        batch.publish()?;
        Ok(outputs)
    }

    /// A file among a build script's sources that it made, changed or removed: whoever did that means to find it so.
    fn changed_source(&self) -> Result<Option<String>, StoreError> {
        let (place, before) = match &self.workplace {
            None => return Ok(None),
            Some(Workplace::Unpacked(changed)) => return Ok(changed.clone()),
            Some(Workplace::Copy(place, before)) => (place, before),
        };
        let now = tree_of(&self.root.join(place))?;
        if now == *before {
            return Ok(None);
        }
        let other = now.entries().iter().find(|entry| !before.entries().contains(entry));
        let gone = || before.entries().iter().find(|entry| !now.entries().contains(entry));
        Ok(other.or_else(gone).map(|entry| format!("{place}/{}", entry.path)))
    }

    fn collect_one(&self, kind: Kind, output: &Output, batch: &mut Batch<'_>) -> Result<Produced, Reason> {
        let path = self.root.join(&output.path);
        let found = fs::symlink_metadata(&path).ok();
        let missing = |what| Err(Reason::MissingOutput { path: output.path.clone(), what });
        let found = match (output.kind, &found) {
            (OutputKind::Tree, Some(found)) if !found.is_dir() => return missing("isn't a folder"),
            (OutputKind::Tree, _) => {
                let (tree, digest, size) = batch.add_tree(&path)?;
                // What is read outside of sandboxes hangs on nothing but what it is.
                let link = tree.entries().iter().find(|entry| matches!(entry.kind, EntryKind::Link { .. }));
                if let Some(link) = link.filter(|_| kind == Kind::Hook) {
                    let path = format!("{}/{}", output.path, link.path);
                    return Err(Reason::MissingOutput { path, what: "is a link" });
                }
                return Ok(Produced { digest, size, executable: false });
            }
            (_, None) => return missing("wasn't made"),
            (_, Some(found)) if !found.is_file() => return missing("isn't a file"),
            (_, Some(found)) => found,
        };
        if output.kind == OutputKind::Text {
            let text = self.without_root(&fs::read(&path).during("read", &path)?);
            let digest = batch.add_bytes(&text)?;
            return Ok(Produced { digest, size: text.len() as u64, executable: false });
        }
        let executable = found.permissions().mode() & 0o111 != 0;
        let (digest, size) = batch.add_file(&path)?;
        Ok(Produced { digest, size, executable })
    }
}
