//! Checks that the target's values under keys do what their interfaces say. The folder `t` must be `conformance::kv_files`.
#![no_std]

use uk_device::{KvRo, KvRw, conformance};

/// Checks; where a device doesn't conform this panics.
pub async fn start(
    table: impl KvRo,
    tar: impl KvRo,
    dos: impl KvRo,
    memory: impl KvRw,
    log: impl KvRw,
) -> uk_device::Result {
    let digest = |bytes: &[u8]| blake3::hash(bytes).into();
    conformance::kv_ro(&table, digest).await;
    conformance::kv_ro(&tar, digest).await;
    conformance::kv_ro(&dos, digest).await;
    conformance::kv_rw(&memory, digest).await;
    conformance::kv_rw(&log, digest).await;
    log::info!("done");
    Ok(())
}
