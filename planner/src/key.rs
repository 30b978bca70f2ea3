//! The declaration of a key, the same in manifests and catalogues.

use uk_diagnostic::{Code, Diagnostic, Span};
use uk_keys::{Stage, Value};

use crate::names;
use crate::read::{Name, Reader};
use crate::syntax::Node;
use crate::value::{Literal, Type};

/// A declared key.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its name as written.
    pub name: Name,
    /// What values it takes.
    pub ty: Type,
    /// When a value may be given.
    pub stage: Stage,
    /// The value where none is given, and where that is written.
    pub default: Option<(Value, Span)>,
    /// One sentence for help texts; may be empty.
    pub doc: String,
    /// Whether it is an error when nobody gives a value.
    pub required: bool,
    /// Whether it is never baked and never shown.
    pub secret: bool,
    /// The declaration's line.
    pub span: Span,
}

const USAGE: &str = "key NAME type=string default=\"...\" doc=\"...\"";

impl Key {
    pub(crate) fn read(node: &Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Key> {
        let mut reader = Reader::new(node, USAGE, faults);
        let name = reader.name("the name of a key");
        let ty = Type::read(&mut reader);
        let default = reader.property("default");
        let doc = reader.property_text("doc").map_or_else(String::new, |d| d.text);
        let stage = read_stage(&mut reader);
        let required = reader.flag("required");
        let secret = reader.flag("secret");
        let default = match (default, &ty) {
            (Some(value), Some(ty)) => {
                reader.refuse_annotation(value);
                match Literal::new(&value.scalar, value.span).typed(ty, "the default") {
                    Ok(typed) => Some((typed, value.span)),
                    Err(fault) => {
                        reader.faults.push(fault);
                        reader.faulty = true;
                        None
                    }
                }
            }
            _ => None,
        };
        if let Some(name) = name.as_ref().filter(|n| uk_keys::RESERVED.iter().any(|r| n.is(r))) {
            let message = format!("`{name}` can't be the name of a key");
            let help = "every unikernel understands `--help` and `--logs` already: choose another name";
            reader.fault_help(Code::InvalidName, message, name.span, "here", help);
        }
        // A secret is never baked, so nothing is left of `both` but `run`.
        let stage = if secret && stage == Stage::Both { Stage::Run } else { stage };
        contradictions(&mut reader, stage, default.as_ref().map(|d| d.1), required, secret);
        let span = node.span;
        reader.done_with_properties().then_some(())?;
        Some(Key { name: name?, ty: ty?, stage, default, doc, required, secret, span })
    }
}

fn read_stage(reader: &mut Reader<'_, '_>) -> Stage {
    const STAGES: [(&str, Stage); 3] = [("build", Stage::Build), ("both", Stage::Both), ("run", Stage::Run)];
    let Some(written) = reader.property_text("stage") else { return Stage::Both };
    if let Some((_, stage)) = STAGES.iter().find(|(name, _)| *name == written.text) {
        return *stage;
    }
    let message = format!("there is no stage `{}`", written.text.escape_debug());
    let help = match names::nearest(&written.text, STAGES.iter().map(|s| s.0)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`build` fixes the value in the image, `run` takes it only at boot, `both` (the default) bakes a value \
                 that boot may override"
            .to_owned(),
    };
    reader.fault_help(Code::InvalidKey, message, written.span, "here", help);
    Stage::Both
}

fn contradictions(
    reader: &mut Reader<'_, '_>,
    stage: Stage,
    default: Option<Span>,
    required: bool,
    secret: bool,
) {
    let line = reader.node.span;
    if let Some(default) = default.filter(|_| required) {
        let help = "delete `default` if a value must be given, else delete `required`";
        let message = "a key with a default is never missing, so it can't be required";
        reader.fault_help(Code::InvalidKey, message, default, "this default always stands in", help);
    }
    if let Some(default) = default.filter(|_| secret) {
        let help = "delete the default, and give the value at boot";
        let message = "a secret can't have a default: it would be readable in the image";
        reader.fault_help(Code::InvalidKey, message, default, "here", help);
    }
    if secret && stage == Stage::Build {
        let message = "a secret can't be fixed in the image";
        reader.fault_help(Code::InvalidKey, message, line, "this key is both", "write `stage=run`");
    }
}
