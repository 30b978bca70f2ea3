//! Objects, places and formats.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use uk_action::{Class, Digest, EntryKind, Graph, Input, LocalTree, OutputKind, Source};
use uk_store::{Store, StoreError};

use crate::common::{build, place, shell};

fn open(root: &Path) -> Result<Store, StoreError> {
    Store::open(root)
}

#[test]
fn the_default_place() {
    let root = |variables: &[(&str, &str)]| {
        Store::default_root(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    };
    let home = ("HOME", "/h");
    assert_eq!(root(&[home]).unwrap(), Path::new("/h/.cache/uk/store"));
    assert_eq!(root(&[home, ("XDG_CACHE_HOME", "/c")]).unwrap(), Path::new("/c/uk/store"));
    assert_eq!(root(&[home, ("XDG_CACHE_HOME", "c")]).unwrap(), Path::new("/h/.cache/uk/store"));
    assert_eq!(root(&[home, ("XDG_CACHE_HOME", "/c"), ("UK_STORE", "/s")]).unwrap(), Path::new("/s"));
    assert_eq!(root(&[("UK_STORE", ""), ("HOME", "")]).unwrap_err().diagnostic().code.to_string(), "UK0501");
}

#[test]
fn foreign_and_newer_folders_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "").unwrap();
    let error = open(folder.path()).unwrap_err();
    assert_eq!(error.code().to_string(), "UK0504");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).unwrap().put_bytes(b"x").unwrap();
    fs::write(folder.path().join("FORMAT"), "uk-store 2\nand what it may say then").unwrap();
    // The first line counts.
    let error = open(folder.path()).unwrap_err();
    assert_eq!(error.code().to_string(), "UK0505", "{error}");
    assert!(error.to_string().contains("has format 2, and this `uk` reads up to 1"), "{error}");
    let file = folder.path().join("FORMAT");
    for damaged in [&b"something else"[..], b"uk-\xf3tore 1\n"] {
        fs::write(&file, damaged).unwrap();
        let error = open(folder.path()).unwrap_err();
        assert_eq!(error.code().to_string(), "UK0504");
        let (said, help) = (error.to_string(), error.diagnostic().help.unwrap());
        assert!(said.contains(&file.display().to_string()) && help.contains("remove it"), "{said}: {help}");
        // As that says.
        fs::remove_file(&file).unwrap();
        assert_eq!(open(folder.path()).unwrap().read(Digest::of(b"x")).unwrap(), b"x");
    }

    assert_eq!(open(&file).unwrap_err().code().to_string(), "UK0501");
}

#[test]
fn objects_are_read_only_and_canonical() {
    let place = place();
    let file = place.folder.path().join("program");
    fs::write(&file, "content").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o4755)).unwrap();
    let digest = place.store.put_file(&file).unwrap();
    assert_eq!(digest, Digest::of(b"content"));
    let object = fs::metadata(place.store.blob_path(digest)).unwrap();
    assert_eq!((object.mode() & 0o7777, object.mtime(), object.nlink()), (0o444, 1, 1));

    // It isn't written again.
    assert_eq!(place.store.put_bytes(b"content").unwrap(), digest);
    assert_eq!(fs::metadata(place.store.blob_path(digest)).unwrap().ino(), object.ino());

    // What comes out is a copy that may be written.
    let to = place.folder.path().join("dist/it");
    fs::create_dir(to.parent().unwrap()).unwrap();
    fs::write(&to, "an older one").unwrap();
    place.store.materialise_file(digest, &to, true).unwrap();
    let copy = fs::metadata(&to).unwrap();
    assert_eq!(copy.mode() & 0o700, 0o700);
    assert_ne!(copy.ino(), object.ino());
    fs::write(&to, "changed").unwrap();
    assert_eq!(place.store.read(digest).unwrap(), b"content");
    assert_eq!(fs::read_dir(to.parent().unwrap()).unwrap().count(), 1, "nothing else is left beside it");
}

