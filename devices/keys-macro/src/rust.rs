//! Keys as Rust source.

use std::collections::BTreeMap;
use std::fmt::Write;

use uk_keys_syntax::{Error, Key, Type};

/// Rust's keywords of all editions that can't be names as they stand.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// The source of `struct Keys` and of its enums.
pub fn keys(keys: &[Key]) -> Result<String, Error> {
    let mut fields = String::new();
    let mut values = String::new();
    let mut enums = String::new();
    let mut seen = BTreeMap::new();
    for key in keys {
        let fail = |message| Err(Error { line: key.line, message });
        let field = match field(&key.name) {
            Some(field) => field,
            None => {
                return fail(format!("`{}` can't be the name of a key: use letters, digits, `-`", key.name));
            }
        };
        if let Some(other) = seen.insert(field.clone(), &key.name) {
            return fail(format!("the keys `{other}` and `{}` have the same name in Rust", key.name));
        }
        let kind = match &key.kind {
            Type::Named(name) => named(name).map(str::to_string),
            Type::List(of) => named(of).map(|of| format!("::uk_device::alloc::vec::Vec<{of}>")),
            Type::Enum(options) => {
                let name = format!("{}Key", camel(&key.name));
                write_enum(&mut enums, &name, key, options)?;
                Some(name)
            }
        };
        let Some(kind) = kind else {
            let (Type::Named(name) | Type::List(name)) = &key.kind else {
                unreachable!("an enum has a type")
            };
            return fail(format!("key `{}`: unknown type `{name}`", key.name));
        };
        let doc = format!("The key `{}`.", key.name);
        let (open, close, get) = if key.required || key.has_default {
            ("", "", "get")
        } else {
            ("::core::option::Option<", ">", "optional")
        };
        // Writing to a `String` can't fail.
        let _ = writeln!(fields, "    #[doc = {doc:?}]\n    pub {field}: {open}{kind}{close},");
        let _ = writeln!(values, "            {field}: values.{get}({:?}),", key.name);
    }
    let used = if keys.is_empty() { "_" } else { "values" };
    Ok(format!(
        "/// The values of the manifest's keys.\n#[derive(Clone, Debug)]\n#[allow(dead_code)]\npub struct Keys {{\n{fields}}}\n\
         impl ::uk_device::FromValues for Keys {{\n    \
             fn from_values({used}: &'static ::uk_device::keys::Values) -> Self {{\n        \
                 Keys {{\n{values}        }}\n    }}\n}}\n{enums}"
    ))
}

fn write_enum(out: &mut String, name: &str, key: &Key, options: &[String]) -> Result<(), Error> {
    let (mut variants, mut reads, mut texts) = (String::new(), String::new(), String::new());
    let mut seen = BTreeMap::new();
    for option in options {
        let mut variant = camel(option);
        if !variant.starts_with(|c: char| c.is_ascii_alphabetic()) || variant == "Self" {
            variant.insert(0, '_');
        }
        if variant == "_" || seen.insert(variant.clone(), option).is_some() {
            let message = format!("key `{}`: the option `{option}` has no Rust name of its own", key.name);
            return Err(Error { line: key.line, message });
        }
        // Writing to a `String` can't fail.
        let _ = writeln!(variants, "    #[doc = {:?}]\n    {variant},", format!("`{option}`"));
        let _ = writeln!(reads, "            {option:?} => {name}::{variant},");
        let _ = writeln!(texts, "            {name}::{variant} => {option:?},");
    }
    let doc = format!("The options of the key `{}`.", key.name);
    let _ = write!(
        out,
        "#[doc = {doc:?}]\n#[derive(Clone, Copy, Debug, PartialEq, Eq)]\n#[allow(dead_code)]\npub enum {name} {{\n{variants}}}\n\
         impl {name} {{\n    /// The option as it is written.\n    #[allow(dead_code)]\n    \
             pub fn as_str(self) -> &'static str {{\n        match self {{\n{texts}        }}\n    }}\n}}\n\
         impl ::uk_device::keys::FromValue<'_> for {name} {{\n    \
             fn from_value(value: &::uk_device::keys::Value) -> ::core::option::Option<Self> {{\n        \
                 ::core::option::Option::Some(match value.as_str()? {{\n{reads}            \
                     _ => return ::core::option::Option::None,\n        }})\n    }}\n}}\n"
    );
    Ok(())
}

/// The Rust type of a manifest's type.
fn named(name: &str) -> Option<&'static str> {
    Some(match name {
        "string" | "path" => "&'static str",
        "bool" => "bool",
        "u8" => "u8",
        "u16" => "u16",
        "u32" => "u32",
        "u64" | "size" => "u64",
        "i8" => "i8",
        "i16" => "i16",
        "i32" => "i32",
        "i64" => "i64",
        "duration" => "::core::time::Duration",
        "ipv4" => "::core::net::Ipv4Addr",
        "ipv6" => "::core::net::Ipv6Addr",
        "ipv4-cidr" => "::uk_device::keys::Cidr4",
        "ipv6-cidr" => "::uk_device::keys::Cidr6",
        "mac" => "::uk_device::keys::Mac",
        _ => return None,
    })
}

