//! A library of several types.
/// How many.
#[no_mangle]
pub extern "C" fn corners() -> u32 {
    4
}
