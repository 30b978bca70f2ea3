//! Files and folders on a volume without any.
//!
//! `fatfs` looks through the whole folder for each file that it makes. All files are known here, so each has the next clusters.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use super::names::{Names, entries};
use super::{ENTRY, SECTOR};
use crate::files::File;

const FOLDER: u8 = 0x10;
/// The last cluster of a file, in as many bits as an entry of a table has.
const END: u32 = 0x0fff_ffff;

struct Volume<'i> {
    image: &'i fs::File,
    /// Where its tables begin, and how long each is, in bytes.
    tables: Vec<u64>,
    /// Bits of an entry of a table.
    bits: usize,
    /// Bytes of a cluster.
    cluster: u64,
    /// Where the first cluster, which is number 2, begins.
    data: u64,
    /// How many there are, and 2.
    end: u64,
    /// What comes after each that is taken.
    next: Vec<u32>,
}

/// A folder, which is written when all is known.
struct Folder {
    names: Names,
    entries: Vec<[u8; 32]>,
    clusters: Vec<u32>,
    /// Where the uppermost one is on small volumes, which has no clusters there, and its size.
    fixed: Option<(u64, u64)>,
}

/// Makes `files` on the volume that is in `image`.
pub(super) fn fill(files: &[File], image: &fs::File) -> io::Result<()> {
    let mut boot = [0; SECTOR as usize];
    image.read_exact_at(&mut boot, 0)?;
    let short = |at: usize| u64::from(u16::from_le_bytes([boot[at], boot[at + 1]]));
    let long = |at: usize| short(at) | short(at + 2) << 16;
    let wide = short(22) == 0;
    let table = if wide { long(36) } else { short(22) } * SECTOR;
    let sectors = if short(19) == 0 { long(32) } else { short(19) };
    let tables: Vec<u64> = (0..u64::from(boot[16])).map(|n| short(14) * SECTOR + n * table).collect();
    let fixed = (short(14) * SECTOR + tables.len() as u64 * table, short(17) * ENTRY);
    let data = fixed.0 + fixed.1;
    let cluster = u64::from(boot[13]) * SECTOR;
    let clusters = (sectors * SECTOR - data) / cluster;
    let bits = match clusters {
        _ if wide => 32,
        ..4085 => 12,
        _ => 16,
    };
    let mut volume = Volume { image, tables, bits, cluster, data, end: clusters + 2, next: vec![0; 2] };

    let mut names: BTreeMap<&str, Names> = BTreeMap::new();
    for file in files {
        for path in ways(&file.key) {
            let (folder, name) = split(path);
            names.entry(folder).or_default().long.insert(name.to_uppercase());
        }
    }
    let mut take = |folder: &str| Folder {
        names: names.remove(folder).unwrap_or_default(),
        entries: Vec::new(),
        clusters: Vec::new(),
        fixed: None,
    };
    let mut root = take("");
    match wide {
        true => root.clusters.push(volume.take(None)?),
        false => root.fixed = Some(fixed),
    }
    let mut folders = BTreeMap::from([("", root)]);
    for file in files {
        for path in ways(&file.key) {
            let (around, name) = split(path);
            if path == file.key {
                let Some(around) = folders.get_mut(around) else { continue };
                let at = around.add(&mut volume, name, 0, 0)?;
                let first = volume.content(file)?;
                point(&mut around.entries[at], first);
                around.entries[at][28..].copy_from_slice(&(file.size as u32).to_le_bytes());
            } else if !folders.contains_key(path)
                && let Some(around) = folders.get_mut(around)
            {
                let first = volume.take(None)?;
                around.add(&mut volume, name, FOLDER, first)?;
                let up = around.clusters.first().copied().unwrap_or(0);
                let mut folder = take(path);
                folder.clusters.push(first);
                folder.push(&mut volume, ".", *b".          ", FOLDER, first)?;
                folder.push(&mut volume, "..", *b"..         ", FOLDER, up)?;
                folders.insert(path, folder);
            }
        }
    }
    for folder in folders.values() {
        folder.write(&volume)?;
    }
    volume.write_tables()?;
    // Where to look for a free cluster, unless none was looked for.
    if wide && !files.is_empty() {
        image.write_all_at(&(volume.next.len() as u32).to_le_bytes(), short(48) * SECTOR + 492)?;
    }
    Ok(())
}

