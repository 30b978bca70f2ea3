//! Words of the command line.

/// The words on the unikernel's command line that belong to no key: those that don't begin with `-`, and all after a `--`.
/// They are as the user gave them, in order; quotes and backslashes have done their work.
pub trait Args {
    /// The words.
    fn words(&self) -> impl Iterator<Item = &str>;
}

impl<A: Args + ?Sized> Args for &A {
    fn words(&self) -> impl Iterator<Item = &str> {
        (**self).words()
    }
}
