//! Known by another name.
/// Those that are on.
pub const FEATURES: [bool; 2] = [cfg!(feature = "std"), cfg!(feature = "with-dash")];
