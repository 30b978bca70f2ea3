//! Makes data for devices out of a folder's files: the same bytes from the same files, whatever their times, owners and order.
#![forbid(unsafe_code)]

mod crunch;
mod fat;
mod files;
mod image;
mod tar;

use std::io;
use std::path::Path;

use files::File;

/// The tools by name: a table with a hash over the files' paths, a FAT file system, a tar archive.
pub const TOOLS: [&str; 3] = ["crunch", "fat", "tar"];

/// Whether `tool` can take a file: its path in the folder, with `/` between names, and its size in bytes.
///
/// # Errors
/// A sentence that says why not.
pub fn check(tool: &str, path: &str, size: u64) -> Result<(), String> {
    match tool {
        "fat" => fat::check(path, size),
        _ => Ok(()),
    }
}

/// Whether `tool` can take these paths together.
///
/// # Errors
/// A sentence that says why not.
pub fn check_all<'p>(tool: &str, paths: impl Iterator<Item = &'p str>) -> Result<(), String> {
    match tool {
        "fat" => fat::check_all(paths),
        _ => Ok(()),
    }
}

/// Makes the file `to` out of all files below `folder`, links followed.
///
/// # Errors
/// A sentence that says what can't be read or written, or what `tool` can't take.
pub fn make(tool: &str, folder: &Path, to: &Path) -> Result<(), String> {
    let files = files::find(folder).map_err(|error| format!("the files can't be listed: {error}"))?;
    for file in &files {
        check(tool, &file.key, file.size)?;
    }
    check_all(tool, files.iter().map(|file| &*file.key))?;
    let made: fn(&[File], &Path) -> io::Result<()> = match tool {
        "crunch" => crunch::make,
        "fat" => fat::make,
        "tar" => tar::make,
        other => return Err(format!("there is no tool `{other}`")),
    };
    made(&files, to).map_err(|error| error.to_string())
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    blake3::hash(bytes).into()
}
