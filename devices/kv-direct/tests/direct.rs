//! A folder conforms, and nothing outside of it can be read.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use tempfile::TempDir;
use uk_device::fake::block_on;
use uk_device::{KvEntry, KvError, KvKind, KvRo as _, conformance};

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

#[test]
fn a_folder_conforms() {
    let folder = folder();
    for (key, value) in conformance::kv_files() {
        let path = folder.path().join(key);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("folders can be made");
        fs::write(path, value).expect("files can be written");
    }
    let direct = uk_kv_direct::open(folder.path()).expect("it is there");
    block_on(conformance::kv_ro(&direct, |value| blake3::hash(value).into()));
}

#[test]
fn links_lead_nowhere_but_in_the_folder() {
    let (outside, folder) = (folder(), folder());
    fs::write(outside.path().join("password"), "secret").expect("files can be written");
    let inside = |name: &str| folder.path().join(name);
    fs::create_dir(inside("real")).expect("folders can be made");
    fs::write(inside("real/file"), "content").expect("files can be written");
    symlink("real/file", inside("good")).expect("links can be made");
    symlink("../real", inside("real/around")).expect("links can be made");
    symlink(outside.path().join("password"), inside("absolute")).expect("links can be made");
    symlink(outside.path(), inside("folder")).expect("links can be made");
    symlink("../..", inside("real/up")).expect("links can be made");
    symlink("loop", inside("loop")).expect("links can be made");
    symlink("nothing", inside("nowhere")).expect("links can be made");
    fs::write(inside("real").join(OsStr::from_bytes(b"\xff")), "no key").expect("files can be written");

    let direct = uk_kv_direct::open(folder.path()).expect("it is there");
    for key in ["good", "real/file", "real/around/file", "real/around/around/around/file"] {
        assert_eq!(block_on(direct.get(key)), Ok(b"content".to_vec()), "`{key}`");
    }
    let outside_name = outside.path().file_name().and_then(OsStr::to_str).expect("it is text");
    let up = format!("real/up/{outside_name}/password");
    for key in ["absolute", "folder", "folder/password", &up, "real/up", "loop", "nowhere", "loop/x"] {
        assert_eq!(block_on(direct.get(key)), Err(KvError::NotFound), "`{key}`");
        assert_eq!(block_on(direct.read(key, 0, &mut [0; 9])), Err(KvError::NotFound), "`{key}`");
        assert_eq!(block_on(direct.list(key)), Err(KvError::NotFound), "`{key}`");
        assert_eq!(block_on(direct.exists(key)), Ok(None), "`{key}`");
        assert_eq!(block_on(direct.digest(key)), Err(KvError::NotFound), "`{key}`");
    }
    let entry = |name: &str, kind| KvEntry { name: name.to_owned(), kind };
    let top = [entry("good", KvKind::Value), entry("real", KvKind::Folder)];
    assert_eq!(block_on(direct.list("")), Ok(top.into()));
    let real = [entry("around", KvKind::Folder), entry("file", KvKind::Value)];
    assert_eq!(block_on(direct.list("real")), Ok(real.into()));
}

#[test]
fn a_folder_that_is_missing_is_told() {
    let folder = folder();
    fs::write(folder.path().join("file"), "").expect("files can be written");
    for name in ["nothing", "file"] {
        let error = uk_kv_direct::open(&folder.path().join(name)).expect_err("it is no folder");
        assert!(error.message().contains("can't be read"), "{error}");
    }
}
