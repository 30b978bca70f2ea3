//! Packages of others, held to the lock file.
//!
//! Cargo keeps them where anybody can edit them, and looks at none again that it has unpacked once. What is built of a
//! registry's package is therefore unpacked of its `.crate` file, whose SHA-256 the lock file has, at every build that
//! compiles it. What has no such file (a vendored folder, a git checkout) is known by its content.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use cargo_metadata::Package;
use flate2::read::GzDecoder;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tar::Archive;
use uk_action::{Digest, Seal};
use uk_diagnostic::{Code, Diagnostic};
use uk_store::{NotUnpacked, seal_of};

use crate::Result;
use crate::lock::Checksums;

/// Where vendoring lists the checksums of a package's files.
pub(super) const LIST: &str = ".cargo-checksum.json";
const MANIFEST: &str = "Cargo.toml";

/// A package that is not the user's own.
pub(super) struct Sealed {
    /// The file or folder that it is built of.
    pub place: PathBuf,
    /// What it is called by: the lock's checksum alone where that is what is checked.
    pub identity: Digest,
    pub seal: Seal,
}

/// Holds `package` in `folder` to the lock file's checksum; or, without one or an archive, to what it is now, called by
/// `revision` as well.
///
/// # Errors
/// `UK0409` where it isn't what the lock file or its list says, `UK0406` where it can't be read.
pub(super) fn seal(
    package: &Package,
    folder: &Path,
    checksums: &Checksums,
    revision: &str,
) -> Result<Sealed> {
    let (name, sum) = (name(package), checksum(package, checksums));
    if let Some((archive, sum)) = check(package, folder, checksums, None)? {
        let identity = Digest::of(format!("{name} {sum}").as_bytes());
        return Ok(Sealed { place: archive, identity, seal: Seal::Archive(sum.to_owned()) });
    }
    let tree = seal_of(folder).map_err(|error| unreadable(folder, &error, BROUGHT))?;
    let identity = Digest::of(format!("{name} {} {tree}", sum.unwrap_or(revision)).as_bytes());
    Ok(Sealed { place: folder.to_owned(), identity, seal: Seal::Tree(tree) })
}

/// Compares `package` in `folder` with its archive, which is given back with its checksum, or with its list. `used` is a file
/// of it that is used where it is, and the text that was read there.
///
/// # Errors
/// Those of [`seal`].
pub(super) fn check<'a>(
    package: &Package,
    folder: &Path,
    checksums: &'a Checksums,
    used: Option<(&str, &str)>,
) -> Result<Option<(PathBuf, &'a str)>> {
    let name = name(package);
    if let (Some(sum), Some(archive)) = (checksum(package, checksums), archive(folder)) {
        check_archive(&name, &archive, sum, folder, used)?;
        return Ok(Some((archive, sum)));
    }
    check_list(&name, folder)?;
    Ok(None)
}

fn name(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}

fn checksum<'a>(package: &Package, checksums: &'a Checksums) -> Option<&'a str> {
    let source = package.source.as_ref()?.repr.clone();
    Some(checksums.get(&(package.name.to_string(), package.version.to_string(), source))?)
}

/// The archive that cargo unpacked to `folder`, `registry/src/INDEX/NAME-VERSION` in its home.
pub(super) fn archive(folder: &Path) -> Option<PathBuf> {
    let (name, index) = (folder.file_name()?, folder.parent()?);
    let registry = index.parent().filter(|src| src.ends_with("registry/src"))?.parent()?;
    let mut file = name.to_owned();
    file.push(".crate");
    Some(registry.join("cache").join(index.file_name()?).join(file)).filter(|path| path.is_file())
}

