//! The headers of an archive.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use uk_device::{Block, KvError, is_key};
use uk_kv_disk::{Bytes, Run};
use uk_kv_format::tar::{BLOCK, Header, Kind, Pax};

/// Names longer than any system's aren't names.
const LONG: u64 = 1 << 20;
/// What is read at once: headers and small files stand close together.
const WINDOW: usize = 64 << 10;

/// Every file of the archive that begins at the first of `bytes`, sorted by key. Of files of one name the last counts, as when
/// an archive is unpacked.
pub(crate) async fn read<B: Block>(bytes: &Bytes<B>) -> Result<Vec<(String, Run)>, KvError> {
    let mut files: Vec<(String, Run)> = Vec::new();
    let mut window = Window { bytes, start: 0, buffer: Vec::new() };
    let (mut at, mut pax, mut long) = (0, Pax::default(), None::<Vec<u8>>);
    while let Some(header) = window.header(at).await? {
        let size = pax.size.unwrap_or(header.size);
        let content = Run { start: at + BLOCK as u64, length: size };
        let end =
            content.start.checked_add(size).filter(|end| *end <= bytes.size()).ok_or(KvError::Corrupt)?;
        match header.kind {
            Kind::Pax | Kind::LongName if header.size > LONG => return Err(KvError::Corrupt),
            Kind::Pax => {
                let content = Run { length: header.size, ..content };
                let records = bytes.value(&[content], content.length).await?;
                pax = Pax::read(&records).map_err(|_| KvError::Corrupt)?;
            }
            Kind::LongName => {
                let mut name = bytes.value(&[content], size).await?;
                name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
                long = Some(name);
            }
            Kind::File | Kind::Folder | Kind::Other => {
                let name = match (pax.path.take(), long.take()) {
                    (Some(path), _) => path,
                    (None, name) => {
                        String::from_utf8(name.unwrap_or(header.name)).map_err(|_| KvError::Corrupt)?
                    }
                };
                pax = Pax::default();
                // Folders are there by what is in them; a file of old archives may be a folder by its name.
                if header.kind == Kind::File && !name.ends_with('/') {
                    let key = name.strip_prefix("./").unwrap_or(&name);
                    if !is_key(key) {
                        return Err(KvError::Corrupt);
                    }
                    files.push((key.into(), content));
                }
            }
        }
        at = end.checked_next_multiple_of(BLOCK as u64).ok_or(KvError::Corrupt)?;
    }
    files.reverse();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files.dedup_by(|later, first| later.0 == first.0);
    Ok(files)
}

/// The part of the disk that headers are looked for in.
struct Window<'b, B> {
    bytes: &'b Bytes<B>,
    start: u64,
    buffer: Vec<u8>,
}

impl<B: Block> Window<'_, B> {
    /// The header at `at`; none at the archive's end.
    async fn header(&mut self, at: u64) -> Result<Option<Header>, KvError> {
        if self.block(at).is_none() {
            let rest = self.bytes.size().saturating_sub(at).min(WINDOW as u64);
            self.buffer = vec![0; rest as usize];
            self.bytes.read(at, &mut self.buffer).await?;
            self.start = at;
        }
        // An archive ends with zeros, not with the disk.
        let block = self.block(at).ok_or(KvError::Corrupt)?;
        Header::read(block).map_err(|_| KvError::Corrupt)
    }

    fn block(&self, at: u64) -> Option<&[u8; BLOCK]> {
        let skip = usize::try_from(at.checked_sub(self.start)?).ok()?;
        self.buffer.get(skip..)?.first_chunk()
    }
}
