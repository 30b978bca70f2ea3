//! `uk store export`, `import`, `key`: artifacts from store to store.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, IsTerminal, Read};
use std::path::{Path, PathBuf};

use uk_action::Digest;
use uk_diagnostic::{Code, Diagnostic};
use uk_loader::typed;
use uk_store::{ArchiveError, PublicKey, Selection, SigningKey, Store, Terms, config_folder, trusted_keys};

use super::count;
use crate::failure::Failure;
use crate::ui::{Ui, size};

/// The program that exports, for whoever imports.
const MADE_BY: &str = concat!("uk ", env!("CARGO_PKG_VERSION"));

/// Shows the public key of the user, and makes the key when there is none.
pub(super) fn key(ui: Ui) -> Result<(), Failure> {
    let folder = keys()?;
    let key = SigningKey::load_or_create(&folder).map_err(|error| failed(&error))?;
    ui.output(&format!("{}\n", key.public()))?;
    ui.note(&format!("the signing key is in `{}`: keep it to yourself", folder.display()));
    Ok(())
}

/// Writes an archive of what `artifact` names to standard output.
pub(super) fn export(store: &Store, artifact: &str, ui: Ui) -> Result<(), Failure> {
    if io::stdout().is_terminal() {
        let name = Path::new(artifact).file_name().unwrap_or_default();
        let (what, to) = (typed(Path::new(artifact)), typed(&Path::new(name).with_added_extension("uka")));
        let message = "an archive is no text for a terminal, where standard output leads to";
        let help = format!("put it into a file: `uk store export {what} > {to}`");
        return Err(Diagnostic::error(Code::NotWritable, message).help(help).into());
    }
    let key = SigningKey::load(&keys()?).map_err(|error| failed(&error))?;
    let key = key.ok_or_else(|| failed(&ArchiveError::Key("there is no key to sign with".to_owned())))?;
    let selection = select(store, artifact).map_err(|error| failed(&error))?;
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let exported = store.export(&selection, MADE_BY, &key, &mut out).map_err(|error| failed(&error))?;
    ui.note(&format!(
        "exported {}: {}, {}, {}; signed by {}",
        selection.artifact,
        count(exported.records, "record"),
        count(exported.objects, "object"),
        size(exported.bytes),
        key.public()
    ));
    Ok(())
}

/// A digest, or a file in a project's `dist/`.
fn select(store: &Store, artifact: &str) -> Result<Selection, ArchiveError> {
    if let Ok(digest) = artifact.parse::<Digest>() {
        return store.select_digest(digest);
    }
    let unknown = |what: &str| ArchiveError::Unknown(format!("`{artifact}` {what}"));
    let path =
        Path::new(artifact).canonicalize().map_err(|error| unknown(&format!("can't be read: {error}")))?;
    let bytes = std::fs::read(&path).map_err(|error| unknown(&format!("can't be read: {error}")))?;
    let dist = path.parent().filter(|folder| folder.ends_with("dist"));
    let (Some(project), Some(name)) =
        (dist.and_then(Path::parent), path.file_name().and_then(|n| n.to_str()))
    else {
        return Err(unknown("isn't in the `dist/` of a project"));
    };
    // The debug information is made with the artifact.
    let name = name.strip_suffix(".debug").unwrap_or(name);
    store.select_artifact(&crate::made::path_in(project), name, Digest::of(&bytes))
}

/// Takes an archive.
pub(super) fn import(store: &Store, file: &Path, trust: &[String], most: u64, ui: Ui) -> Result<(), Failure> {
    let folder = keys()?;
    let imported = (|| {
        let mut trusted = trusted_keys(&folder)?;
        trusted.extend(SigningKey::load(&folder)?.map(|own| own.public()));
        for key in trust {
            trusted.push(key.parse::<PublicKey>()?);
        }
        let opened: Box<dyn Read> = if file == Path::new("-") {
            Box::new(io::stdin().lock())
        } else {
            Box::new(File::open(file).map_err(ArchiveError::read)?)
        };
        store.import(&mut BufReader::new(opened), &Terms { trusted, most })
    })();
    let name = match file.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => format!("the archive `{}`", file.display()),
    };
    let imported = imported.map_err(|error: ArchiveError| failed(&error.of(&name)))?;
    ui.note(&format!(
        "imported {}, made by {}: {}, {}, {}; signed by {}",
        imported.artifact,
        imported.made_by,
        count(imported.records, "record"),
        count(imported.objects, "object"),
        size(imported.bytes),
        imported.signer
    ));
    Ok(())
}

/// The folder of the keys.
fn keys() -> Result<PathBuf, Failure> {
    let folder = config_folder(|name| std::env::var_os(name));
    let homeless = "there is no folder for keys: `XDG_CONFIG_HOME` and `HOME` aren't set";
    folder.ok_or_else(|| failed(&ArchiveError::Key(homeless.to_owned())))
}

fn failed(error: &ArchiveError) -> Failure {
    let trusted = config_folder(|name| std::env::var_os(name)).map(|folder| folder.join("trusted-keys"));
    error.diagnostic(trusted.as_ref()).into()
}
