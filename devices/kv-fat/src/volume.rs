//! What a FAT file system says of itself, and its chains of clusters.

use alloc::vec;
use alloc::vec::Vec;

use uk_device::{Block, KvError};
use uk_kv_disk::{Bytes, Run};

use crate::entries::{Entry, SIZE};

/// A folder has no more entries than this.
const MAX_ENTRIES: u64 = 65_536;

/// Where everything is, in bytes from the disk's first.
#[derive(Debug)]
pub(crate) struct Volume {
    /// Bits of an entry in the table: 12, 16 or 32.
    bits: u32,
    table: u64,
    /// The uppermost folder of 12 and 16 bits, which is no chain.
    root: Run,
    /// The uppermost folder's first cluster, of 32 bits.
    root_cluster: u32,
    data: u64,
    cluster_size: u64,
    clusters: u32,
}

/// Where a folder begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// It is the uppermost one of 12 or 16 bits.
    Root,
    /// In this cluster.
    Cluster(u32),
}

impl Volume {
    /// Reads the first sector.
    pub async fn read<B: Block>(bytes: &Bytes<B>) -> Result<Self, KvError> {
        let mut boot = [0; 512];
        bytes.read(0, &mut boot).await?;
        Self::new(&boot, bytes.size()).ok_or(KvError::Corrupt)
    }

    /// None if it can't be, on a disk of `size` bytes.
    fn new(boot: &[u8; 512], size: u64) -> Option<Self> {
        let number16 = |at: usize| u64::from(u16::from_le_bytes([boot[at], boot[at + 1]]));
        let number32 = |at: usize| number16(at) | number16(at + 2) << 16;
        let either = |short, long| if short == 0 { long } else { short };
        let sector = number16(11);
        let per_cluster = u64::from(boot[13]);
        let (reserved, tables, root_entries) = (number16(14), u64::from(boot[16]), number16(17));
        let sectors = either(number16(19), number32(32));
        let table_sectors = either(number16(22), number32(36));
        let sound = boot[510..] == [0x55, 0xaa]
            && (512..=4096).contains(&sector)
            && sector.is_power_of_two()
            && per_cluster.is_power_of_two()
            && reserved > 0
            && (1..=2).contains(&tables)
            && table_sectors > 0
            && sectors * sector <= size;
        if !sound {
            return None;
        }
        let root_start = reserved + tables * table_sectors;
        let root_sectors = (root_entries * SIZE as u64).div_ceil(sector);
        let data_start = root_start + root_sectors;
        let clusters = u32::try_from(sectors.checked_sub(data_start)? / per_cluster).ok()?;
        let bits = match clusters {
            0..4085 => 12,
            4085..65_525 => 16,
            _ => 32,
        };
        let root_is_chain = bits == 32;
        let fits = u64::from(clusters) + 2 <= table_sectors * sector * 8 / u64::from(bits)
            && (clusters < 0x0fff_fff5)
            && root_is_chain == (root_entries == 0);
        fits.then_some(Volume {
            bits,
            table: reserved * sector,
            root: Run { start: root_start * sector, length: root_entries * SIZE as u64 },
            root_cluster: number32(44) as u32,
            data: data_start * sector,
            cluster_size: per_cluster * sector,
            clusters,
        })
    }

    pub fn root(&self) -> Start {
        if self.bits == 32 { Start::Cluster(self.root_cluster) } else { Start::Root }
    }

    /// Where the folder of `entry` begins.
    pub fn folder(&self, entry: &Entry) -> Result<Start, KvError> {
        // 0 stands for the uppermost folder only in `..`.
        if entry.cluster == 0 { Err(KvError::Corrupt) } else { Ok(Start::Cluster(entry.cluster)) }
    }

    pub async fn folder_runs<B: Block>(&self, bytes: &Bytes<B>, start: Start) -> Result<Vec<Run>, KvError> {
        let first = match start {
            Start::Root => return Ok(vec![self.root]),
            Start::Cluster(first) => first,
        };
        let most = (MAX_ENTRIES * SIZE as u64).div_ceil(self.cluster_size);
        self.chain(bytes, first, most).await.map(|(runs, _)| runs)
    }

    pub async fn file_runs<B: Block>(&self, bytes: &Bytes<B>, entry: &Entry) -> Result<Vec<Run>, KvError> {
        let wanted = u64::from(entry.size).div_ceil(self.cluster_size);
        if wanted == 0 {
            return Ok(Vec::new());
        }
        match self.chain(bytes, entry.cluster, wanted).await? {
            (runs, count) if count == wanted => Ok(runs),
            _ => Err(KvError::Corrupt),
        }
    }

    /// The clusters from `first` on, and their number, of which there must be no more than `most`: a chain may lead in a circle.
    async fn chain<B: Block>(
        &self,
        bytes: &Bytes<B>,
        first: u32,
        most: u64,
    ) -> Result<(Vec<Run>, u64), KvError> {
        let mut table = Table { bytes, volume: self, start: 0, buffer: Vec::new() };
        let mut runs: Vec<Run> = Vec::new();
        let (mut cluster, mut count) = (first, 0);
        loop {
            let number = cluster.checked_sub(2).filter(|number| *number < self.clusters);
            let number = number.ok_or(KvError::Corrupt)?;
            if count == most {
                return Err(KvError::Corrupt);
            }
            count += 1;
            let start = self.data + u64::from(number) * self.cluster_size;
            match runs.last_mut() {
                Some(run) if run.start + run.length == start => run.length += self.cluster_size,
                _ => runs.push(Run { start, length: self.cluster_size }),
            }
            match table.next(cluster).await? {
                Some(next) => cluster = next,
                None => return Ok((runs, count)),
            }
        }
    }
}

/// The table, read a part at a time.
struct Table<'b, B> {
    bytes: &'b Bytes<B>,
    volume: &'b Volume,
    /// Where the part in `buffer` begins.
    start: u64,
    buffer: Vec<u8>,
}

impl<B: Block> Table<'_, B> {
    /// The cluster behind `cluster` in its chain; none at the end.
    async fn next(&mut self, cluster: u32) -> Result<Option<u32>, KvError> {
        const PART: u64 = 4096;
        let at = self.volume.table + u64::from(cluster) * u64::from(self.volume.bits) / 8;
        let length = if self.volume.bits == 32 { 4 } else { 2 };
        let end = self.start + self.buffer.len() as u64;
        if at < self.start || at + length > end {
            let rest = self.bytes.size().saturating_sub(at);
            self.buffer = vec![0; rest.min(PART) as usize];
            self.bytes.read(at, &mut self.buffer).await?;
            self.start = at;
        }
        let here = self.buffer.get((at - self.start) as usize..).unwrap_or_default();
        let two = || here.first_chunk().map(|two| u32::from(u16::from_le_bytes(*two)));
        let (entry, end) = match self.volume.bits {
            12 => {
                let shift = if cluster.is_multiple_of(2) { 0 } else { 4 };
                (two().map(|two| two >> shift & 0xfff), 0xff8)
            }
            16 => (two(), 0xfff8),
            // The upper four bits are reserved.
            _ => (here.first_chunk().map(|four| u32::from_le_bytes(*four) & 0x0fff_ffff), 0x0fff_fff8),
        };
        let entry = entry.ok_or(KvError::Corrupt)?;
        Ok((entry < end).then_some(entry))
    }
}
