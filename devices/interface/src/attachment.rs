//! What the runner gives a guest for a device.

/// What the runner gives the guest for a device, by the line `attach { ... }` of its catalogue. The function that makes the
/// device gets one for each such line, after its other arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attachment {
    /// The device's name in the manifest, which `uk run --attach NAME=...` takes. The second attachment of a device is
    /// `NAME-2`, and so on.
    pub name: &'static str,
    /// What tells it from the guest's other attachments, at most 20 bytes: the serial number of a disk.
    pub id: &'static str,
    /// The file of the host, relative to the manifest, or the host's network interface. Targets with a host below open it;
    /// others find what the runner has made of it by `id`.
    pub path: &'static str,
}

impl Attachment {
    /// An attachment; the generated main makes them.
    pub const fn new(name: &'static str, id: &'static str, path: &'static str) -> Self {
        Attachment { name, id, path }
    }
}