/// Cargo has read the manifest in `folder`, so that is compared, too, and so is what was read of `used`; nothing else there
/// is used.
fn check_archive(
    name: &str,
    archive: &Path,
    sum: &str,
    folder: &Path,
    used: Option<(&str, &str)>,
) -> Result<()> {
    let unusable = |error| match error {
        NotUnpacked::Unlike(cause) => differs(name, archive, &cause, archive),
        NotUnpacked::Unreadable(error) | NotUnpacked::Unwritable(error) => {
            unreadable(archive, &error, FETCHED)
        }
    };
    let bytes = read(archive, sum).map_err(unusable)?;
    let broken = |error: io::Error| unreadable(archive, &error, FETCHED);
    let manifest = fs::read(folder.join(MANIFEST)).unwrap_or_default();
    let used = used.map(|(file, text)| (Path::new(file), text.as_bytes()));
    let mut wanted: Vec<_> = [(Path::new(MANIFEST), &manifest[..])].into_iter().chain(used).collect();
    let mut tar = Archive::new(GzDecoder::new(&bytes[..]));
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let inner = inner(&entry.path().map_err(broken)?);
        let is_it = |(file, _): &(&Path, &[u8])| {
            inner.as_deref().is_some_and(|inner| inner == file.strip_prefix(".").unwrap_or(file))
        };
        if let Some(at) = wanted.iter().position(is_it) {
            let (file, unpacked) = wanted.swap_remove(at);
            let mut text = Vec::new();
            entry.read_to_end(&mut text).map_err(broken)?;
            if unpacked != text {
                return Err(differs(name, &folder.join(file), "it was edited", folder));
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
    }
    let file = wanted[0].0;
    Err(differs(name, &folder.join(file), "it isn't in the crate's archive", folder))
}

/// Compares a vendored folder's files with its list, where it has one.
fn check_list(name: &str, folder: &Path) -> Result<()> {
    #[derive(Deserialize)]
    struct List {
        files: std::collections::BTreeMap<String, String>,
    }
    let path = folder.join(LIST);
    let Ok(text) = fs::read(&path) else { return Ok(()) };
    let list: List = serde_json::from_slice(&text).map_err(|error| unreadable(&path, &error, BROUGHT))?;
    for (file, sum) in list.files {
        let file = folder.join(file);
        let bytes = fs::read(&file).map_err(|error| unreadable(&file, &error, BROUGHT))?;
        if hex(&bytes) != sum {
            return Err(differs(name, &file, "it was edited", folder));
        }
    }
    Ok(())
}

/// The bytes of an archive, if they are those that `sum` stands for.
fn read(archive: &Path, sum: &str) -> std::result::Result<Vec<u8>, NotUnpacked> {
    let bytes = fs::read(archive).map_err(NotUnpacked::Unreadable)?;
    match hex(&bytes) {
        found if found == sum => Ok(bytes),
        found => Err(NotUnpacked::Unlike(format!("its SHA-256 is `{found}`, and the lock file has `{sum}`"))),
    }
}

/// Brings the files of the crate in `archive` to `to`, if its SHA-256 is `sum` (hexadecimal). Who may execute a file, and when
/// it was changed, is as the archive says.
///
/// # Errors
/// [`NotUnpacked`] tells which side is at fault.
pub fn unpack(archive: &Path, sum: &str, to: &Path) -> std::result::Result<(), NotUnpacked> {
    let bytes = read(archive, sum)?;
    let broken = |error: io::Error| NotUnpacked::Unlike(format!("it isn't an archive: {error}"));
    // One call reads and writes; these are what decoders say.
    let stopped = |error: io::Error| match error.kind() {
        ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof => broken(error),
        _ => NotUnpacked::Unwritable(error),
    };
    let mut tar = Archive::new(GzDecoder::new(&bytes[..]));
    tar.set_mask(0o022);
    let mut links = Vec::new();
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?.into_owned();
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            continue;
        }
        let target = entry.link_name().map_err(broken)?.filter(|_| kind.is_symlink());
        let known = kind.is_file() || kind.is_dir() || target.is_some();
        let Some(inner) = inner(&path).filter(|_| known) else {
            return Err(NotUnpacked::Unlike(format!("`{}` can't be in a crate", path.display())));
        };
        let place = to.join(inner);
        let folder = if kind.is_dir() { &place } else { place.parent().unwrap_or(to) };
        fs::create_dir_all(folder).map_err(NotUnpacked::Unwritable)?;
        match target {
            Some(target) => links.push((target.into_owned(), place)),
            None if kind.is_file() => {
                entry.unpack(&place).map_err(stopped)?;
            }
            None => {}
        }
    }
    // The last, so that nothing is written through one.
    links.into_iter().try_for_each(|(target, place)| symlink(target, place)).map_err(NotUnpacked::Unwritable)
}

/// A path in an archive without the folder that all of it is in; nothing for one that leads elsewhere.
fn inner(path: &Path) -> Option<PathBuf> {
    let mut parts = path.components();
    let plain = |part: &Component<'_>| matches!(part, Component::Normal(_));
    parts.next().filter(plain)?;
    parts.clone().all(|part| plain(&part)).then(|| parts.collect())
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `path` was changed; without `whole`, cargo fetches the crate again.
fn differs(name: &str, path: &Path, cause: &str, whole: &Path) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(
            Code::ChecksumMismatch,
            format!("`{}` isn't of the crate `{name}` as it was published: {cause}", path.display()),
        )
        .help(format!(
            "remove `{}`, and cargo fetches the crate again (a vendored one: `cargo vendor`); to change a crate, copy it and \
             name the copy in `[patch.crates-io]`",
            whole.display()
        )),
    )
}

/// What brings an archive back.
const FETCHED: &str = "remove it, and cargo fetches the crate again";
/// What brings a folder back.
const BROUGHT: &str = "a vendored crate: `cargo vendor` writes it again; a checkout of git: remove it, and cargo makes it again";

