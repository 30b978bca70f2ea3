//! What a guest must be given when it runs: the lines of `attach { ... }` with their values, checked.

use std::collections::HashMap;

use uk_action::Digest;
use uk_diagnostic::{Code, Diagnostic, Span};
use uk_keys::Value;

use super::Step;
use super::expand::Resolved;
use crate::catalogue::Role;
use crate::names;

/// The size of a disk's sectors where nothing else is said, in bytes.
pub const SECTOR_SIZE: u32 = 512;
/// The biggest sectors that a disk can have, in bytes.
pub const MAX_SECTOR_SIZE: u32 = 65_536;
/// How long a disk's serial number can be, in bytes: what virtio's disks have room for.
pub const MAX_ID: usize = 20;

/// Something of the host that the guest is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The device's name; of a device with several attachments the second is `NAME-2`, and so on.
    pub name: String,
    /// What tells it from the guest's other attachments: `name`, or its beginning and a digest where that is longer than
    /// [`MAX_ID`].
    pub id: String,
    /// What it is.
    pub what: Attached,
}

/// What an attachment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attached {
    /// A file of the host, as a disk.
    File {
        /// The file, relative to the manifest.
        path: String,
        /// Whether the guest can't write to it.
        read_only: bool,
        /// Bytes in a sector, a power of two.
        sector_size: u32,
    },
    /// A folder of the host, for targets with the host below.
    Folder {
        /// The folder, relative to the manifest.
        path: String,
    },
    /// A network interface of the host.
    Tap {
        /// The interface's name.
        name: String,
    },
}

impl Attachment {
    /// The file or the interface.
    pub fn path(&self) -> &str {
        match &self.what {
            Attached::File { path, .. } | Attached::Folder { path } => path,
            Attached::Tap { name } => name,
        }
    }
}

/// The attachments of the device `name`. A line without a value that it needs was a fault before.
pub(super) fn attachments(name: &str, resolved: &Resolved<'_>) -> Vec<Attachment> {
    let steps = resolved.steps.iter().filter(|step| step.role == Role::Attach);
    let what = steps.filter_map(attached).enumerate();
    what.map(|(number, what)| {
        let name = if number == 0 { name.to_owned() } else { format!("{name}-{}", number + 1) };
        Attachment { id: id(&name), name, what }
    })
    .collect()
}

fn attached(step: &Step) -> Option<Attached> {
    let value = |name: &str| step.arguments.iter().find(|(given, _)| given == name).map(|(_, value)| value);
    match step.tool.as_str() {
        "file" => Some(Attached::File {
            path: value("path")?.to_string(),
            read_only: matches!(value("read_only"), Some(Value::Bool(true))),
            sector_size: value("sector_size").and_then(sector_size).unwrap_or(SECTOR_SIZE),
        }),
        "folder" => Some(Attached::Folder { path: value("path")?.to_string() }),
        _ => Some(Attached::Tap { name: value("name")?.to_string() }),
    }
}

/// A size of sectors that disks can have.
fn sector_size(value: &Value) -> Option<u32> {
    let bytes = match value {
        Value::Int(number) => u32::try_from(*number).ok()?,
        Value::Size(bytes) => u32::try_from(*bytes).ok()?,
        _ => return None,
    };
    (bytes.is_power_of_two() && (SECTOR_SIZE..=MAX_SECTOR_SIZE).contains(&bytes)).then_some(bytes)
}

/// What is wrong with a value of a line of `attach`, if something is.
pub(super) fn check(argument: &str, value: &Value, span: Span) -> Option<Diagnostic> {
    if !names::same(argument, "sector-size") || sector_size(value).is_some() {
        return None;
    }
    let message = format!("a disk can't have sectors of {value} bytes");
    Some(
        Diagnostic::error(Code::InvalidKeyValue, message)
            .label(span, "here")
            .help(format!("sectors have a power of two of bytes, from {SECTOR_SIZE} to {MAX_SECTOR_SIZE}")),
    )
}

/// A value that boot may change can't say what the guest is given, since that is fixed before.
pub(super) fn unknown(argument: &str, device: &str, span: Span) -> Diagnostic {
    let message = format!("what `{device}` is given must be known when building, and `{argument}` isn't");
    Diagnostic::error(Code::KeyStage, message)
        .label(span, "this may change at boot")
        .help("give the key `stage=build` and a `default`, or write a plain value")
}

fn id(name: &str) -> String {
    if name.len() <= MAX_ID {
        return name.to_owned();
    }
    // Names are ASCII.
    let digest = Digest::of(names::canonical(name).as_bytes()).to_string();
    format!("{}-{}", &name[..MAX_ID - 9], &digest[..8])
}

/// Attachments whose names or ids would be one: `disk-2`, and the second attachment of `disk`.
pub(super) fn clashes<'a>(
    devices: impl Iterator<Item = (&'a [Attachment], Span)>,
    faults: &mut Vec<Diagnostic>,
) {
    let mut first: HashMap<String, Span> = HashMap::new();
    for (attachment, span) in devices.flat_map(|(all, span)| all.iter().map(move |one| (one, span))) {
        let id = names::canonical(&attachment.id).to_lowercase();
        if let Some(other) = first.insert(id, span) {
            let message = format!("two devices would be given `{}`", attachment.name);
            faults.push(
                Diagnostic::error(Code::NameClash, message)
                    .label(span, "the second")
                    .label(other, "the first")
                    .help("give one of them another name"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_fit_into_a_serial_number_and_differ() {
        assert_eq!(id("disk"), "disk");
        assert_eq!(id("exactly-twenty-bytes"), "exactly-twenty-bytes");
        let (one, other) = (id("exactly-twenty-bytes1"), id("exactly-twenty-bytes2"));
        assert_eq!((one.len(), &one[..12]), (MAX_ID, "exactly-twe-"));
        assert_ne!(one, other);
        assert_eq!(id("exactly_twenty-bytes1")[12..], one[12..], "`-` and `_` are the same");
    }
}