fn field(name: &str) -> Option<String> {
    let field = name.replace('-', "_");
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !field.starts_with(|c: char| c.is_ascii_alphabetic()) || !field.chars().all(word) {
        return None;
    }
    Some(match field.as_str() {
        "self" | "super" | "crate" | "Self" => field + "_",
        keyword if KEYWORDS.contains(&keyword) => format!("r#{field}"),
        _ => field,
    })
}

/// `kv_ro` to `KvRo`; what isn't an ASCII letter or digit separates words.
fn camel(name: &str) -> String {
    let mut camel = String::new();
    for word in name.split(|c: char| !c.is_ascii_alphanumeric()) {
        let mut chars = word.chars();
        camel.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(chars.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    use proc_macro2::TokenStream;

    fn source(text: &str) -> Result<String, String> {
        let read = uk_keys_syntax::read(text).map_err(|error| error.to_string())?;
        keys(&read).map_err(|error| error.to_string())
    }

    #[test]
    fn types_follow_the_keys() {
        let text = "key kv-ro type=enum default=crunch {\n option crunch\n option \"2 fat\"\n}\n\
                    key type type=u16 default=1\nkey peers type=list of=ipv4\nkey name type=string required=#true";
        let source = source(text).expect("the keys are fine");
        for wanted in [
            "pub kv_ro: KvRoKey,",
            "pub r#type: u16,",
            "pub peers: ::core::option::Option<::uk_device::alloc::vec::Vec<::core::net::Ipv4Addr>>,",
            "pub name: &'static str,",
            "\"2 fat\" => KvRoKey::_2Fat",
            "peers: values.optional(\"peers\")",
        ] {
            assert!(source.contains(wanted), "no {wanted} in:\n{source}");
        }
    }

    #[test]
    fn faults_name_the_line() {
        for (text, wanted) in [
            ("\nkey a type=string\nkey a type=u8", "line 3: the keys `a` and `a`"),
            ("key a-b type=string\nkey a_b type=u8", "line 2: the keys `a-b` and `a_b`"),
            ("key a type=strin", "line 1: key `a`: unknown type `strin`"),
            ("key \"1\" type=string", "line 1: `1` can't be"),
            ("key a type=enum { option x; option X }", "line 1: key `a`: the option `X`"),
            ("key a", "line 1: key `a` needs a type"),
            ("key a² type=u8", "line 1: `a²` can't be the name of a key: use letters, digits, `-`"),
        ] {
            let message = source(text).expect_err(text);
            assert!(message.starts_with(wanted), "{message}");
        }
    }

    /// What is put into manifests at random.
    const PIECES: &[&str] = &[
        " ", "\n", "{", "}", ";", "\"", "#true", "=", "(a)", "/-", "//", "/*", "-", "_", "2", "é", "²",
        "\u{202e}", "\0", "\\", "key ", "option ", "type=", "of=", "enum", "list", "u8", "string", "self",
        "Self", "async", "r#", "key a ",
    ];
    const SEED: &str = "unikernel a\nkey kv-ro type=enum default=crunch {\n option crunch\n option \"2 fat\"\n}\n\
                        key type type=u16\nkey peers type=list of=ipv4\nkey name type=string required=#true\n";

    /// Damages manifests for `UK_SOAK_SECONDS`, or a second, drawn from `UK_SOAK_SEED` or the clock.
    #[test]
    fn soak_keys() {
        let number = |name: &str| Some(std::env::var(name).ok()?.parse::<u64>().expect("it is a number"));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
        let seed = number("UK_SOAK_SEED").unwrap_or(now.as_nanos() as u64);
        let mut state = seed | 1;
        let mut below = |end: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % end as u64) as usize
        };
        let end = Instant::now() + Duration::from_secs(number("UK_SOAK_SECONDS").unwrap_or(1));
        while Instant::now() < end {
            let mut text = SEED.to_string();
            for _ in 0..below(8) {
                let at = text.floor_char_boundary(below(text.len() + 1));
                let end = text.floor_char_boundary((at + below(8)).min(text.len())).max(at);
                text.replace_range(at..end, PIECES[below(PIECES.len())]);
            }
            let written = catch_unwind(|| source(&text).map_or(Ok(()), |source| lexed(&source)));
            let written = written.unwrap_or_else(|_| Err("it panics".to_string()));
            assert_eq!(written, Ok(()), "UK_SOAK_SEED={seed} made this:\n{text}\n{text:?}");
        }
    }

    /// Whether `proc_macro` would take it; that can't be asked outside of a compiler.
    fn lexed(source: &str) -> Result<(), String> {
        source.parse::<TokenStream>().map(drop).map_err(|error| format!("{error} in:\n{source}"))
    }
}
