//! The data of devices: `build` of their catalogue entries, with the folders filled in.

use uk_diagnostic::{Code, Diagnostic};
use uk_keys::Value;

use super::ParamValue;
use super::expand::Frame;
use super::resolve::Draft;
use crate::data::{Data, Place};
use crate::manifest::ArgumentValue;
use crate::names;
use crate::paths;
use crate::value::Type;

impl<'m> Draft<'m> {
    /// Adds what `frame`'s implementation wants made for the device `index`. A folder with a fault was told before.
    pub fn add_data(&mut self, index: usize, frame: &mut Frame<'m>) {
        let instance = &self.instances[index];
        let (name, span) = (names::canonical(&instance.name).replace('_', "-"), instance.span);
        for build in &frame.implementation.builds {
            let (value, span) = match &build.folder.value {
                ArgumentValue::Literal(literal) => (literal.typed(&Type::path(), "`dir`").ok(), span),
                ArgumentValue::Param(param) => {
                    let at = frame.implementation.params.iter().position(|p| p.name.is(&param.text));
                    let slot = at.and_then(|at| frame.params[at].as_ref());
                    let span = slot.and_then(|slot| slot.span).unwrap_or(span);
                    match slot.map(|slot| &slot.value) {
                        Some(ParamValue::Fixed(value)) => (Some(value.clone()), span),
                        Some(ParamValue::Key(_)) => {
                            let message =
                                "data are made while building, and what this says may change at boot";
                            self.faults.push(
                                Diagnostic::error(Code::KeyStage, message)
                                    .label(span, "here")
                                    .help("give the key `stage=build`, or write a plain value"),
                            );
                            (None, span)
                        }
                        Some(ParamValue::Absent) | None => (None, span),
                    }
                }
                ArgumentValue::Key(key) => {
                    let at = frame.implementation.keys.iter().position(|k| k.name.is(&key.text));
                    let draft = at.map(|at| &self.keys[frame.keys[at]]);
                    let value = draft.and_then(|draft| draft.value.clone());
                    let span = draft.map_or(span, |draft| draft.span);
                    let outside = value.as_ref().and_then(|value| paths::check(&Type::path(), value, span));
                    self.faults.extend(outside);
                    (value, span)
                }
                ArgumentValue::Build(_) => (None, span),
            };
            let Some(Value::Path(folder)) = value else { continue };
            let place = if build.embed {
                Place::Image
            } else {
                let (unikernel, suffix) = (&self.unikernel.name.text, self.settings.suffix());
                Place::File(format!("dist/{unikernel}{suffix}-{name}.{}", build.name))
            };
            frame.data.push(Data { name: build.name.text.clone(), tool: build.tool, folder, place, span });
        }
    }
}
