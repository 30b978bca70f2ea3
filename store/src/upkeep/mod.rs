//! Looking after a store: what is in it, whether it is sound, and taking away what nobody needs.

mod gc;
mod roots;
mod scan;
mod stats;
mod verify;

pub use gc::{Collected, Keep};
pub use roots::Root;
pub(crate) use roots::{escape, unescape};
pub(crate) use scan::Scan;
pub use stats::{Share, Stats};
pub use verify::{Finding, Verified};
