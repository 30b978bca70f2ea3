//! Data that are made of a folder's files while building, for devices: what a catalogue's `build` names.

use uk_diagnostic::Span;

/// What makes data of a folder's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tool {
    /// A table with a hash over the files' paths.
    Crunch,
    /// A FAT file system.
    Fat,
    /// A tar archive.
    Tar,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Tool; 3] = [Tool::Crunch, Tool::Fat, Tool::Tar];
    /// Their names, in the same order.
    pub const NAMES: [&'static str; 3] = ["crunch", "fat", "tar"];

    /// Its name in a catalogue.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Crunch => "crunch",
            Tool::Fat => "fat",
            Tool::Tar => "tar",
        }
    }
}

/// Data that a device needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// What the catalogue calls them.
    pub name: String,
    /// What makes them.
    pub tool: Tool,
    /// The folder whose files they are made of, relative to the manifest.
    pub folder: String,
    /// Where they go.
    pub place: Place,
    /// Where the folder is written.
    pub span: Span,
}

/// Where data go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Into the image: the device's function gets their bytes.
    Image,
    /// Into a file, at this path relative to the manifest.
    File(String),
}