#[test]
fn large_files_are_copied_whole() {
    let place = place();
    for size in [0, 1, (1 << 20) - 1, 1 << 20, (4 << 20) + 1, 9_000_001] {
        let bytes = (0..size).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>();
        let file = place.folder.path().join("file");
        fs::write(&file, &bytes).unwrap();
        let digest = place.store.put_file(&file).unwrap();
        assert_eq!(digest, Digest::of(&bytes));
        assert_eq!(place.store.read(digest).unwrap(), bytes);
    }
}

#[test]
fn trees_keep_names_links_and_the_executable_bit() {
    let place = place();
    let folder = place.folder.path().join("tree");
    fs::create_dir_all(folder.join("a/empty")).unwrap();
    fs::create_dir_all(folder.join("a-b")).unwrap();
    fs::write(folder.join("a/é"), "x").unwrap();
    fs::write(folder.join("a-b/run"), "x").unwrap();
    fs::set_permissions(folder.join("a-b/run"), fs::Permissions::from_mode(0o711)).unwrap();
    symlink("../nowhere", folder.join("link")).unwrap();
    let (tree, digest) = place.store.put_tree(&folder).unwrap();
    let paths = tree.entries().iter().map(|entry| entry.path.as_str()).collect::<Vec<_>>();
    assert_eq!(paths, ["a/é", "a-b/run", "link"]);
    assert_eq!(place.store.read_tree(digest).unwrap(), tree);

    let copy = place.folder.path().join("x/in");
    let mut graph = Graph::default();
    let input = Input {
        path: "in".into(),
        source: Source::Local(LocalTree { root: folder.clone(), tree: tree.clone(), digest }.into()),
    };
    let script = format!("cp -a in/. o; mkdir {0}; cp -a in {0}", place.folder.path().join("x").display());
    let action = graph.add(shell("copy", &script, vec![input], &[("o", OutputKind::Tree)]));
    let report = build(&place.store, &graph, action).unwrap();
    assert_eq!(report.outputs(action)[0].digest, digest);
    assert!(!copy.join("a/empty").exists());
    assert_eq!(fs::read_link(copy.join("link")).unwrap(), Path::new("../nowhere"));

    let socket = std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap();
    let error = place.store.put_tree(&folder).unwrap_err();
    assert!(error.to_string().ends_with("socket`: it is neither a file nor a link"), "{error}");
    drop(socket);
}

#[test]
fn many_files_are_synced_at_once() {
    let place = place();
    let folder = place.folder.path().join("tree");
    fs::create_dir(&folder).unwrap();
    for number in 0..200 {
        fs::write(folder.join(format!("f{number}")), format!("{number}")).unwrap();
    }
    let (tree, _) = place.store.put_tree(&folder).unwrap();
    for entry in tree.entries() {
        let EntryKind::File { digest, .. } = entry.kind else { panic!("{entry:?}") };
        assert_eq!(place.store.read(digest).unwrap(), &entry.path.as_bytes()[1..]);
    }
}

#[test]
fn damage_is_found_and_moved_away() {
    let place = place();
    let digest = place.store.put_bytes(b"content").unwrap();
    let path = place.store.blob_path(digest);
    let to = place.folder.path().join("out");
    let damage = |text: &str| {
        fs::remove_file(&path).ok();
        fs::write(&path, text).unwrap();
    };
    damage("c0ntent");
    assert_eq!(place.store.read(digest).unwrap_err().code().to_string(), "UK0503");
    assert!(matches!(place.store.read(digest), Err(StoreError::Missing { .. })));

    damage("c0ntent");
    let error = place.store.materialise_file(digest, &to, false).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }));
    assert!(!to.exists());

    // One of another length isn't taken for it when it is put again.
    damage("");
    place.store.put_bytes(b"content").unwrap();
    assert_eq!(place.store.read(digest).unwrap(), b"content");
}

