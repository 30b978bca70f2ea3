//! A table with a hash over the files' paths.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use uk_kv_format::crunch::{ALIGN, Item, TooMuch, index};

use crate::files::File;
use crate::hash;

pub(crate) fn make(files: &[File], to: &Path) -> io::Result<()> {
    let items =
        files.iter().map(|file| Ok(Item { key: &file.key, length: file.size, digest: file.digest()? }));
    let items = items.collect::<io::Result<Vec<_>>>()?;
    let index = index(&items, hash).map_err(|why| {
        let why = match why {
            TooMuch::Keys => "the files' paths have 4 GiB or more",
            TooMuch::Collision => "no hash tells the files' paths apart",
        };
        io::Error::new(io::ErrorKind::InvalidInput, why)
    })?;
    let mut out = BufWriter::new(fs::File::create(to)?);
    out.write_all(&index)?;
    let mut at = index.len() as u64;
    for file in files {
        let padding = at.next_multiple_of(ALIGN) - at;
        out.write_all(&[0; ALIGN as usize][..padding as usize])?;
        file.copy(&mut out)?;
        at += padding + file.size;
    }
    out.flush()
}
