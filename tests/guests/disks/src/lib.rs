//! Checks that the target's disks do what their interface says, and that each is the one that it should be.
#![no_std]

use uk_device::{Block, conformance};

/// Checks; where a device doesn't conform this panics.
pub async fn start(
    memory: impl Block,
    first: impl Block,
    fixed: impl Block,
    wide: impl Block,
) -> uk_device::Result {
    conformance::block(&memory).await;
    conformance::block_read_only(&fixed).await;
    // Each image begins with what tells them apart.
    for (name, disk) in [(b'1', Some(&first)), (b'f', None)] {
        let mut sector = [0; 512];
        match disk {
            Some(disk) => disk.read(0, &mut sector).await?,
            None => fixed.read(0, &mut sector).await?,
        }
        assert_eq!(sector[0], name, "each disk is the one that it should be");
    }
    let mut sector = [0; 4096];
    wide.read(0, &mut sector).await?;
    assert_eq!((wide.geometry().sector_size, sector[0]), (4096, b'w'));
    conformance::block(&first).await;
    conformance::block(&wide).await;
    log::info!("done");
    Ok(())
}
