//! What all disk images have: the digests of their files behind the content, and a whole number of sectors.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use uk_kv_format::seal;

use crate::files;
use crate::hash;

/// What stands at [`seal::POINTER`] of an image whose content has `length` bytes.
pub(crate) fn pointer(length: u64) -> io::Result<[u8; 10]> {
    seal::pointer(length)
        .ok_or_else(|| io::Error::new(io::ErrorKind::FileTooLarge, "an image has at most 256 TiB"))
}

/// Puts the digests of `files` behind the content of an image, `length` bytes.
pub(crate) fn seal(image: &File, length: u64, files: &[files::File]) -> io::Result<()> {
    let files = files.iter().map(|file| Ok((&*file.key, file.digest()?)));
    let seal = seal::write(&files.collect::<io::Result<Vec<_>>>()?, hash);
    image.set_len((length + seal.len() as u64).next_multiple_of(seal::ALIGN))?;
    image.write_all_at(&seal, length)
}
