//! What all disk images have: the digests of their files at the end, and a whole number of sectors.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use uk_kv_format::seal;

use crate::files;
use crate::hash;

/// The biggest sectors that a disk may have for the end to be found.
const SECTOR: u64 = 4096;

/// Ends an image of `length` bytes.
pub(crate) fn seal(image: &mut File, length: u64, files: &[files::File]) -> io::Result<()> {
    let files = files.iter().map(|file| Ok((&*file.key, file.digest()?)));
    let seal = seal::write(&files.collect::<io::Result<Vec<_>>>()?, hash);
    let end = (length + seal.len() as u64).next_multiple_of(SECTOR);
    image.set_len(end)?;
    image.seek(SeekFrom::Start(end - seal.len() as u64))?;
    image.write_all(&seal)
}
