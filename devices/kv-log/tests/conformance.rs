//! A log on a disk keeps the interface's word, whatever the disk's sectors are, and is left alone where it isn't wanted.

use uk_device::fake::{Disk, block_on};
use uk_device::{Block, Change, Geometry, KvError, KvRo, KvRw, conformance};

fn digest(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

const MEMORY: u64 = 1 << 20;

fn open(disk: &Disk) -> Result<uk_kv_log::Log<Disk>, String> {
    // A store has its disk for itself: this one gets a copy.
    let copy = Disk::from_image(&disk.image());
    block_on(uk_kv_log::connect(MEMORY, copy)).map_err(|error| error.message().to_owned())
}

#[test]
fn it_conforms_on_any_sectors() {
    for (sector_size, sectors) in [(512, 4000), (1024, 4001), (2048, 2000), (4096, 999)] {
        let disk = Disk::with(Geometry { sector_size, sectors, read_only: false });
        let log =
            block_on(uk_kv_log::connect(MEMORY, disk_for_ever(disk))).expect("an empty disk becomes a store");
        block_on(conformance::kv_rw(&log, digest));
    }
}

#[test]
fn it_conforms_to_those_who_only_read() {
    let disk = disk_for_ever(Disk::new(8000));
    let log = block_on(uk_kv_log::connect(MEMORY, disk)).expect("an empty disk becomes a store");
    for (key, value) in conformance::kv_files() {
        block_on(log.set(&key, &value)).expect("there is room");
    }
    block_on(conformance::kv_ro(&log, digest));
    drop(log);
    // The same at the next boot, on a disk that can't be written.
    let disk = Disk::from_image(&disk.image()).read_only();
    let log = block_on(uk_kv_log::connect(MEMORY, disk)).expect("a store");
    block_on(conformance::kv_ro(&log, digest));
}

fn disk_for_ever(disk: Disk) -> &'static Disk {
    Box::leak(Box::new(disk))
}

#[test]
fn what_was_set_is_there_at_the_next_boot() {
    let disk = disk_for_ever(Disk::new(400));
    let log = block_on(uk_kv_log::connect(MEMORY, disk)).expect("an empty disk becomes a store");
    for round in 0..200_u32 {
        let value = round.to_le_bytes().repeat(round as usize);
        block_on(log.set(&format!("key/{}", round % 7), &value)).expect("there is room");
    }
    block_on(log.batch(&[Change::Remove { key: "key/0" }, Change::Rename { from: "key/1", to: "first" }]))
        .expect("both are there");
    let keys = ["first", "key/2", "key/3", "key/4", "key/5", "key/6"];
    let before: Vec<Vec<u8>> = keys.iter().map(|key| block_on(log.get(key)).expect("it was set")).collect();
    drop(log);
    let log = block_on(uk_kv_log::connect(MEMORY, disk)).expect("it is a store");
    for (key, value) in keys.iter().zip(before) {
        assert!(block_on(log.get(key)) == Ok(value), "{key}");
    }
    assert_eq!(block_on(log.list("key")).expect("a folder").len(), 5);
}

#[test]
fn a_disk_that_holds_something_else_is_left_as_it_is() {
    for place in [0, 511, 4096, 5000, 100_000, 400 * 512 - 1] {
        let mut image = vec![0; 400 * 512];
        image[place] = 7;
        let disk = disk_for_ever(Disk::from_image(&image));
        let error = block_on(uk_kv_log::connect(MEMORY, disk)).expect_err("it isn't empty");
        assert!(error.message().contains("holds something"), "{error}");
        assert!(disk.image() == image, "byte {place}");
    }
}

#[test]
fn disks_of_the_wrong_size_are_refused() {
    let small = open(&Disk::new(100)).expect_err("it is too small");
    assert!(small.contains("51200 bytes"), "{small}");
    let disk = disk_for_ever(Disk::new(400));
    let log = block_on(uk_kv_log::connect(MEMORY, disk)).expect("an empty disk becomes a store");
    block_on(log.set("key", b"value")).expect("there is room");
    let image = disk.image();
    let short = open(&Disk::from_image(&image[..300 * 512])).expect_err("it was cut short");
    assert!(short.contains("cut short"), "{short}");
    // One that has grown is as good as before.
    let mut grown = image.clone();
    grown.resize(800 * 512, 0);
    let log = open(&Disk::from_image(&grown)).expect("a store on a larger disk");
    assert_eq!(block_on(log.get("key")), Ok(b"value".to_vec()));
    // The same bytes behind sectors of another size.
    let other = disk_for_ever(Disk::with(Geometry { sector_size: 4096, sectors: 50, read_only: false }));
    block_on(other.write(0, &image)).expect("it fits");
    let error = block_on(uk_kv_log::connect(MEMORY, other)).expect_err("other sectors");
    assert!(error.message().contains("sectors of 512 bytes"), "{error}");
    assert!(other.image() == image, "it is left as it is");
    // And the other way.
    let wide = Disk::with(Geometry { sector_size: 4096, sectors: 50, read_only: false });
    let wide = disk_for_ever(wide);
    let log = block_on(uk_kv_log::connect(MEMORY, wide)).expect("an empty disk becomes a store");
    block_on(log.set("key", b"value")).expect("there is room");
    let narrow = open(&Disk::from_image(&wide.image())).expect_err("other sectors");
    assert!(narrow.contains("sectors of 4096 bytes, and the disk has sectors of 512"), "{narrow}");
}

