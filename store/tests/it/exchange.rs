//! Archives: whole, signed and trusted, or nothing.

use std::fs;
use std::path::{Path, PathBuf};

use ed25519_compact::{KeyPair, Seed};
use uk_action::{ActionId, Digest, Entry, EntryKind, Graph, OutputKind, Tree};
use uk_store::{ArchiveError, Imported, PublicKey, Report, Root, Selection, SigningKey, Store, Terms};
use uk_store::{config_folder, trusted_keys};

use crate::common::*;
use crate::faults::files;

const FILE: &[(&str, OutputKind)] = &[("o", OutputKind::File)];

fn graph() -> (Graph, ActionId) {
    let mut graph = Graph::default();
    let script = "mkdir o/d; echo x > o/d/f; ln -s d/f o/l; ln -s ../l o/d/up; echo said";
    let tree = graph.add(shell("tree", script, vec![], &[("o", OutputKind::Tree)]));
    let root = graph.add(shell("root", "cat i/l > o; chmod +x o", vec![from(tree, "i")], FILE));
    (graph, root)
}

struct Made {
    place: Place,
    graph: Graph,
    root: ActionId,
    report: Report,
    witness: PathBuf,
}

fn made() -> Made {
    let place = place();
    let (graph, root) = graph();
    let report = build(&place.store, &graph, root).unwrap();
    let witness = place.folder.path().join("made.json");
    fs::write(&witness, "").unwrap();
    let entry = Root::of(witness.clone(), "hello", &place.store, &graph, &[root], &report);
    place.store.add_root(&entry).unwrap();
    Made { place, graph, root, report, witness }
}

impl Made {
    fn digest(&self) -> Digest {
        self.report.outputs(self.root)[0].digest
    }

    fn selection(&self) -> Selection {
        self.place.store.select_artifact(&self.witness, "hello", self.digest()).unwrap()
    }

    fn archive(&self, key: &SigningKey) -> Vec<u8> {
        let mut archive = Vec::new();
        self.place.store.export(&self.selection(), "test 1", key, &mut archive).unwrap();
        archive
    }
}

fn key(folder: &Path) -> SigningKey {
    SigningKey::load_or_create(folder).unwrap()
}

fn terms(trusted: &[PublicKey]) -> Terms {
    Terms { trusted: trusted.to_vec(), most: 1 << 30 }
}

fn code(error: &ArchiveError) -> String {
    let diagnostic = error.diagnostic(None);
    assert!(diagnostic.help.is_some());
    diagnostic.code.to_string()
}

/// Nothing of an archive may be left of an import that failed.
fn refused(archive: &[u8], terms: &Terms) -> ArchiveError {
    let place = place_in_memory();
    let error = place.store.import(&mut &archive[..], terms).unwrap_err();
    let left = files(place.store.root()).into_iter();
    let known = ["FORMAT", ".gitignore", "lock", "roots"];
    let left = left.filter(|path| !known.iter().any(|known| path.ends_with(known)));
    assert_eq!(left.filter(|path| path.extension().is_none()).count(), 0, "{error}");
    error
}

#[test]
fn what_was_imported_needs_no_building() {
    let made = made();
    let key = key(made.place.folder.path());
    let archive = made.archive(&key);
    assert_eq!(archive, made.archive(&key), "the same again, byte for byte");
    let other = place();
    let terms = terms(&[key.public()]);
    let imported = other.store.import(&mut &archive[..], &terms).unwrap();
    let Imported { artifact, made_by, signer, records, objects, .. } = imported.clone();
    assert_eq!((artifact.as_str(), made_by.as_str(), signer), ("hello", "test 1", key.public()));
    // The tree and its file; the root's output has the file's content.
    assert_eq!((records, objects), (2, 2));
    let report = build(&other.store, &made.graph, made.root).unwrap();
    assert_eq!((report.executed, report.cached), (0, 2));
    assert_eq!(text(&other.store, &report, made.root), "x\n");
    let key_of_tree = made.report.keys[0].unwrap();
    assert_eq!(fs::read(other.store.log_path(key_of_tree)).unwrap(), b"said\n");
    assert!(other.store.verify().unwrap().findings.is_empty());
    assert_eq!(other.store.verify().unwrap().incomplete, 0);
    // Once more changes nothing; and what comes by a slow way is the same.
    assert_eq!(other.store.import(&mut Slow(&archive), &terms).unwrap(), imported);
}

