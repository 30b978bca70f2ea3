//! The files that the process is given for its devices.

use std::env;
use std::path::PathBuf;

use uk_device::Attachment;

/// The file that the process is given as `attachment`: what the variable `UK_ATTACH_NAME` says, else the manifest's path,
/// from the current folder. `uk run` sets the variable.
pub fn attached(attachment: &Attachment) -> PathBuf {
    let name = attachment.name.replace('-', "_").to_uppercase();
    env::var_os(format!("UK_ATTACH_{name}"))
        .filter(|path| !path.is_empty())
        .map_or_else(|| PathBuf::from(attachment.path), PathBuf::from)
}
