//! A tar archive.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use uk_kv_format::tar::{BLOCK, before};

use crate::files::File;
use crate::image;

pub(crate) fn make(files: &[File], to: &Path) -> io::Result<()> {
    let mut out = BufWriter::new(fs::File::create(to)?);
    let mut length = 0;
    for file in files {
        let header = before(&file.key, file.size);
        out.write_all(&header)?;
        file.copy(&mut out)?;
        let padding = file.size.next_multiple_of(BLOCK as u64) - file.size;
        out.write_all(&[0; BLOCK][..padding as usize])?;
        length += header.len() as u64 + file.size + padding;
    }
    // Two blocks of zeros end an archive; `seal` makes room for them.
    let mut archive = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    image::seal(&mut archive, length + 2 * BLOCK as u64, files)
}