/// Gives a few bytes at a time.
struct Slow<'a>(&'a [u8]);

impl std::io::Read for Slow<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let most = to.len().min(7);
        std::io::Read::read(&mut self.0, &mut to[..most])
    }
}

#[test]
fn selections() {
    let made = made();
    let store = &made.place.store;
    let digest = made.digest();
    let edited = store.select_artifact(&made.witness, "hello", Digest::of(b"edited")).unwrap_err();
    assert_eq!(code(&edited), "UK0513");
    assert_eq!(code(&store.select_artifact(&made.witness, "hullo", digest).unwrap_err()), "UK0513");
    assert_eq!(code(&store.select_digest(Digest::of(b"unknown")).unwrap_err()), "UK0513");
    assert_eq!(store.select_digest(digest).unwrap().keys.len(), 2, "by the root that it belongs to");
    let key = made.report.keys[0].unwrap();
    assert_eq!(store.select_digest(key).unwrap().keys, [key]);
    fs::remove_dir_all(store.root().join("roots")).unwrap();
    assert_eq!(store.select_digest(digest).unwrap().keys.len(), 1, "by the record that names it");

    // What it is must be there.
    let signing = self::key(made.place.folder.path());
    let selection = Selection { artifact: "x".into(), made: vec![digest], keys: vec![key] };
    fs::remove_file(store.blob_path(digest)).unwrap();
    let error = store.export(&selection, "test", &signing, &mut Vec::new()).unwrap_err();
    assert_eq!(code(&error), "UK0515");
}

#[test]
fn only_trusted_signatures_count() {
    let made = made();
    let (mine, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mine, theirs) = (key(mine.path()), key(theirs.path()));
    let archive = made.archive(&theirs);
    let error = refused(&archive, &terms(&[mine.public()]));
    assert_eq!(code(&error), "UK0507");
    assert!(error.diagnostic(None).help.unwrap().contains(&format!("--trust {}", theirs.public())));
    assert_eq!(code(&refused(&archive, &terms(&[]))), "UK0507");
    // Somebody else's work under a trusted name.
    let mut forged = archive.clone();
    forged[16..48].copy_from_slice(&made.archive(&mine)[16..48]);
    assert_eq!(code(&refused(&forged, &terms(&[mine.public()]))), "UK0507");
}

#[test]
fn any_damage_is_found() {
    let made = made();
    let key = key(made.place.folder.path());
    let archive = made.archive(&key);
    let terms = terms(&[key.public()]);
    for at in 0..archive.len() {
        let code = code(&refused(&archive[..at], &terms));
        let short = if at < 48 { ["UK0509", "UK0509"] } else { ["UK0509", "UK0507"] };
        assert!(short.contains(&code.as_str()), "cut at {at}: {code}");
        let mut flipped = archive.clone();
        flipped[at] ^= 4;
        let code = self::code(&refused(&flipped, &terms));
        let expected = match at {
            0..16 => &["UK0508"][..],
            16..112 => &["UK0507"],
            // The manifest's length: too short, too long, much too long.
            112..120 => &["UK0507", "UK0509", "UK0510"],
            _ => &["UK0507", "UK0512"],
        };
        assert!(expected.contains(&code.as_str()), "flipped at {at}: {code}");
    }
    let longer = [&archive[..], b"x"].concat();
    assert_eq!(code(&refused(&longer, &terms)), "UK0512");
    assert_eq!(code(&refused(b"\x7fELF and more than sixteen bytes", &terms)), "UK0508");
    let newer = [b"uk-archive 2\n\0\0\0", &archive[16..]].concat();
    assert!(refused(&newer, &terms).to_string().contains("another format"));
}

