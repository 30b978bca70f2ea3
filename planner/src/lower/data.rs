//! Data for devices: a node for each folder and tool.

use std::sync::Arc;

use uk_action::{Action, ActionId, Command, Digest, Input, Kind, LocalTree, Output, OutputKind, Source};

use super::{Lowering, OUT, input};
use crate::data::Data;

/// The builtin that makes data of the files in `files`: `out/data`. Its arguments are the tool and, where it isn't all of
/// them, the folder in `files`.
pub const DATA: &str = "data";
/// Raised when any tool would make other data of the same files.
pub const DATA_VERSION: u32 = 5;
/// Where a sandbox has the files.
const FILES: &str = "files";

/// What data are made of.
#[derive(Debug, Clone)]
pub struct DataInputs {
    /// Files of the project.
    pub local: Option<Arc<LocalTree>>,
    /// What hooks make: where in the folder, empty for all of it; the action and which of its outputs.
    pub made: Vec<(String, ActionId, u32)>,
    /// The folder in what a hook makes, empty for the whole.
    pub inside: String,
}

impl Lowering<'_> {
    /// The node that makes `data` of `from`. Its one output is a file.
    pub fn data(&mut self, data: &Data, from: &DataInputs) -> ActionId {
        let DataInputs { local, made, inside } = from;
        let tool = data.tool.name();
        // The same data of the same files are one node, wherever the folder is.
        let digest = local.as_ref().map_or_else(String::new, |files| files.digest.to_string());
        let mut key = format!("uk-data {tool} {digest} {inside:?}");
        for (path, action, index) in made {
            key.push_str(&format!(" {path:?} {} {index}", action.index()));
        }
        self.intern(Digest::of(key.as_bytes()), || {
            let place =
                |path: &str| if path.is_empty() { FILES.to_owned() } else { format!("{FILES}/{path}") };
            let files =
                local.iter().map(|tree| Input { path: FILES.into(), source: Source::Local(tree.clone()) });
            let made = made.iter().map(|(path, action, index)| input(place(path), *action, *index));
            let inside = Some(inside).filter(|inside| !inside.is_empty());
            Action {
                kind: Kind::Data,
                label: format!("{tool} {}", data.folder),
                span: Some(data.span),
                command: Command::Builtin {
                    name: DATA,
                    version: DATA_VERSION,
                    args: [tool.to_owned()].into_iter().chain(inside.cloned()).collect(),
                },
                inputs: files.chain(made).collect(),
                outputs: vec![Output { path: format!("{OUT}/data"), kind: OutputKind::File }],
            }
        })
    }
}
