//! How fast values are set and read: `cargo xtask bench kv-rw`. Each set is flushed to the file, as ever.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use uk_device::fake::{Disk, block_on};
use uk_device::{Block, BlockError, Geometry, KvRo, KvRw};

/// A file as a disk, without a runtime around it; its flushes are counted.
struct FileDisk {
    file: File,
    sectors: u64,
    flushes: Cell<u64>,
}

fn failed(error: std::io::Error) -> BlockError {
    BlockError::Failed(error.raw_os_error().unwrap_or_default())
}

impl Block for &FileDisk {
    fn geometry(&self) -> Geometry {
        Geometry { sector_size: 512, sectors: self.sectors, read_only: false }
    }

    async fn read(&self, sector: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.file.read_exact_at(buffer, sector * 512).map_err(failed)
    }

    async fn write(&self, sector: u64, data: &[u8]) -> Result<(), BlockError> {
        self.file.write_all_at(data, sector * 512).map_err(failed)
    }

    async fn flush(&self) -> Result<(), BlockError> {
        self.flushes.set(self.flushes.get() + 1);
        self.file.sync_data().map_err(failed)
    }

    async fn discard(&self, _: u64, _: u64) -> Result<(), BlockError> {
        Ok(())
    }
}

const SECTORS: u64 = 1 << 17;

fn measure<B: Block + 'static>(name: &str, disk: B, sets: u32) {
    let log = block_on(uk_kv_log::connect(64 << 20, disk)).expect("an empty disk becomes a store");
    for size in [100, 4096, 65_536] {
        let value = vec![7; size];
        let sets = sets.min((SECTORS * 512 / 8 / size as u64) as u32);
        let begun = Instant::now();
        for number in 0..sets {
            block_on(log.set(&format!("{}", number % 1000), &value)).expect("there is room");
        }
        let set = begun.elapsed() / sets;
        let begun = Instant::now();
        for number in 0..sets {
            let value = block_on(log.get(&format!("{}", number % 1000.min(sets)))).expect("it was set");
            assert_eq!(value.len(), size);
        }
        let get = begun.elapsed() / sets;
        let per_second = |each: std::time::Duration| 1.0 / each.as_secs_f64();
        println!(
            "{name:<8} {size:>6} bytes: set {:>9.1} us ({:>7.0}/s), get {:>7.1} us ({:>8.0}/s), {sets} of each",
            set.as_secs_f64() * 1e6,
            per_second(set),
            get.as_secs_f64() * 1e6,
            per_second(get)
        );
    }
}

fn main() {
    measure("memory", Box::leak(Box::new(Disk::new(SECTORS))) as &'static Disk, 20_000);
    let folder = std::env::args().nth(1).expect("throughput FOLDER");
    let path = Path::new(&folder).join("kv.img");
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).expect("a new file");
    file.set_len(SECTORS * 512).expect("it can grow");
    let disk: &'static FileDisk =
        Box::leak(Box::new(FileDisk { file, sectors: SECTORS, flushes: Cell::new(0) }));
    measure("file", disk, 2000);
    // The peer: what the same file takes for a write and a flush of one sector.
    let begun = Instant::now();
    for number in 0..500_u64 {
        disk.file
            .write_all_at(&[9; 512], number * 512)
            .and_then(|()| disk.file.sync_data())
            .expect("it works");
    }
    let each = begun.elapsed() / 500;
    println!("peer       512 bytes: pwrite and fdatasync {:.1} us", each.as_secs_f64() * 1e6);
    println!("flushes: {}", disk.flushes.get());
    std::fs::remove_file(path).expect("it is ours");
}