/// An archive with any manifest, signed as it should be.
fn signed(manifest: &str, contents: &[u8]) -> (Vec<u8>, Terms) {
    let pair = KeyPair::from_seed(Seed::new([7; 32]));
    let magic = b"uk-archive 1\n\0\0\0";
    let message = [&magic[..], Digest::of(manifest.as_bytes()).as_bytes()].concat();
    let signature = pair.sk.sign(message, None);
    let length = (manifest.len() as u64).to_le_bytes();
    let parts = [&magic[..], &*pair.pk, &*signature, &length, manifest.as_bytes(), contents];
    let public = format!("ed25519:{}", Digest::from_bytes(*pair.pk)).parse().unwrap();
    (parts.concat(), terms(&[public]))
}

/// Whoever signs it: sizes, names and links are looked at all the same.
#[test]
fn hostile_archives_are_refused() {
    let of = |manifest: &str, contents: &[u8]| {
        let (archive, terms) = signed(manifest, contents);
        code(&refused(&archive, &terms))
    };
    let (x, head) = (Digest::of(b"x"), "made-by me\nartifact a\n");
    // It is refused for what is wrong with it, not for the way it was made.
    let (archive, terms) = signed(&format!("{head}made {x}\nobject {x} 1\n"), b"x");
    assert_eq!(place().store.import(&mut &archive[..], &terms).unwrap().objects, 1);

    // Sizes: beyond what is allowed, beyond any number, more or less than there is.
    assert_eq!(of(&format!("object {x} 2000000000\n"), b"x"), "UK0510");
    let y = Digest::of(b"y");
    assert_eq!(of(&format!("object {x} {0}\nobject {y} {0}\n", u64::MAX), b"x"), "UK0510");
    assert_eq!(of(&format!("object {x} 18446744073709551616\n"), b"x"), "UK0508");
    assert_eq!(of(&format!("object {x} 2\n"), b"x"), "UK0509");
    assert_eq!(of(&format!("object {x} 0\n"), b"x"), "UK0512");
    assert_eq!(of(&format!("object {x} 1\n"), b"y"), "UK0512");
    assert_eq!(of(&format!("object {x} 1\n"), b"xx"), "UK0512");
    // Places: none but digests in folders of a store's, each once, records last.
    for line in [
        "object ../../../etc/passwd 1",
        "object /etc/passwd 1",
        &format!("../etc {x} 1 {x}"),
        &format!("tmp {x} 1 {x}"),
        &format!("sdk {x} 1 {x}"),
        &format!("roots {x} 1 {x}"),
        &format!("object {x}/.. 1"),
        &format!("object {x} 1\nobject {x} 1"),
        &format!("object {x} 1 {y}"),
        &format!("object {} 1", x.to_string().to_uppercase()),
        &format!("object {x} -1"),
        &format!("log {x} 1"),
        &format!("ac {x} 1 {x}\nobject {y} 1"),
        "object",
        "",
        "\u{0}",
    ] {
        assert_eq!(of(&format!("{head}{line}\n"), b"xx"), "UK0508", "{line}");
    }
    assert_eq!(of(&format!("ac {x} 1 {x}\n"), b"x"), "UK0512", "it isn't a record");

    // Trees that lead out, and what begins as a tree but is none.
    let tree = |path: &str, target: &str| {
        let entry = Entry { path: path.into(), kind: EntryKind::Link { target: target.into() } };
        Tree::new(vec![entry]).unwrap().to_bytes()
    };
    let mut climbing = tree("aa/bb", "c");
    let at = climbing.windows(5).position(|bytes| bytes == b"aa/bb").unwrap();
    climbing[at..at + 5].copy_from_slice(b"../bb");
    for bytes in [
        tree("a", "/etc/passwd"),
        tree("a/b", "../../x"),
        tree("a", "b/../../x"),
        climbing,
        tree("a", "b")[..20].to_vec(),
    ] {
        let digest = Digest::of(&bytes);
        assert_eq!(of(&format!("object {digest} {}\n", bytes.len()), &bytes), "UK0511");
    }
}

#[test]
fn a_tree_that_leads_out_is_not_exported() {
    let place = place();
    let mut graph = Graph::default();
    let tree = graph.add(shell("tree", "ln -s /etc/passwd o/l", vec![], &[("o", OutputKind::Tree)]));
    let report = build(&place.store, &graph, tree).unwrap();
    let selection = place.store.select_digest(report.outputs(tree)[0].digest).unwrap();
    let error = place.store.export(&selection, "t", &key(place.folder.path()), &mut Vec::new()).unwrap_err();
    assert_eq!(code(&error), "UK0511");
}

