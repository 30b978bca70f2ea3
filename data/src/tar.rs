//! A tar archive.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use uk_kv_format::seal::ALIGN;
use uk_kv_format::tar::{self, BLOCK, before};

use crate::files::File;
use crate::image;

/// What the archive's end has: two blocks of zeros.
const END: u64 = 2 * BLOCK as u64;

pub(crate) fn make(files: &[File], to: &Path) -> io::Result<()> {
    let mut out = BufWriter::new(fs::File::create(to)?);
    let padded = |file: &File| file.size.next_multiple_of(BLOCK as u64);
    let length = |file: &File| before(&file.key, file.size).len() as u64 + padded(file);
    let length = files.iter().map(length).sum::<u64>() + END;
    let mut pointer = Some(image::pointer(length)?);
    for file in files {
        let mut header = before(&file.key, file.size);
        if let Some((first, pointer)) = header.first_chunk_mut().zip(pointer.take()) {
            tar::point(first, pointer);
        }
        out.write_all(&header)?;
        file.copy(&mut out)?;
        out.write_all(&[0; BLOCK][..(padded(file) - file.size) as usize])?;
    }
    // An archive without files has nothing that could be damaged, and no header for the pointer.
    let archive = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    if files.is_empty() { archive.set_len(ALIGN) } else { image::seal(&archive, length, files) }
}
