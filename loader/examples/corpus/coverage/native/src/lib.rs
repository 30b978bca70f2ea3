//! Calls C.
unsafe extern "C" {
    safe fn native_answer() -> i32;
}

/// What C says.
pub fn answer() -> i32 {
    native_answer()
}
