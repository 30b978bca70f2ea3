//! What somebody may have meant whose value a type doesn't take.

use uk_keys::Kind;

use crate::names;
use crate::value::Type;

/// Units as others write them, each with one of ours. `30` is a duration in seconds to most.
const TIMES: [(&str, &str); 9] = [
    ("", "s"),
    ("sec", "s"),
    ("secs", "s"),
    ("seconds", "s"),
    ("min", "m"),
    ("mins", "m"),
    ("minutes", "m"),
    ("hours", "h"),
    ("days", "d"),
];
const SIZES: [(&str, &str); 8] = [
    ("k", "KiB"),
    ("m", "MiB"),
    ("g", "GiB"),
    ("t", "TiB"),
    ("kb", "kB"),
    ("mb", "MB"),
    ("gb", "GB"),
    ("kib", "KiB"),
];

/// A value that `ty` takes and that is near to `text`, which it doesn't.
pub(crate) fn meant(ty: &Type, text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return None;
    }
    if let Some(near) = names::nearest(text, ty.options().iter().map(String::as_str)) {
        return Some(near.to_owned());
    }
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    let (address, prefix) = plain.split_once('/').unwrap_or((&plain, ""));
    let guess = match ty.name() {
        "bool" => match &*plain {
            "true" | "yes" | "on" | "1" => "true".to_owned(),
            "false" | "no" | "off" | "0" => "false".to_owned(),
            _ => return None,
        },
        "duration" => with_unit(&plain, &TIMES),
        "size" => with_unit(&plain, &SIZES),
        "ipv4" | "ipv6" => address.to_owned(),
        "ipv4-cidr" if prefix.is_empty() => format!("{address}/24"),
        "ipv6-cidr" if prefix.is_empty() => format!("{address}/64"),
        "list" => return items(ty, text),
        _ if ty.is_integer() => integer(&plain),
        _ => plain,
    };
    ty.parse(&guess).is_ok().then_some(guess)
}

/// `plain`, which is a number and a unit, with the unit that is ours.
fn with_unit(plain: &str, units: &[(&str, &str)]) -> String {
    let end = plain.find(|c: char| !c.is_ascii_digit()).unwrap_or(plain.len());
    let (number, unit) = plain.split_at(end);
    let ours = units.iter().find(|(theirs, _)| *theirs == unit).map_or(unit, |(_, ours)| ours);
    format!("{number}{ours}")
}

fn integer(plain: &str) -> String {
    let digits = plain.replace(['_', ',', '\''], "");
    match digits.strip_prefix("0x").map(|hex| i128::from_str_radix(hex, 16)) {
        Some(Ok(number)) => number.to_string(),
        _ => digits,
    }
}

/// A list whose items are right but for what stands between and in them.
fn items(ty: &Type, text: &str) -> Option<String> {
    let item = Type::plain(Kind::NAMES.iter().copied().find(|name| Some(*name) == ty.item())?);
    let parts = text.split([',', ';', ' ']).map(str::trim).filter(|part| !part.is_empty());
    let parts = parts.map(|part| match item.parse(part) {
        Ok(_) => Some(part.to_owned()),
        Err(_) => meant(&item, part),
    });
    let guess = parts.collect::<Option<Vec<_>>>()?.join(",");
    ty.parse(&guess).is_ok().then_some(guess)
}