#[test]
fn a_disk_that_can_only_be_read_can_be_read() {
    let disk = Disk::new(400);
    let error =
        block_on(uk_kv_log::connect(MEMORY, disk.read_only())).expect_err("nothing can be made of it");
    assert!(error.message().contains("only be read"), "{error}");
    let disk = disk_for_ever(Disk::new(400));
    let log = block_on(uk_kv_log::connect(MEMORY, disk)).expect("an empty disk becomes a store");
    block_on(log.set("key", b"value")).expect("there is room");
    let disk = Disk::from_image(&disk.image()).read_only();
    let log = block_on(uk_kv_log::connect(MEMORY, disk)).expect("a store");
    assert_eq!(block_on(log.get("key")), Ok(b"value".to_vec()));
    assert_eq!(block_on(log.set("key", b"other")), Err(KvError::ReadOnly));
    assert_eq!(block_on(log.remove("key")), Err(KvError::ReadOnly));
}

#[test]
fn a_full_disk_refuses_and_stays_whole() {
    let disk = disk_for_ever(Disk::new(400));
    let log = block_on(uk_kv_log::connect(MEMORY, disk)).expect("an empty disk becomes a store");
    let value = vec![7; 10_000];
    let mut set = 0;
    while block_on(log.set(&format!("{set}"), &value)) == Ok(()) {
        set += 1;
    }
    // A half has about 98 kB, of which an eighth is kept free.
    assert_eq!((set, block_on(log.set("more", &value))), (8, Err(KvError::Full)));
    for key in 0..set {
        assert!(block_on(log.get(&format!("{key}"))).as_ref() == Ok(&value), "{key}");
    }
    assert_eq!(block_on(log.set("whole", &vec![0; 200_000])), Err(KvError::Full));
    // It can be changed for ever: what is gone makes room.
    for round in 0..100_u8 {
        assert_eq!(block_on(log.remove("0")), Ok(()), "round {round}");
        assert_eq!(block_on(log.set("0", &vec![round; 10_000])), Ok(()), "round {round}");
    }
    // So does the memory for the keys.
    let disk = disk_for_ever(Disk::new(4000));
    let log = block_on(uk_kv_log::connect(4096, disk)).expect("an empty disk becomes a store");
    let mut set = 0;
    while block_on(log.set(&format!("{set:04}"), b"")) == Ok(()) {
        set += 1;
    }
    assert_eq!(set, 4096 / 132);
    assert_eq!(block_on(log.remove("0000")), Ok(()));
    assert_eq!(block_on(log.set("0000", b"")), Ok(()));
    drop(log);
    let error = block_on(uk_kv_log::connect(1000, disk)).expect_err("more keys than may be");
    assert!(error.message().contains("1000 bytes of memory"), "{error}");
}

#[test]
fn a_disk_that_fails_changes_nothing() {
    use uk_device::fake::IO_ERROR;
    let disk = disk_for_ever(Disk::new(400));
    let log = block_on(uk_kv_log::connect(MEMORY, disk)).expect("an empty disk becomes a store");
    let mut last = 0;
    for round in 0..2000_u32 {
        // Whichever request it is of those that a change makes, when the log is written anew too.
        disk.fail(u64::from(round % 11), IO_ERROR);
        let value = round.to_le_bytes().repeat(200);
        match block_on(log.set("key", &value)) {
            Ok(()) => last = round,
            Err(error) => assert_eq!(error, KvError::Block(IO_ERROR)),
        }
        for _ in 0..11 {
            // What is left of the fault.
            let _ = block_on(disk.flush());
        }
        assert!(
            block_on(log.get("key")).map_or(last == 0, |v| v == last.to_le_bytes().repeat(200)),
            "round {round}"
        );
    }
    assert!(last > 1900);
}
