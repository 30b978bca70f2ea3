//! Fingerprints without reading.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use uk_action::{Digest, EntryKind};
use uk_store::StatCache;

/// A file as it is long after it was written: changed now, its times can still be told from those of a later change.
fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    std::thread::sleep(Duration::from_millis(40));
}

/// A cached digest that is wrong shows whether the content was read.
fn poison(cache: &Path, from: &Digest, to: &Digest) {
    let bytes = fs::read(cache).unwrap();
    let (body, _) = bytes.split_at(bytes.len() - 32);
    let mut body = body.to_vec();
    let at = body.windows(32).position(|window| window == from.as_bytes()).expect("the digest is cached");
    body[at..at + 32].copy_from_slice(to.as_bytes());
    let check = Digest::of(&body);
    body.extend_from_slice(check.as_bytes());
    fs::write(cache, body).unwrap();
}

#[test]
fn unchanged_files_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let (file, cache) = (folder.path().join("a.rs"), folder.path().join("cache/stat"));
    write(&file, "one");
    let mut first = StatCache::load(&cache);
    assert_eq!(first.digest(&file).unwrap(), Digest::of(b"one"));
    first.save().unwrap();

    let marker = Digest::of(b"not read");
    poison(&cache, &Digest::of(b"one"), &marker);
    assert_eq!(StatCache::load(&cache).digest(&file).unwrap(), marker);
    let tree = StatCache::load(&cache).fingerprint(folder.path(), &["a.rs"]).unwrap();
    assert_eq!(tree.tree.entries()[0].kind, EntryKind::File { digest: marker, executable: false });

    // The same size and the same time of modification, as some tools leave them.
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    write(&file, "two");
    fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
    assert_eq!(StatCache::load(&cache).digest(&file).unwrap(), Digest::of(b"two"));

    // Another file moved into its place, times and all.
    let other = folder.path().join("b.rs");
    write(&other, "six");
    fs::File::options().write(true).open(&other).unwrap().set_modified(modified).unwrap();
    fs::rename(&other, &file).unwrap();
    assert_eq!(StatCache::load(&cache).digest(&file).unwrap(), Digest::of(b"six"));
}

#[test]
fn a_file_changed_a_moment_ago_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (file, cache) = (folder.path().join("a"), folder.path().join("stat"));
    // Many times within a tick, always of the same size: whatever is cached must never be the one before.
    for number in 100..400 {
        fs::write(&file, number.to_string()).unwrap();
        let mut stats = StatCache::load(&cache);
        assert_eq!(stats.digest(&file).unwrap(), Digest::of(number.to_string().as_bytes()));
        stats.save().unwrap();
    }
    // A clock that was set back: the file is from the future.
    fs::write(&file, "x").unwrap();
    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    fs::File::options().write(true).open(&file).unwrap().set_modified(tomorrow).unwrap();
    std::thread::sleep(Duration::from_millis(40));
    let mut stats = StatCache::load(&cache);
    stats.digest(&file).unwrap();
    stats.save().unwrap();
    assert!(!cache.exists(), "nothing is kept of a file whose times say nothing");
}

#[test]
fn a_damaged_cache_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let (file, cache) = (folder.path().join("a"), folder.path().join("stat"));
    write(&file, "one");
    let mut stats = StatCache::load(&cache);
    stats.digest(&file).unwrap();
    stats.save().unwrap();
    let good = fs::read(&cache).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&cache, &bad).unwrap();
        assert_eq!(StatCache::load(&cache).digest(&file).unwrap(), Digest::of(b"one"));
        fs::write(&cache, &good[..at]).unwrap();
        assert_eq!(StatCache::load(&cache).digest(&file).unwrap(), Digest::of(b"one"));
    }
}

#[test]
fn many_files_and_what_cannot_be_taken() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("inner");
    let names = (0..300).map(|number| format!("d{}/f{number}", number % 7)).collect::<Vec<_>>();
    for name in &names {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    std::os::unix::fs::symlink("d1", folder.join("link")).unwrap();
    let mut all = names.clone();
    all.push("link".into());
    let mut cache = StatCache::load(&folder.join("stat"));
    let tree = cache.fingerprint(&folder, &all).unwrap();
    assert_eq!(tree.tree.entries().len(), 301);
    for entry in tree.tree.entries() {
        match &entry.kind {
            EntryKind::Link { target } => assert_eq!(target, "d1"),
            EntryKind::File { digest, .. } => assert_eq!(*digest, Digest::of(entry.path.as_bytes())),
        }
    }
    assert_eq!(tree.digest, cache.fingerprint(&folder, &all).unwrap().digest);

    for (bad, what) in [("d1", "it isn't a file"), ("gone", "No such file"), ("../x", "No such file")] {
        let error = cache.fingerprint(&folder, &[bad]).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(error.diagnostic().code.to_string(), "UK0406");
    }
}

#[test]
fn what_is_never_asked_for_goes_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("stat");
    let names = (0..1500).map(|number| format!("f{number}")).collect::<Vec<_>>();
    for name in &names {
        fs::write(folder.path().join(name), name).unwrap();
    }
    std::thread::sleep(Duration::from_millis(40));
    let mut stats = StatCache::load(&cache);
    stats.fingerprint(folder.path(), &names).unwrap();
    stats.save().unwrap();
    let all = fs::metadata(&cache).unwrap().len();
    let mut stats = StatCache::load(&cache);
    stats.fingerprint(folder.path(), &names[..10]).unwrap();
    stats.save().unwrap();
    assert!(fs::metadata(&cache).unwrap().len() < all / 100);
}
