//! A FAT file system.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};

use uk_kv_format::seal::POINTER;

use crate::files::File;
use crate::image;

/// What a file can have, in bytes.
const MAX_SIZE: u64 = u32::MAX as u64;
/// What a name can have, in bytes of UTF-8: what `fatfs` writes.
const MAX_NAME: usize = 255;
const SECTOR: u64 = 512;
/// Bytes of an entry in a folder.
const ENTRY: u64 = 32;

/// Whether a FAT file system can hold a file.
pub(crate) fn check(path: &str, size: u64) -> Result<(), String> {
    if size > MAX_SIZE {
        return Err(format!("`{path}` has {size} bytes, and a file on FAT has at most {MAX_SIZE}"));
    }
    for name in path.split('/') {
        let refused = |c: char| c < ' ' || r#"\:*?"<>|"#.contains(c) || c > '\u{ffff}' || c == '\x7f';
        if let Some(character) = name.chars().find(|c| refused(*c)) {
            let character = character.escape_default();
            return Err(format!("FAT has no names with `{character}`, and `{path}` has one"));
        }
        if name.ends_with(['.', ' ']) || name.starts_with(' ') {
            return Err(format!(
                "FAT has no names that begin or end with a space or end with a dot, and `{path}` has one"
            ));
        }
        if name.len() > MAX_NAME {
            return Err(format!("a name on FAT has at most {MAX_NAME} bytes, and `{path}` has a longer one"));
        }
    }
    Ok(())
}

/// Whether all names differ by more than case.
pub(crate) fn check_all<'p>(paths: impl Iterator<Item = &'p str>) -> Result<(), String> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for path in paths {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for part in ends.map(|end| &path[..end]) {
            let first = *seen.entry(part.to_uppercase()).or_insert(part);
            if first != part {
                return Err(format!("FAT doesn't tell `{first}` from `{part}`"));
            }
        }
    }
    Ok(())
}

/// What `files` need at most: their clusters, those of their folders' entries, tables and reserved sectors.
fn estimate(files: &[File]) -> u64 {
    const CLUSTER: u64 = 4096;
    let mut clusters: u64 = files.iter().map(|file| file.size.div_ceil(CLUSTER)).sum();
    clusters += entries(files).values().map(|count| (count * ENTRY).div_ceil(CLUSTER)).sum::<u64>();
    let data = clusters * CLUSTER;
    // Two tables of at most four bytes for each cluster, of at least a sector.
    let tables = 2 * (data / SECTOR) * 4;
    (data + tables + 64 * 1024).next_multiple_of(CLUSTER)
}

/// How many entries the names in each folder take at most.
fn entries(files: &[File]) -> BTreeMap<&str, u64> {
    let mut entries: BTreeMap<&str, u64> = BTreeMap::from([("", 1)]);
    for file in files {
        let mut path = file.key.as_str();
        loop {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let new = !entries.contains_key(folder);
            *entries.entry(folder).or_insert(2) += 2 + name.len() as u64 / 13;
            if !new {
                break;
            }
            path = folder;
        }
    }
    entries
}

pub(crate) fn make(files: &[File], to: &Path) -> io::Result<()> {
    let mut size = estimate(files);
    // The first size does, unless the file system needs more for itself than was thought.
    for _ in 0..8 {
        match fill(files, to, size) {
            Err(error) if error.kind() == io::ErrorKind::WriteZero || is_full(&error) => size += size / 4,
            done => {
                done?;
                let image = fs::OpenOptions::new().read(true).write(true).open(to)?;
                point(&image, size)?;
                return image::seal(&image, size, files);
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::StorageFull, "the files don't fit into a FAT file system"))
}

/// Says in the boot sector, and in the copy that FAT32 has of it, where the digests begin.
fn point(image: &fs::File, length: u64) -> io::Result<()> {
    let mut boot = [0; SECTOR as usize];
    image.read_exact_at(&mut boot, 0)?;
    let pointer = image::pointer(length)?;
    image.write_all_at(&pointer, POINTER as u64)?;
    // The sectors of a table stand elsewhere on FAT32.
    if boot[22..24] == [0; 2] {
        let copy = u64::from(u16::from_le_bytes([boot[50], boot[51]]));
        image.write_all_at(&pointer, copy * SECTOR + POINTER as u64)?;
    }
    Ok(())
}

fn is_full(error: &io::Error) -> bool {
    error.to_string().contains("space")
}

/// Images up to this size, in bytes, are made in memory: `fatfs` reads and writes a few bytes at a time.
const IN_MEMORY: u64 = 256 << 20;

fn fill(files: &[File], to: &Path, size: u64) -> io::Result<()> {
    if size <= IN_MEMORY {
        let mut image = io::Cursor::new(vec![0; size as usize]);
        fill_image(files, &mut image, size)?;
        return fs::write(to, image.into_inner());
    }
    let mut image = fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(to)?;
    image.set_len(size)?;
    fill_image(files, &mut image, size)
}

fn fill_image<I: io::Read + io::Write + io::Seek>(
    files: &[File],
    image: &mut I,
    size: u64,
) -> io::Result<()> {
    let sectors = u32::try_from(size / SECTOR)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a FAT file system has at most 2 TiB"))?;
    let mut options = FormatVolumeOptions::new().total_sectors(sectors).volume_id(0x756b_0001);
    // The uppermost folder of 12 and 16 bits has a fixed size, in which whole sectors are entries.
    let entries = entries(files).get("").copied().unwrap_or(0).next_multiple_of(SECTOR / ENTRY);
    if entries > 512 {
        options = match u16::try_from(entries) {
            Ok(entries) => options.max_root_dir_entries(entries),
            Err(_) => options.fat_type(fatfs::FatType::Fat32),
        };
    }
    format_volume(&mut *image, options)?;
    let system = FileSystem::new(&mut *image, FsOptions::new())?;
    {
        let root = system.root_dir();
        for (path, file) in in_order(files) {
            match file {
                Some(file) => file.copy(&mut root.create_file(path)?)?,
                None => drop(root.create_dir(path)?),
            }
        }
    }
    system.unmount()
}

/// All paths with their files, or none for folders: folders before what is in them, and first what FAT may call another file
/// (`LONGFI~1.TXT`). `fatfs` gives no file a short name that is there already, but takes a name for the file that has it as its short one.
fn in_order(files: &[File]) -> impl Iterator<Item = (&str, Option<&File>)> {
    fn place(path: &str) -> (usize, bool, &str) {
        let name = path.rsplit('/').next().unwrap_or(path);
        (path.matches('/').count(), !name.contains('~'), path)
    }
    let mut all: BTreeMap<(usize, bool, &str), Option<&File>> = BTreeMap::new();
    for file in files {
        all.extend(file.key.match_indices('/').map(|(end, _)| (place(&file.key[..end]), None)));
        all.insert(place(&file.key), Some(file));
    }
    all.into_iter().map(|((_, _, path), file)| (path, file))
}
