//! Data for devices: a node for each folder and tool.

use std::sync::Arc;

use uk_action::{Action, ActionId, Command, Digest, Input, Kind, LocalTree, Output, OutputKind, Source};

use super::{Lowering, OUT};
use crate::data::Data;

/// The builtin that makes data: its one argument is the tool. It finds the folder's files in `files`, and makes `out/data`.
pub const DATA: &str = "data";
/// Raised when any tool would make other data of the same files.
pub const DATA_VERSION: u32 = 1;

impl Lowering<'_> {
    /// The node that makes `data` of `files`. Its one output is a file.
    pub fn data(&mut self, data: &Data, files: &Arc<LocalTree>) -> ActionId {
        let tool = data.tool.name();
        // The same data of the same files are one node, wherever the folder is.
        let key = Digest::of(format!("uk-data {tool} {}", files.digest).as_bytes());
        self.intern(key, || Action {
            kind: Kind::Data,
            label: format!("{tool} {}", data.folder),
            span: Some(data.span),
            command: Command::Builtin { name: DATA, version: DATA_VERSION, args: vec![tool.to_owned()] },
            inputs: vec![Input { path: "files".to_owned(), source: Source::Local(files.clone()) }],
            outputs: vec![Output { path: format!("{OUT}/data"), kind: OutputKind::File }],
        })
    }
}
