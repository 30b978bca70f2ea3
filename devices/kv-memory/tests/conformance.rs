//! Values in memory keep the interface's word.

use uk_device::fake::block_on;
use uk_device::{KvRw, conformance};

#[test]
fn it_conforms() {
    let memory = block_on(uk_kv_memory::connect()).expect("nothing can go wrong");
    block_on(conformance::kv_rw(&memory, |bytes| *blake3::hash(bytes).as_bytes()));
}

#[test]
fn it_conforms_to_those_who_only_read() {
    let memory = block_on(uk_kv_memory::connect()).expect("nothing can go wrong");
    for (key, value) in conformance::kv_files() {
        block_on(memory.set(&key, &value)).expect("there is room");
    }
    block_on(conformance::kv_ro(&memory, |bytes| *blake3::hash(bytes).as_bytes()));
}
