//! Folders that data are made of, and what hooks make of them.

use uk_diagnostic::{Code, Diagnostic};

use super::{Hooks, Make, built};
use crate::data::Data;
use crate::manifest::Step;
use crate::paths::{self, within};
use crate::read::Name;

/// Where the files of a folder of data come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Files {
    /// From the project.
    Project {
        /// What programs of hooks make in it: paths relative to the folder, each with that of the output relative to the
        /// manifest. What is there on the disk doesn't count: it may be from before, or edited.
        made: Vec<(String, String)>,
        /// Whether the folder need not be there, since hooks make it or something in it.
        may_be_missing: bool,
    },
    /// From a program of a hook alone.
    Output {
        /// The path of the output.
        path: String,
        /// The folder in it, empty for the whole.
        inside: String,
    },
}

impl Hooks {
    /// Where the files that `data` are made of come from.
    ///
    /// # Errors
    /// `UK0213` where a step makes something in the folder that is the user's from then on, or the folder isn't one; `UK0411`
    /// where the build itself makes something in it.
    pub fn files(&self, data: &Data) -> Result<Files, Box<Diagnostic>> {
        let folder = paths::normal(&data.folder);
        if let Some(built) = built(&folder) {
            let message = format!(
                "no data can be made of the folder `{}`: what is in `{built}/` is built of them",
                data.folder.escape_debug()
            );
            let fault = Diagnostic::error(Code::UnfitFolder, message).label(data.span, "here");
            return Err(Box::new(fault.help("put the files into a folder of their own, and name that one")));
        }
        let (mut made, mut may_be_missing) = (Vec::new(), false);
        for make in self.steps() {
            match &make.step {
                Step::Mkdir { path } => may_be_missing |= within(&path.text, &folder),
                Step::Image { path, .. } | Step::Copy { to: path, .. } => {
                    if within(&path.text, &folder) || within(&folder, &path.text) {
                        let message = format!(
                            "`{}` is the user's once it is made, so no data are made of it",
                            path.text.escape_debug()
                        );
                        let help = "put the file into the folder by hand, or make it there by a `run` that `output`s it";
                        return Err(conflict(data, make, path, message, help));
                    }
                }
                Step::Run(run) => {
                    for output in &run.outputs {
                        let path = &output.path;
                        if !within(&folder, &path.text) {
                            if within(&path.text, &folder) {
                                let below = path.text[folder.len()..].trim_start_matches('/');
                                made.push((below.to_owned(), path.text.clone()));
                            }
                            continue;
                        }
                        if output.folder {
                            let inside = folder[path.text.len()..].trim_start_matches('/').to_owned();
                            return Ok(Files::Output { path: path.text.clone(), inside });
                        }
                        let message = format!(
                            "data are made of the folder `{}`, and a hook makes a file in its place",
                            data.folder.escape_debug()
                        );
                        let help = format!(
                            "write `output \"{}/\"`, with a `/` at its end, if it is a folder",
                            path.text.escape_debug()
                        );
                        return Err(conflict(data, make, path, message, &help));
                    }
                }
            }
        }
        may_be_missing |= !made.is_empty();
        Ok(Files::Project { made, may_be_missing })
    }
}

fn conflict(data: &Data, make: &Make, path: &Name, message: String, help: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(Code::HookConflict, message)
            .label(data.span, "the data are wanted here")
            .label(path.span, format!("the hook `{}` makes it here", make.hook))
            .help(help),
    )
}
