//! Which folders data can be made of, and that the same files give the same data.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use uk_device::KvError;

use super::common::{conformance_folder, folder, look, made};

#[test]
fn equal_files_give_equal_data() {
    let (one, other) = (conformance_folder(), tempfile::tempdir().unwrap());
    // The other way round, later, and with other rights.
    let mut files = uk_device::conformance::kv_files();
    files.reverse();
    for (key, value) in files {
        let path = other.path().join(&key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, value).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_times(FileTimes::new().set_modified(time))
            .unwrap();
    }
    for tool in uk_data::TOOLS {
        assert!(made(tool, one.path()) == made(tool, other.path()), "{tool}");
    }
}

#[test]
fn there_is_data_of_an_empty_folder() {
    let empty = tempfile::tempdir().unwrap();
    for tool in uk_data::TOOLS {
        let said = look(tool, &made(tool, empty.path()), &["", "a"]).unwrap();
        assert_eq!(said[0].2, Ok(Vec::new()), "{tool}");
        assert_eq!(said[1].1, Err(KvError::NotFound), "{tool}");
    }
}

#[test]
fn links_are_what_they_lead_to() {
    let folder = folder(&[("real/file", "content")]);
    symlink("real/file", folder.path().join("link")).unwrap();
    symlink("real", folder.path().join("folder")).unwrap();
    for tool in uk_data::TOOLS {
        let said = look(tool, &made(tool, folder.path()), &["link", "folder/file", "real/file"]).unwrap();
        assert!(said.iter().all(|(_, value, _)| *value == Ok(b"content".to_vec())), "{tool}: {said:?}");
    }
}

#[test]
fn fat_says_what_it_cannot_hold() {
    let refuses = |path: &str, size: u64, part: &str| {
        let said = uk_data::check("fat", path, size).unwrap_err();
        assert!(said.contains(part) && said.contains(path), "{said}");
    };
    refuses("big", 1 << 32, "at most 4294967295");
    refuses("a:b", 1, "names with `:`");
    refuses("folder/a?b", 1, "names with `?`");
    refuses("🦀", 1, "names with `\\u{1f980}`");
    refuses("dot.", 1, "end with a dot");
    refuses("folder /file", 1, "end with a space");
    refuses(&"x".repeat(256), 1, "at most 255 bytes");
    for (path, size) in [("big", u32::MAX.into()), (&*"x".repeat(255), 1), ("ä/ö.ü", 1), (".hidden", 1)] {
        assert_eq!(uk_data::check("fat", path, size), Ok(()));
    }
    let clash = uk_data::check_all("fat", ["a/x", "b", "A/y"].into_iter()).unwrap_err();
    assert_eq!(clash, "FAT doesn't tell `a` from `A`");
    assert_eq!(uk_data::check("tar", "a:b", 1 << 40), Ok(()));
    // `make` looks, too.
    let folder = folder(&[("a:b", "x")]);
    let said = uk_data::make("fat", folder.path(), &folder.path().join("out")).unwrap_err();
    assert!(said.contains("names with `:`"), "{said}");
}

/// What FAT calls a file beside its name is no other file's name.
#[test]
fn names_that_look_like_short_ones_are_files_of_their_own() {
    let names = [
        "longfilename.txt",
        "longfi~1.txt",
        "LONGFI~2.TXT",
        "longfilenames.txt",
        "lo8A4C~1.txt",
        "longfi~5.txt",
    ];
    let folder = folder(&names.map(|name| (name, name)));
    let said = look("fat", &made("fat", folder.path()), &names).unwrap();
    assert!(said.iter().all(|(key, value, _)| *value == Ok(key.clone().into_bytes())), "{said:?}");
}

#[test]
fn a_thousand_files_in_one_folder_fit() {
    let files: Vec<(String, [u8; 1])> = (0..1000)
        .map(|n| (format!("number {n}, with a name that takes several entries"), [n as u8]))
        .collect();
    let folder = folder(&files);
    for tool in uk_data::TOOLS {
        let keys: Vec<&str> = files.iter().map(|(key, _)| &**key).step_by(97).collect();
        let said = look(tool, &made(tool, folder.path()), &keys).unwrap();
        assert!(said.iter().all(|(_, value, _)| value.as_ref().is_ok_and(|v| v.len() == 1)), "{tool}");
    }
}
