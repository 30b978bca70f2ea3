//! The files that the process is given for its devices.

use std::env;
use std::path::PathBuf;

use uk_device::{Attachment, Error};

/// The file that the process is given as `attachment`: what the variable `UK_ATTACH_NAME` says, else the manifest's path,
/// from the current folder. `uk run` sets the variable.
pub fn attached(attachment: &Attachment) -> PathBuf {
    env::var_os(variable(attachment))
        .filter(|path| !path.is_empty())
        .map_or_else(|| PathBuf::from(attachment.path), PathBuf::from)
}

/// `error`, which is about that file, with the variable that names another.
pub fn unfit(attachment: &Attachment, error: &Error) -> Error {
    Error::exit(error.code(), format_args!("{error}; the variable `{}` names another", variable(attachment)))
}

fn variable(attachment: &Attachment) -> String {
    format!("UK_ATTACH_{}", attachment.name.replace('-', "_").to_uppercase())
}
