//! The disk in memory does what its interface says.

use uk_device::fake::block_on;
use uk_device::{Block, conformance};
use uk_ramdisk::connect;

#[test]
fn it_conforms() {
    for (size, sector_size) in [(1 << 20, 512), (1 << 40, 512), (4 << 20, 4096)] {
        let disk = block_on(connect(size, sector_size)).expect("it can be made");
        assert_eq!(disk.geometry().size(), size);
        block_on(conformance::block(&disk));
    }
}

#[test]
fn it_is_zero_at_boot_and_where_pieces_were_discarded() {
    let disk = block_on(connect(1 << 20, 512)).expect("it can be made");
    let read = |sector| {
        let mut buffer = [9; 512];
        block_on(disk.read(sector, &mut buffer)).expect("it works");
        buffer
    };
    assert_eq!(read(2047), [0; 512]);
    block_on(disk.write(0, &[1; 300 * 512])).expect("it works");
    block_on(disk.discard(1, 299)).expect("it works");
    assert_eq!((read(0), read(128), read(255), read(256)), ([1; 512], [0; 512], [0; 512], [1; 512]));
}

#[test]
fn impossible_sizes_are_errors() {
    for (size, sector_size) in [(0, 512), (1000, 512), (1 << 20, 513), (1 << 20, 256), (1 << 20, 131_072)] {
        let error = block_on(connect(size, sector_size)).expect_err("an impossible size");
        assert!(error.message().contains("bytes"), "{error}");
    }
}
