//! Values in memory keep the interface's word.

use uk_device::conformance;
use uk_device::fake::block_on;

#[test]
fn it_conforms() {
    let memory = block_on(uk_kv_memory::connect()).expect("nothing can go wrong");
    block_on(conformance::kv_rw(&memory, |bytes| *blake3::hash(bytes).as_bytes()));
}