#[test]
fn a_fixed_tree_is_written_once() {
    let place = place();
    let digest = Digest::of(b"version 1");
    let files: [(&str, &[u8]); 2] = [("a/src/lib.rs", b"fn a() {}"), ("b.kdl", b"")];
    let folder = place.store.fixed_tree(digest, files).unwrap();
    assert!(folder.starts_with(place.store.root().join("sdk")));
    assert_eq!(fs::read(folder.join("a/src/lib.rs")).unwrap(), b"fn a() {}");
    let file = fs::metadata(folder.join("b.kdl")).unwrap();
    assert_eq!((file.mode() & 0o777, file.mtime()), (0o444, 1));
    assert_eq!(place.store.fixed_tree(digest, []).unwrap(), folder);

    let again = std::thread::scope(|scope| {
        let at_once = || place.store.fixed_tree(Digest::of(b"2"), files).unwrap();
        let threads = [scope.spawn(at_once), scope.spawn(at_once), scope.spawn(at_once)];
        threads.map(|thread| thread.join().unwrap())
    });
    assert!(again.iter().all(|folder| *folder == again[0]));
    assert_eq!(fs::read(again[0].join("a/src/lib.rs")).unwrap(), b"fn a() {}");
}

#[test]
fn a_store_leaves_nothing_temporary() {
    let place = place();
    place.store.put_bytes(b"x").unwrap();
    let tmp = place.store.root().join("tmp");
    assert_eq!(fs::read_dir(&tmp).unwrap().count(), 2, "a folder and its lock");

    // What a process that was killed leaves: a folder, also one that can't be listed, and locks that nobody holds.
    fs::create_dir_all(tmp.join("dead/box/deep")).unwrap();
    fs::set_permissions(tmp.join("dead/box"), fs::Permissions::from_mode(0o500)).unwrap();
    fs::write(tmp.join("dead.lock"), "").unwrap();
    fs::write(tmp.join("key-123.lock"), "").unwrap();
    let other = Store::open(place.store.root()).unwrap();
    other.put_bytes(b"y").unwrap();
    assert_eq!(fs::read_dir(&tmp).unwrap().count(), 4, "those of two living stores");
    drop(other);
    drop(place.store);
    assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0);
}

/// Any damage to a record makes it no record; an intact one says what was written.
#[test]
fn a_damaged_record_counts_as_none() {
    let place = place();
    let mut graph = Graph::default();
    let root = graph.add(shell("x", "echo x > o; echo log", vec![], &[("o", OutputKind::File)]));
    let report = build(&place.store, &graph, root).unwrap();
    let key = graph.get(root).key(&[], Class::Folder);
    let record = place.store.record(key).unwrap();
    assert_eq!(&*record.outputs, report.outputs(root));
    assert_eq!((record.class.as_str(), record.log), ("folder", 4));
    assert_eq!(fs::read(place.store.log_path(key)).unwrap(), b"log\n");

    let name = key.to_string();
    let path = place.store.root().join("ac").join(&name[..2]).join(&name);
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        for bad in [good[at] ^ 1, b'\n', b' '].into_iter().filter(|bad| *bad != good[at]) {
            let mut bytes = good.clone();
            bytes[at] = bad;
            fs::write(&path, &bytes).unwrap();
            assert_eq!(place.store.record(key), None, "byte {at} as {bad}");
        }
        fs::write(&path, &good[..at]).unwrap();
        assert_eq!(place.store.record(key), None, "cut at {at}");
    }
    fs::write(&path, &good).unwrap();
    assert_eq!(place.store.record(key), Some(record));
}

#[test]
fn a_memo_is_what_was_set_last() {
    let place = place();
    assert_eq!(place.store.memo("it"), None);
    for text in [&b"one"[..], b"two"] {
        place.store.set_memo("it", text).unwrap();
        assert_eq!(place.store.memo("it").unwrap(), text);
    }
}