#[test]
fn damaged_objects_are_not_exported() {
    let made = made();
    let store = Store::open(made.place.store.root()).unwrap();
    let path = store.blob_path(made.digest());
    fs::remove_file(&path).unwrap();
    fs::write(&path, "y\n").unwrap();
    let signing = key(made.place.folder.path());
    let error = store.export(&made.selection(), "test", &signing, &mut Vec::new()).unwrap_err();
    assert_eq!(code(&error), "UK0515");
}

/// Whatever is missing is named, and nothing is written; what is to be typed then helps.
#[test]
fn only_whole_artifacts_are_exported() {
    let made = made();
    let path = made.place.store.root().to_owned();
    let signing = key(made.place.folder.path());
    let record = |at: usize| {
        let name = made.report.keys[at].unwrap().to_string();
        path.join("ac").join(&name[..2]).join(name)
    };
    let blob = |text: &[u8]| made.place.store.blob_path(Digest::of(text));
    // Counts, since records tell how long things took.
    let export = |to: &mut Vec<u8>| {
        // As a process of its own, which knows of nothing that it is there.
        let store = Store::open(&path).unwrap();
        let selection = store.select_artifact(&made.witness, "hello", made.digest())?;
        store.export(&selection, "test 1", &signing, to).map(|done| (done.records, done.objects))
    };
    let tree = made.place.store.blob_path(made.report.outputs[0].as_ref().unwrap()[0].digest);
    assert_eq!(export(&mut Vec::new()).unwrap(), (2, 2));
    for (lost, step) in [
        (record(0), "`compile tree`"),
        (record(1), "`compile root`"),
        // What the tree and the root have in common.
        (blob(b"x\n"), "`compile root`, `compile tree`"),
        (tree, "`compile tree`"),
    ] {
        fs::remove_file(&lost).unwrap();
        let mut archive = Vec::new();
        let error = export(&mut archive).unwrap_err();
        assert_eq!((code(&error).as_str(), archive.len()), ("UK0515", 0));
        assert!(error.to_string().ends_with(&format!("of {step}")), "{error}");

        Store::open(&path).unwrap().verify().unwrap();
        assert!(build(&Store::open(&path).unwrap(), &made.graph, made.root).unwrap().executed > 0);
        assert_eq!(export(&mut Vec::new()).unwrap(), (2, 2), "{step}");
    }
}

#[test]
fn keys_are_private_and_trust_is_a_list() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("uk");
    assert!(SigningKey::load(&config).unwrap().is_none());
    let made = std::thread::scope(|scope| {
        let threads = (0..4).map(|_| scope.spawn(|| key(&config).public())).collect::<Vec<_>>();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(made.iter().all(|public| *public == made[0]), "one is made, and all have it");
    let file = config.join("signing.key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(&config).unwrap().count(), 1);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(code(&SigningKey::load(&config).err().unwrap()), "UK0514");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "no key").unwrap();
    assert_eq!(code(&SigningKey::load(&config).err().unwrap()), "UK0514");

    assert_eq!(trusted_keys(&config).unwrap(), []);
    let list = format!("# of the office\n\n  {0} the build machine\n{0}\n", made[0]);
    fs::write(config.join("trusted-keys"), list).unwrap();
    assert_eq!(trusted_keys(&config).unwrap(), [made[0], made[0]]);
    fs::write(config.join("trusted-keys"), "ssh-ed25519 AAAA\n").unwrap();
    assert_eq!(code(&trusted_keys(&config).unwrap_err()), "UK0514");
    assert!("ed25519:12".parse::<PublicKey>().is_err());

    let at = |variables: &[(&str, &str)]| {
        config_folder(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    };
    assert_eq!(at(&[("HOME", "/h")]).unwrap(), Path::new("/h/.config/uk"));
    assert_eq!(at(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/c")]).unwrap(), Path::new("/c/uk"));
    assert_eq!(at(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "c")]).unwrap(), Path::new("/h/.config/uk"));
    assert_eq!(at(&[]), None);
}