/// The folders around a file, the uppermost first, and the file.
fn ways(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at]).chain([path])
}

/// The folder that something is in, and its name there.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn point(entry: &mut [u8; 32], cluster: u32) {
    let [a, b, c, d] = cluster.to_le_bytes();
    (entry[26], entry[27], entry[20], entry[21]) = (a, b, c, d);
}

impl Volume<'_> {
    /// The next cluster, which comes after `last` in a file.
    fn take(&mut self, last: Option<u32>) -> io::Result<u32> {
        if self.next.len() as u64 >= self.end {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let taken = self.next.len() as u32;
        self.next.push(END);
        if let Some(last) = last {
            self.next[last as usize] = taken;
        }
        Ok(taken)
    }

    fn place(&self, cluster: u32) -> u64 {
        self.data + (u64::from(cluster) - 2) * self.cluster
    }

    /// Writes what is in `file`, and returns its first cluster.
    fn content(&mut self, file: &File) -> io::Result<u32> {
        let (mut first, mut last) = (0, None);
        for _ in 0..file.size.div_ceil(self.cluster) {
            let taken = self.take(last)?;
            first = if last.is_none() { taken } else { first };
            last = Some(taken);
        }
        if first != 0 {
            let mut image = self.image;
            image.seek(SeekFrom::Start(self.place(first)))?;
            file.copy(&mut image)?;
        }
        Ok(first)
    }

    fn write_tables(&self) -> io::Result<()> {
        let mut table = vec![0; (self.next.len() * self.bits).div_ceil(8)];
        self.image.read_exact_at(&mut table, self.tables[0])?;
        for (cluster, next) in self.next.iter().enumerate().skip(2) {
            let at = cluster * self.bits / 8;
            let [a, b, c, d] = next.to_le_bytes();
            match self.bits {
                12 if cluster % 2 == 0 => (table[at], table[at + 1]) = (a, table[at + 1] & 0xf0 | b & 0x0f),
                12 => (table[at], table[at + 1]) = (table[at] & 0x0f | a << 4, b << 4 | a >> 4),
                16 => table[at..at + 2].copy_from_slice(&[a, b]),
                _ => table[at..at + 4].copy_from_slice(&[a, b, c, d]),
            }
        }
        self.tables.iter().try_for_each(|place| self.image.write_all_at(&table, *place))
    }
}

impl Folder {
    /// Adds what is called `name`, and returns which entry it is.
    fn add(&mut self, volume: &mut Volume<'_>, name: &str, kind: u8, first: u32) -> io::Result<usize> {
        let short = self.names.short(name);
        self.push(volume, name, short, kind, first)
    }

    fn push(
        &mut self,
        volume: &mut Volume<'_>,
        name: &str,
        short: [u8; 11],
        kind: u8,
        first: u32,
    ) -> io::Result<usize> {
        self.entries.extend(entries(name, short));
        let size = self.entries.len() as u64 * ENTRY;
        if self.fixed.is_some_and(|(_, most)| size > most) {
            return Err(io::ErrorKind::WriteZero.into());
        }
        while self.fixed.is_none() && size > self.clusters.len() as u64 * volume.cluster {
            let taken = volume.take(self.clusters.last().copied())?;
            self.clusters.push(taken);
        }
        let at = self.entries.len() - 1;
        self.entries[at][11] = kind;
        point(&mut self.entries[at], first);
        Ok(at)
    }

    fn write(&self, volume: &Volume<'_>) -> io::Result<()> {
        let bytes = self.entries.as_flattened();
        if let Some((place, _)) = self.fixed {
            return volume.image.write_all_at(bytes, place);
        }
        let parts = bytes.chunks(volume.cluster as usize);
        self.clusters
            .iter()
            .zip(parts)
            .try_for_each(|(cluster, part)| volume.image.write_all_at(part, volume.place(*cluster)))
    }
}
