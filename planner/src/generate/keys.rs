//! `keys.rs`: the table of keys that the image carries. And the projection of it that the application's crate sees.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use uk_keys::{Kind, Stage};
use uk_keys_syntax as syntax;

use super::literal::text;
use crate::device::DeviceGraph;
use crate::key::Key;
use crate::value::Type;

/// Writes the module `keys` of the generated main: `pub static KEYS` with the baked values.
pub fn key_table(graph: &DeviceGraph) -> String {
    let mut out = String::new();
    if graph.keys().is_empty() {
        out.push_str("pub static KEYS: &[uk_device::keys::Key<'static>] = &[];\n");
        return out;
    }
    out.push_str("use uk_device::keys::{Key, Kind, Stage};\n\npub static KEYS: &[Key<'static>] = &[\n");
    for key in graph.keys() {
        let stage = match key.stage {
            Stage::Build => "Build",
            Stage::Both => "Both",
            Stage::Run => "Run",
        };
        let default = match &key.value {
            Some(value) => format!("Some({})", text(&value.to_string())),
            None => "None".to_owned(),
        };
        // Writing to a String can't fail.
        let _ = write!(
            out,
            "    Key {{\n        name: {},\n        kind: {},\n        stage: Stage::{stage},\n        default: {default},\n        \
             doc: {},\n        required: {},\n        secret: {},\n    }},\n",
            text(&key.name),
            kind(&key.ty),
            text(&key.doc),
            key.required,
            key.secret,
        );
    }
    out.push_str("];\n");
    out
}

/// The keys of a table by name, each as the text that declares it.
fn by_name(table: &str) -> BTreeMap<&str, &str> {
    let named = |block| Some((str::split_once(str::split_once(block, "name: \"")?.1, "\",\n")?.0, block));
    table.split("    Key {\n").skip(1).filter_map(named).collect()
}

/// The names of the keys that two tables have not alike, sorted.
pub fn changed_keys(before: &str, now: &str) -> Vec<String> {
    let (before, now) = (by_name(before), by_name(now));
    let names = before.keys().chain(now.keys()).filter(|name| before.get(*name) != now.get(*name));
    names.map(|name| (*name).to_owned()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The keys of stage `build` in both tables whose values differ, with those that they had: such values choose devices. One that
/// had none isn't among them, nor text that stands there otherwise than a command line has it.
pub fn former_values(before: &str, now: &str) -> Vec<(String, String)> {
    fn value(block: &str) -> Option<&str> {
        let (_, rest) = block.split_once("stage: Stage::Build,\n        default: Some(\"")?;
        let (value, _) = rest.split_once("\"),\n")?;
        (!value.contains('\\')).then_some(value)
    }
    let (before, now) = (by_name(before), by_name(now));
    let both = before.into_iter().filter_map(|(name, block)| Some((name, block, *now.get(name)?)));
    both.filter_map(|(name, was, is)| {
        let was = value(was)?;
        (Some(was) != value(is)).then(|| (name.to_owned(), was.to_owned()))
    })
    .collect()
}

/// What `keys!` in the application may depend on: the names, types and presence of the manifest's own keys. The macro
/// reads it back with the same crate that writes it.
pub fn projection(keys: &[Key]) -> String {
    let keys: Vec<syntax::Key> = keys
        .iter()
        .map(|key| syntax::Key {
            name: key.name.text.clone(),
            line: 0,
            kind: match key.ty.item() {
                Some(of) => syntax::Type::List(of.to_owned()),
                None if key.ty.name() == "enum" => syntax::Type::Enum(key.ty.options().to_vec()),
                None => syntax::Type::Named(key.ty.name().to_owned()),
            },
            required: key.required,
            has_default: key.default.is_some(),
        })
        .collect();
    syntax::write(&keys)
}

fn kind(ty: &Type) -> String {
    ty.with_kind(|kind| expression(&kind))
}

fn expression(kind: &Kind<'_>) -> String {
    let name = match kind {
        Kind::Str => "Str",
        Kind::Bool => "Bool",
        Kind::Int { min, max } => return format!("Kind::Int {{ min: {min}, max: {max} }}"),
        Kind::Enum(options) => return format!("Kind::Enum(&{options:?})"),
        Kind::Duration => "Duration",
        Kind::Size => "Size",
        Kind::Ipv4 => "Ipv4",
        Kind::Ipv6 => "Ipv6",
        Kind::Cidr4 => "Cidr4",
        Kind::Cidr6 => "Cidr6",
        Kind::Mac => "Mac",
        Kind::Path => "Path",
        Kind::List(of) => return format!("Kind::List(&{})", expression(of)),
    };
    format!("Kind::{name}")
}
