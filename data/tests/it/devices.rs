//! The devices conform, on what is made here and on what others make.

use std::process::Command;

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};
use uk_device::fake::{Disk, IO_ERROR, block_on};
use uk_device::{Geometry, KvError, KvRo as _, conformance};
use uk_kv_archive::Archive;
use uk_kv_crunch::Crunch;
use uk_kv_fat::Fat;

use super::common::{conformance_folder, folder, hash, made};

#[test]
fn crunch_conforms() {
    let table = made("crunch", conformance_folder().path());
    block_on(conformance::kv_ro(&Crunch::new(&table).unwrap(), hash));
}

#[test]
fn archive_conforms() {
    let disk = Disk::from_image(&made("tar", conformance_folder().path()));
    let archive = block_on(Archive::open(&disk)).unwrap();
    block_on(conformance::kv_ro(&archive, hash));
}

#[test]
fn fat_conforms() {
    let disk = Disk::from_image(&made("fat", conformance_folder().path()));
    block_on(conformance::kv_ro(&block_on(Fat::open(&disk)).unwrap(), hash));
}

/// A disk whose sectors have 4 KiB.
fn large_sectors(image: &[u8]) -> Disk {
    let disk =
        Disk::with(Geometry { sector_size: 4096, sectors: image.len() as u64 / 4096, read_only: false });
    block_on(uk_device::Block::write(&disk, 0, image)).unwrap();
    disk.read_only()
}

#[test]
fn they_conform_on_a_disk_with_large_sectors() {
    let folder = conformance_folder();
    let disk = large_sectors(&made("tar", folder.path()));
    block_on(conformance::kv_ro(&block_on(Archive::open(disk)).unwrap(), hash));
    let disk = large_sectors(&made("fat", folder.path()));
    block_on(conformance::kv_ro(&block_on(Fat::open(disk)).unwrap(), hash));
}

/// Every width of FAT, made by another hand than `make`: no digests behind it, and files whose clusters don't follow
/// each other. One was made for sectors of 4 KiB, and is on a disk with sectors of 512 bytes: only a file system's own
/// word counts.
#[test]
fn fat_of_every_width_conforms() {
    for (megabytes, kind, sector, cluster) in [
        (4, fatfs::FatType::Fat12, 512, 4096),
        (4, fatfs::FatType::Fat12, 4096, 4096),
        (16, fatfs::FatType::Fat16, 512, 512),
        (66, fatfs::FatType::Fat32, 512, 512),
    ] {
        let mut image = std::io::Cursor::new(vec![0; megabytes << 20]);
        let options = FormatVolumeOptions::new();
        let options = options.fat_type(kind).bytes_per_sector(sector).bytes_per_cluster(cluster);
        format_volume(&mut image, options).unwrap();
        let system = FileSystem::new(&mut image, FsOptions::new()).unwrap();
        assert_eq!(system.fat_type(), kind);
        let root = system.root_dir();
        let files = conformance::kv_files();
        for (key, _) in &files {
            for (at, _) in key.match_indices('/') {
                root.create_dir(&key[..at]).unwrap();
            }
            root.create_file(key).unwrap();
        }
        // A part of each in turn.
        for round in 0.. {
            let mut wrote = false;
            for (key, value) in &files {
                let part = value.chunks(5000).nth(round).unwrap_or_default();
                if !part.is_empty() {
                    use std::io::{Seek as _, Write as _};
                    let mut file = root.open_file(key).unwrap();
                    file.seek(std::io::SeekFrom::End(0)).unwrap();
                    file.write_all(part).unwrap();
                    wrote = true;
                }
            }
            if !wrote {
                break;
            }
        }
        drop(root);
        system.unmount().unwrap();
        let fat = block_on(Fat::open(Disk::from_image(&image.into_inner()))).unwrap();
        block_on(conformance::kv_ro(&fat, hash));
    }
}

#[test]
fn archives_of_other_programs_conform() {
    let folder = conformance_folder();
    for format in ["ustar", "gnu", "pax"] {
        let archive = tempfile::tempdir().unwrap();
        let file = archive.path().join("archive.tar");
        let mut command = Command::new("tar");
        command.arg(format!("--format={format}")).arg("-cf").arg(&file);
        if format == "ustar" {
            // Its names end at 256 bytes, half of a path on each side of a `/`.
            command.arg("--exclude=long*");
        }
        assert!(command.args(["-C"]).arg(folder.path()).arg(".").status().unwrap().success());
        let image = std::fs::read(&file).unwrap();
        let archive = block_on(Archive::open(Disk::from_image(&image))).unwrap();
        if format != "ustar" {
            block_on(conformance::kv_ro(&archive, hash));
        }
        assert_eq!(block_on(archive.size("large")), Ok(1_000_003));
    }
}

#[test]
fn other_programs_read_the_archive() {
    let folder = conformance_folder();
    let archive = tempfile::tempdir().unwrap();
    let file = archive.path().join("archive.tar");
    uk_data::make("tar", folder.path(), &file).unwrap();
    let mut diff = Command::new("tar");
    diff.arg("-df").arg(&file).arg("-C").arg(folder.path()).env("LC_ALL", "C.UTF-8");
    let diff = diff.output().unwrap();
    // 1 says that something differs.
    assert!(diff.status.code().is_some_and(|code| code < 2), "{}", String::from_utf8_lossy(&diff.stderr));
    let said = String::from_utf8_lossy(&diff.stdout).into_owned();
    // Times, modes and owners are fixed; contents and sizes are those of the files.
    let differs = |line: &&str| line.contains("Contents differ") || line.contains("Size differs");
    assert_eq!(said.lines().find(differs), None);
    let listed = Command::new("tar").arg("-tf").arg(&file).env("LC_ALL", "C.UTF-8").output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.lines().count(), conformance::kv_files().len());
}

#[test]
fn a_disk_that_fails_is_told() {
    let folder = folder(&[("a", vec![7; 5000]), ("b/c", vec![8; 10])]);
    for tool in ["tar", "fat"] {
        let image = made(tool, folder.path());
        let open = |disk: &Disk| match tool {
            "tar" => block_on(async { Archive::open(disk).await?.get("a").await }),
            _ => block_on(async { Fat::open(disk).await?.get("a").await }),
        };
        let disk = Disk::from_image(&image);
        assert_eq!(open(&disk), Ok(vec![7; 5000]));
        for request in 0..disk.requests() {
            for short in [false, true] {
                let disk = Disk::from_image(&image);
                if short {
                    disk.fall_short(request)
                } else {
                    disk.fail(request, IO_ERROR)
                }
                assert_eq!(open(&disk), Err(KvError::Block(IO_ERROR)), "{tool}, request {request}");
                assert_eq!(open(&disk), Ok(vec![7; 5000]), "{tool}, after request {request}");
            }
        }
    }
}

#[test]
fn a_disk_without_anything_is_corrupt() {
    for sectors in [0, 1, 2, 100] {
        assert_eq!(block_on(Fat::open(Disk::new(sectors))).err(), Some(KvError::Corrupt));
        let archive = block_on(Archive::open(Disk::new(sectors)));
        // Zeros are the end of an archive.
        assert_eq!(archive.err(), (sectors == 0).then_some(KvError::Corrupt));
    }
}
