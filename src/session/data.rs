//! The data of devices: their folders looked at, and their nodes.

use std::path::Path;
use std::sync::Arc;

use uk_action::ActionId;
use uk_diagnostic::{Code, Diagnostic};
use uk_loader::{Apart, DataFolder, Project, SourceSets};
use uk_planner::data::{Data, Place};
use uk_planner::device::{Attached, DeviceGraph};
use uk_planner::hooks::{Files, Hooks};
use uk_planner::lower::{DataInputs, Lowering};

use crate::hooks;

/// Data of a device.
#[derive(Debug, Clone)]
pub struct DataNode {
    /// The device's name.
    pub device: String,
    /// What they are.
    pub data: Data,
    /// The node that makes them.
    pub node: ActionId,
}

impl DataNode {
    /// The file's name in `dist/`; none where they are in the image.
    pub fn file(&self) -> Option<&str> {
        match &self.data.place {
            Place::Image => None,
            Place::File(path) => Some(path.strip_prefix("dist/").unwrap_or(path)),
        }
    }
}

/// What data are made of.
pub(super) struct Origin {
    /// What is on the disk.
    local: Option<Arc<DataFolder>>,
    /// What comes from hooks.
    files: Files,
}

/// What the data of `devices` are made of, in the devices' order; what can't be taken is added to `faults`.
pub(super) fn origins(
    devices: &DeviceGraph,
    project: &Project,
    hooks: &Hooks,
    sources: &mut SourceSets,
    faults: &mut Vec<Diagnostic>,
) -> Vec<Origin> {
    let mut found = Vec::new();
    for data in devices.devices().iter().flat_map(|device| &device.data) {
        match origin(data, project, hooks, sources) {
            Ok(origin) => found.push(origin),
            Err(fault) => faults.push(*fault),
        }
    }
    for device in devices.devices() {
        let folders = device.attachments.iter().filter_map(|attachment| match &attachment.what {
            Attached::Folder { path } => Some(path),
            _ => None,
        });
        let inside = folders.map(|path| project.check_inside(Path::new(path)));
        faults.extend(inside.filter_map(Result::err).map(|fault| fault.label(device.span, "wanted here")));
    }
    found
}

fn origin(
    data: &Data,
    project: &Project,
    hooks: &Hooks,
    sources: &mut SourceSets,
) -> Result<Origin, Box<Diagnostic>> {
    let files = hooks.files(data)?;
    let Files::Project { made, may_be_missing } = &files else { return Ok(Origin { local: None, files }) };
    let inside = project.check_inside(Path::new(&data.folder));
    inside.map_err(|fault| Box::new(fault.label(data.span, "here")))?;
    let apart = Apart {
        made: made.iter().map(|(below, _)| below.clone()).collect(),
        may_be_missing: *may_be_missing,
    };
    // Only FAT can't take a file for its size.
    let sizes = data.tool == uk_planner::data::Tool::Fat;
    let check = |files: &[(String, u64)]| unfit(data, files).map_or(Ok(()), |fault| Err(Box::new(fault)));
    let folder = sources.data(&project.folder.join(&data.folder), &data.folder, sizes, apart, check);
    let local = Some(folder.map_err(|fault| fault.label(data.span, "here"))?);
    Ok(Origin { local, files })
}

/// What the tool can't take.
fn unfit(data: &Data, files: &[(String, u64)]) -> Option<Diagnostic> {
    let tool = data.tool.name();
    let one = files.iter().find_map(|(path, size)| {
        let by_size = uk_data::check(tool, path, 0).is_ok();
        Some((uk_data::check(tool, path, *size).err()?, if by_size { "split" } else { "rename" }))
    });
    let (cause, next) = one.or_else(|| {
        let paths = files.iter().map(|(path, _)| path.as_str());
        Some((uk_data::check_all(tool, paths).err()?, "rename"))
    })?;
    let message = format!("no data can be made of the folder `{}`: {cause}", data.folder);
    let help = format!("{next} the file, take it out of the folder, or take another device: `uk devices`");
    Some(Diagnostic::error(Code::UnfitFolder, message).help(help))
}

/// The nodes of the data of `devices`, made of `origins` and of what `hooks` make; with what the generated main takes in.
pub(super) fn nodes(
    devices: &DeviceGraph,
    origins: &[Origin],
    hooks: &hooks::Plan,
    lowering: &mut Lowering<'_>,
) -> (Vec<DataNode>, Vec<(String, ActionId)>) {
    let (mut nodes, mut embedded) = (Vec::new(), Vec::new());
    let all = devices.devices().iter().flat_map(|device| device.data.iter().map(move |data| (device, data)));
    for ((device, data), origin) in all.zip(origins) {
        let node = lowering.data(data, &origin.inputs(hooks));
        if data.place == Place::Image {
            embedded.push((device.embedded(data), node));
        }
        nodes.push(DataNode { device: device.name.clone(), data: data.clone(), node });
    }
    (nodes, embedded)
}

impl Origin {
    /// The same for an action, now that those of `hooks` are known.
    fn inputs(&self, hooks: &hooks::Plan) -> DataInputs {
        let local = self.local.as_ref().map(|folder| folder.tree.clone());
        let output = |at: &str, path: &str| {
            let (action, index) = hooks.output(path).expect("a hook that the planner named makes it");
            (at.to_owned(), action, index)
        };
        let (made, inside) = match &self.files {
            Files::Project { made, .. } => {
                (made.iter().map(|(at, path)| output(at, path)).collect(), String::new())
            }
            Files::Output { path, inside } => (vec![output("", path)], inside.clone()),
        };
        DataInputs { local, made, inside }
    }
}
