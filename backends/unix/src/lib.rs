//! Guest half of the unix target.
