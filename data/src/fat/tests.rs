//! That volumes are what `fatfs` alone would make.

use std::fs;
use std::io::Read;
use std::path::Path;

use fatfs::{FileSystem, FsOptions, format_volume};

use super::{fill, options};
use crate::files::{File, find};

/// What `fatfs` makes by itself.
fn reference(files: &[File], to: &Path, size: u64) {
    let mut image =
        fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(to).unwrap();
    image.set_len(size).unwrap();
    format_volume(&mut image, options(files, size).unwrap()).unwrap();
    let system = FileSystem::new(&mut image, FsOptions::new()).unwrap();
    {
        let root = system.root_dir();
        for file in files {
            for (end, _) in file.key.match_indices('/') {
                root.create_dir(&file.key[..end]).unwrap();
            }
            file.copy(&mut root.create_file(&file.key).unwrap()).unwrap();
        }
    }
    system.unmount().unwrap();
}

fn folder(names: impl IntoIterator<Item = (String, usize)>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, size) in names {
        let path = folder.path().join("t").join(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name.bytes().cycle().take(size).collect::<Vec<u8>>()).unwrap();
    }
    folder
}

/// All kinds of names, and enough of them in each folder that it grows while files are made in it.
#[test]
fn volumes_are_what_fatfs_makes_of_the_same_files() {
    const NAMES: &str = "a,READ.ME,read.me.too,b c,\u{e4}\u{f6}.txt,.hidden,a~1b.c,x.html,+;=[].x,twelve chars,\
                         exactly thirt,fourteen chars,longer-than-8,LONGER-THAN-9,longer-t.han,y.json5";
    let many = (0..40).map(|n| format!("file number {n}.txt"));
    let names: Vec<String> = NAMES.split(',').map(str::to_owned).chain(many).collect();
    let folders = ["", "one/", "one/two.and more/", "three/\u{df}/"];
    let files = folders.iter().flat_map(|folder| names.iter().map(move |name| format!("{folder}{name}")));
    let sizes = [0, 1, 511, 512, 513, 4096, 5000, 20_000].into_iter().cycle();
    let folder = folder(files.zip(sizes));
    let files = find(&folder.path().join("t")).unwrap();
    for (size, bits) in [(3 << 20, "FAT12"), (32 << 20, "FAT16"), (600 << 20, "FAT32")] {
        let [own, other] = ["own", "other"].map(|name| folder.path().join(name));
        fill(&files, &own, size).unwrap();
        reference(&files, &other, size);
        // What follows is a hole.
        let read = |path: &Path| {
            let mut bytes = Vec::new();
            fs::File::open(path).unwrap().take(4 << 20).read_to_end(&mut bytes).unwrap();
            bytes
        };
        let (own, other) = (read(&own), read(&other));
        let kind = |bytes: &[u8]| [54, 82].map(|at| String::from_utf8_lossy(&bytes[at..at + 5]).into_owned());
        assert!(kind(&own).contains(&bits.to_owned()), "{bits}: {:?}", kind(&own));
        let differs = own.iter().zip(&other).position(|(a, b)| a != b);
        assert!(differs.is_none() && own.len() == other.len(), "{bits}: at {differs:?}");
    }
}