fn unreadable(path: &Path, cause: &dyn std::fmt::Display, help: &str) -> Box<Diagnostic> {
    let message = format!("`{}` can't be read: {cause}", path.display());
    Box::new(Diagnostic::error(Code::UnreadableSource, message).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// An archive of entries: a path, a text or what a link says, whether it is a program or a link.
    fn archive(folder: &Path, entries: &[(&str, &str, char)]) -> (PathBuf, String) {
        let file = folder.join("a-1.0.0.crate");
        let packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(packed);
        for (path, text, kind) in entries {
            let mut header = tar::Header::new_gnu();
            // As a hostile archive would have it: the library refuses to write such paths.
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_mode(if *kind == 'x' { 0o755 } else { 0o644 });
            header.set_mtime(1_000_000_000);
            if *kind == 'l' {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_link_name(text).expect("it is short");
                header.set_size(0);
                header.set_cksum();
                tar.append(&header, &[][..]).expect("memory can be written");
            } else {
                header.set_size(text.len() as u64);
                header.set_cksum();
                tar.append(&header, text.as_bytes()).expect("memory can be written");
            }
        }
        let bytes = tar.into_inner().and_then(|packed| packed.finish()).expect("memory can be written");
        fs::write(&file, &bytes).expect("files can be written");
        (file, hex(&bytes))
    }

    #[test]
    fn crates_are_unpacked_with_modes_and_times_if_the_sum_is_right() {
        let temp = tempfile::tempdir().expect("a temporary folder can be made");
        let entries =
            [("a-1.0.0/src/lib.rs", "text", 'f'), ("a-1.0.0/run", "#!", 'x'), ("a-1.0.0/l", "src", 'l')];
        let (file, sum) = archive(temp.path(), &entries);
        let to = temp.path().join("to");
        fs::create_dir(&to).expect("folders can be made");
        unpack(&file, &sum, &to).expect("it is sound");
        assert_eq!(fs::read(to.join("l/lib.rs")).expect("it is there"), b"text");
        let found = |path: &str| fs::metadata(to.join(path)).expect("it is there");
        let modes = ["src/lib.rs", "run"].map(|path| found(path).permissions().mode() & 0o777);
        assert_eq!(modes, [0o644, 0o755]);
        let modified = found("run").modified().expect("it has a time");
        assert_eq!(modified, std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000));
        let other = sum.chars().rev().collect::<String>();
        assert!(
            matches!(unpack(&file, &other, &to), Err(NotUnpacked::Unlike(cause)) if cause.contains(&sum))
        );
    }

    #[test]
    fn a_broken_archive_is_no_fault_of_the_folder() {
        let temp = tempfile::tempdir().expect("a temporary folder can be made");
        let text: String = (0..1000_u32).map(|n| hex(&n.to_le_bytes())).collect();
        let (file, _) = archive(temp.path(), &[("a-1.0.0/text", &text, 'f')]);
        let mut bytes = fs::read(&file).expect("it is there");
        bytes.truncate(bytes.len() / 2);
        fs::write(&file, &bytes).expect("files can be written");
        let to = temp.path().join("to");
        fs::create_dir(&to).expect("folders can be made");
        assert!(matches!(unpack(&file, &hex(&bytes), &to), Err(NotUnpacked::Unlike(_))));
    }

    #[test]
    fn what_is_read_of_an_unpacked_crate_is_compared() {
        let temp = tempfile::tempdir().expect("a temporary folder can be made");
        let folder = temp.path().join("a-1.0.0");
        fs::create_dir(&folder).expect("folders can be made");
        fs::write(folder.join(MANIFEST), "manifest").expect("files can be written");
        let entries = [("a-1.0.0/Cargo.toml", "manifest", 'f'), ("a-1.0.0/device.kdl", "device", 'f')];
        let (file, sum) = archive(temp.path(), &entries);
        let check = |used| check_archive("a 1.0.0", &file, &sum, &folder, used);
        for used in [None, Some(("device.kdl", "device")), Some(("./device.kdl", "device"))] {
            check(used).expect("it is as it was published");
        }
        for used in [("device.kdl", "edited"), ("other.kdl", "device"), ("../device.kdl", "device")] {
            let refused = check(Some(used)).expect_err("it isn't");
            assert_eq!(refused.code, Code::ChecksumMismatch, "{used:?}");
        }
        fs::write(folder.join(MANIFEST), "edited").expect("files can be written");
        check(None).expect_err("the manifest was edited");
    }

    #[test]
    fn nothing_is_written_outside_of_the_folder() {
        let temp = tempfile::tempdir().expect("a temporary folder can be made");
        let outside = temp.path().join("outside");
        let cases: [&[(&str, &str, char)]; 4] = [
            &[("a/../../outside", "x", 'f')],
            &[("/tmp/outside", "x", 'f')],
            &[("../outside", "x", 'f')],
            &[("a/l", "..", 'l'), ("a/l/outside", "x", 'f')],
        ];
        for (number, entries) in cases.iter().enumerate() {
            let (file, sum) = archive(temp.path(), entries);
            let to = temp.path().join(number.to_string());
            fs::create_dir(&to).expect("folders can be made");
            assert!(unpack(&file, &sum, &to).is_err(), "{entries:?}");
            assert!(!outside.exists(), "{entries:?}");
        }
    }
}
