//! Files of the host are disks as the interface says.

use std::fs::{self, File};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tempfile::TempDir;
use uk_block_unix::{Disk, open};
use uk_device::{Block, BlockError, conformance};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

fn image(size: u64) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let path = folder.path().join("disk.img");
    File::create(&path).and_then(|file| file.set_len(size)).expect("files can be made");
    (folder, path)
}

#[track_caller]
fn refused(path: &Path, read_only: bool, sector_size: u32, what: &str) {
    let error = open(path, read_only, sector_size).map(|_| ()).expect_err(what);
    assert!(error.message().contains(what), "{error}");
}

fn conforms(sector_size: u32) {
    let (_folder, path) = image((conformance::BLOCK_SECTORS + 5) * u64::from(sector_size));
    let disk = open(&path, false, sector_size).expect("it can be opened");
    block_on(conformance::block(&disk));
    drop(disk);
    let disk = open(&path, true, sector_size).expect("it can be opened");
    block_on(conformance::block_read_only(&disk));
}

#[test]
fn a_file_conforms() {
    conforms(512);
}

#[test]
fn a_file_with_wide_sectors_conforms() {
    conforms(4096);
}

#[test]
fn what_is_written_is_in_the_file_and_a_hole_where_it_was_discarded() {
    use std::os::unix::fs::MetadataExt;
    let (_folder, path) = image(1 << 20);
    let disk = open(&path, false, 512).expect("it can be opened");
    block_on(disk.write(0, &vec![7; 1 << 20])).expect("it works");
    block_on(disk.flush()).expect("it works");
    let full = fs::metadata(&path).expect("it is there").blocks();
    assert!(fs::read(&path).expect("it can be read") == vec![7; 1 << 20]);
    block_on(disk.discard(512, 1024)).expect("it works");
    let bytes = fs::read(&path).expect("it can be read");
    assert_eq!(bytes.len(), 1 << 20);
    assert!(bytes[..512 * 512].iter().all(|byte| *byte == 7));
    let blocks = fs::metadata(&path).expect("it is there").blocks();
    let hole = bytes[512 * 512..1536 * 512].iter().all(|byte| *byte == 0) && blocks < full;
    // Where the file system has no holes, a program makes none either.
    let mut punch = std::process::Command::new("fallocate");
    let punch =
        punch.args(["--punch-hole", "--length", "4096"]).arg(&path).output().expect("it is installed");
    assert!(hole || !punch.status.success() && blocks == full, "there is a hole");
}

#[test]
fn a_file_has_one_writer_or_many_readers() {
    let (_folder, path) = image(1 << 20);
    let reader = open(&path, true, 512).expect("a first reader");
    let other = open(&path, true, 512).expect("a second reader");
    refused(&path, false, 512, "in use by another process");
    drop((reader, other));
    let _writer: Disk = open(&path, false, 512).expect("a writer alone");
    refused(&path, true, 512, "in use by another process");
    refused(&path, false, 512, "in use by another process");
}

#[test]
fn what_cannot_be_a_disk_is_an_error() {
    let (folder, path) = image(1000);
    refused(&path, true, 512, "1000 bytes, which aren't a whole number of sectors of 512 bytes");
    refused(&path, true, 1000, "can't have sectors of 1000 bytes");
    refused(&folder.path().join("nothing"), true, 512, "can't be opened: No such file");
    refused(folder.path(), true, 512, "is neither a file nor a disk");
    refused(Path::new("/dev/null"), true, 512, "is neither a file nor a disk");
    let (_folder, empty) = image(0);
    refused(&empty, true, 512, "has 0 bytes");
}

/// A file that somebody cuts while it is in use gives errors, not made-up bytes.
#[test]
fn a_file_that_was_cut_fails() {
    let (_folder, path) = image(1 << 20);
    let disk = open(&path, true, 512).expect("it can be opened");
    File::options().write(true).open(&path).and_then(|f| f.set_len(1000)).expect("it can be cut");
    let mut buffer = [0; 1024];
    assert_eq!(block_on(disk.read(0, &mut buffer)), Err(BlockError::Failed(5)));
    assert_eq!(block_on(disk.read(100, &mut buffer)), Err(BlockError::Failed(5)));
}
