//! For the host and the target, with other features.
/// Those that are on.
pub const FEATURES: &str = match (cfg!(feature = "host"), cfg!(feature = "target")) {
    (true, true) => "host and target",
    (true, false) => "host",
    (false, true) => "target",
    (false, false) => "nothing",
};
