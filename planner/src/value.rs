//! Types of keys and params, and values written in KDL or given as text.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use uk_diagnostic::{Code, Diagnostic, Span};
use uk_keys::{Invalid, Kind, Value};

use crate::hint;
use crate::names;
use crate::read::{Name, Reader};
use crate::syntax::{Scalar, quote};

/// The type of a key or a param: an owned form of [`Kind`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type {
    /// One of [`Kind::NAMES`]; for a list, the type of its items.
    item: &'static str,
    list: bool,
    range: Option<(i128, i128)>,
    options: Arc<[String]>,
}

impl Type {
    /// The type of that name, which is one of [`Kind::NAMES`], with all its values; no list and no enum.
    pub(crate) fn plain(name: &'static str) -> Type {
        Type { item: name, list: false, range: None, options: Arc::new([]) }
    }

    /// A path.
    pub(crate) fn path() -> Type {
        Type::plain("path")
    }

    /// A size, for properties that `uk` itself has.
    pub(crate) fn size() -> Type {
        Type::plain("size")
    }

    /// Calls `use_` with the type as the guest knows it.
    pub fn with_kind<R>(&self, use_: impl FnOnce(Kind<'_>) -> R) -> R {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        let item = match Kind::named(self.item) {
            _ if self.item == "enum" => Kind::Enum(&options),
            Some(Kind::Int { min, max }) => {
                let (min, max) = self.range.unwrap_or((min, max));
                Kind::Int { min, max }
            }
            Some(kind) => kind,
            None => Kind::Str,
        };
        if self.list { use_(Kind::List(&item)) } else { use_(item) }
    }

    /// The type's name as a manifest writes it: `u16`, `enum`, `list`.
    pub fn name(&self) -> &'static str {
        if self.list { "list" } else { self.item }
    }

    /// The type of a list's items.
    pub fn item(&self) -> Option<&'static str> {
        self.list.then_some(self.item)
    }

    /// An enum's options in the order written; empty for other types.
    pub fn options(&self) -> &[String] {
        &self.options
    }

    /// The range of a whole number, if it is narrower than the type's own.
    pub fn range(&self) -> Option<(i128, i128)> {
        self.range
    }

    /// What values there are, in words: `a whole number from 0 to 255`.
    pub fn expected(&self) -> String {
        self.with_kind(|kind| kind.expected())
    }

    /// Reads a text as a value, or says what was expected.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        self.with_kind(|kind| kind.parse(text)).map_err(Invalid::expected)
    }

    /// Whether values of both types are the same Rust type. Ranges don't matter to it.
    pub fn same_rust(&self, other: &Type) -> bool {
        let class = |t: &Type| match t.item {
            "path" | "enum" => "string",
            "size" => "u64",
            item => item,
        };
        self.list == other.list && class(self) == class(other)
    }

    /// Whether every value of this type can stand where `wanted` is asked for: the same Rust type, and only options that
    /// an enum has.
    pub fn fits(&self, wanted: &Type) -> bool {
        self.same_rust(wanted)
            && (wanted.item != "enum"
                || self.item == "enum" && self.options.iter().all(|o| wanted.options.contains(o)))
    }

    /// Reads `type=`, `of=`, `min=`, `max=` and the `option`s of a `key` or `param`.
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Type> {
        let written = reader.required_text("type", "a type: `type=string`");
        let of = reader.property_text("of");
        let min = reader.integer("min");
        let max = reader.integer("max");
        let options = read_options(reader);
        let written = written?;
        let list = written.text == "list";
        let fault = |reader: &mut Reader<'_, '_>, message: String, span: Span, help: String| {
            reader.fault_help(Code::InvalidKey, message, span, "here", help);
            None::<Type>
        };
        let item = match (&of, list) {
            (Some(of), true) => of,
            (None, true) => {
                let message = "a list needs the type of its items".to_owned();
                return fault(reader, message, written.span, "write `type=list of=string`".to_owned());
            }
            (Some(of), false) => {
                let message = format!("`of` belongs to lists, and this is a `{written}`");
                return fault(reader, message, of.span, format!("write `type=list of={}`", quote(&of.text)));
            }
            (None, false) => &written,
        };
        let Some(name) = Kind::NAMES.iter().copied().find(|n| *n == item.text) else {
            let message = format!("there is no type `{}`", item.text.escape_debug());
            let near =
                other_name(&item.text).or_else(|| names::nearest(&item.text, Kind::NAMES.iter().copied()));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("types are {}", Kind::NAMES.map_join()),
            };
            reader.fault_help(Code::WrongType, message, item.span, "here", help);
            return None;
        };
        if list && matches!(name, "list" | "enum") {
            let message = format!("a list can't hold a `{name}`");
            return fault(
                reader,
                message,
                item.span,
                "a list's items are of a plain type, as `of=string`".to_owned(),
            );
        }
        if (name == "enum") == options.is_empty() {
            let (message, span) = if name == "enum" {
                (
                    format!("an enum needs its options: `{} ... {{ option one }}`", reader.node.name.text),
                    written.span,
                )
            } else {
                (format!("options belong to enums, and this is a `{name}`"), options[0].span)
            };
            let help = "write `type=enum { option one; option two }`".to_owned();
            return fault(reader, message, span, help);
        }
        let range = match Kind::named(name) {
            Some(Kind::Int { min: least, max: most }) => {
                let low = min.map_or(least, |m| m.0);
                let high = max.map_or(most, |m| m.0);
                for (bound, span) in [min, max].into_iter().flatten() {
                    if bound < least || bound > most {
                        let message = format!("{bound} is no `{name}`");
                        let help = format!("a `{name}` goes from {least} to {most}");
                        return fault(reader, message, span, help);
                    }
                }
                if let (true, Some((_, span))) = (low > high, min.or(max)) {
                    let help =
                        "`min` is the least value, `max` the greatest, and both are allowed".to_owned();
                    return fault(reader, format!("no number goes from {low} to {high}"), span, help);
                }
                (min.is_some() || max.is_some()).then_some((low, high))
            }
            _ => {
                if let Some((_, span)) = min.or(max) {
                    let message = format!("`min` and `max` belong to whole numbers, and this is a `{name}`");
                    return fault(reader, message, span, "delete it".to_owned());
                }
                None
            }
        };
        let options = options.into_iter().map(|o| o.text).collect();
        Some(Type { item: name, list, range, options })
    }
}

/// What other languages call our types.
fn other_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "int" | "integer" | "number" => "i64",
        "uint" | "usize" | "unsigned" => "u64",
        "str" | "text" | "String" => "string",
        "boolean" | "flag" => "bool",
        "ip" | "addr" | "address" => "ipv4",
        "cidr" => "ipv4-cidr",
        "bytes" => "size",
        "time" | "seconds" => "duration",
        "file" | "dir" | "directory" => "path",
        "array" | "vec" => "list",
        _ => return None,
    })
}

fn read_options(reader: &mut Reader<'_, '_>) -> Vec<Name> {
    let mut options: Vec<Name> = Vec::new();
    for child in reader.children() {
        if child.name.text != "option" {
            reader.unknown_child(child, &["option"]);
            continue;
        }
        let mut option = Reader::new(child, "option NAME", reader.faults);
        let name = option.name("an option");
        option.no_children();
        let ok = option.done_with_properties();
        reader.faulty |= !ok;
        let Some(name) = name else { continue };
        if let Some(first) = options.iter().find(|o| o.is(&name.text)) {
            let fault = crate::read::duplicate("options", first, &name);
            reader.faults.push(fault);
            reader.faulty = true;
        } else if let Some(first) = options.iter().find(|o| names::camel(&o.text) == names::camel(&name.text))
        {
            let message = format!("the options `{first}` and `{name}` become one name in Rust");
            let fault = Diagnostic::error(Code::NameClash, message)
                .label(name.span, "the second")
                .label(first.span, "the first")
                .help("give one of them another name");
            reader.faults.push(fault);
            reader.faulty = true;
        } else {
            options.push(name);
        }
    }
    options
}

trait JoinNames {
    fn map_join(&self) -> String;
}

impl JoinNames for [&'static str] {
    /// All of them: a list of types that is cut would be of no use.
    fn map_join(&self) -> String {
        self.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.list, self.range) {
            (true, _) => write!(f, "list of {}", self.item),
            (false, Some((min, max))) => write!(f, "{} from {min} to {max}", self.item),
            (false, None) if self.item == "enum" => f.write_str(&self.options.join("|")),
            (false, None) => f.write_str(self.item),
        }
    }
}

/// A plain value as it was written, of whatever type it may turn out to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Literal {
    scalar: Scalar<'static>,
    /// Where it stands.
    pub span: Span,
}

impl Literal {
    pub(crate) fn new(scalar: &Scalar<'_>, span: Span) -> Self {
        let scalar = match scalar {
            Scalar::String(text) => Scalar::String(text.clone().into_owned().into()),
            Scalar::Integer(number) => Scalar::Integer(*number),
            Scalar::Float(number) => Scalar::Float(*number),
            Scalar::Bool(on) => Scalar::Bool(*on),
            Scalar::Null => Scalar::Null,
        };
        Self { scalar, span }
    }

    /// The value as what it was written.
    pub(crate) fn untyped(&self) -> Value {
        match &self.scalar {
            Scalar::String(text) => Value::Str(text.clone().into_owned()),
            Scalar::Integer(number) => Value::Int(*number),
            Scalar::Float(number) => Value::Str(number.to_string()),
            Scalar::Bool(on) => Value::Bool(*on),
            Scalar::Null => Value::Str(String::new()),
        }
    }

    /// The value as `ty`; `what` names the place: `` `file` ``.
    pub fn typed(&self, ty: &Type, what: impl fmt::Display) -> Result<Value, Diagnostic> {
        let text = match (&self.scalar, ty.name()) {
            (Scalar::Bool(on), "bool") => Cow::Owned(on.to_string()),
            (Scalar::Integer(number), "size") => Cow::Owned(number.to_string()),
            (Scalar::Integer(number), _) if ty.is_integer() => Cow::Owned(number.to_string()),
            (Scalar::String(text), _) if ty.name() != "bool" && !ty.is_integer() => Cow::Borrowed(&**text),
            (scalar, name) => {
                let expected = if ty.name() == "string" { "text".to_owned() } else { ty.expected() };
                let message = format!("{what} must be {expected}, and this is {}", scalar.noun());
                let fault = Diagnostic::error(Code::WrongType, message).label(self.span, "here");
                return Err(match (scalar, name) {
                    (Scalar::Integer(n), _) if ty.parse(&n.to_string()).is_ok() => {
                        fault.help(format!("text that looks like a number needs quotes: `\"{n}\"`"))
                    }
                    (Scalar::String(text), _) if name != "bool" && ty.parse(text).is_ok() => {
                        fault.help(format!("write it without quotes: `{text}`"))
                    }
                    (Scalar::String(text), _) => self.meant(fault, ty, text),
                    (Scalar::Integer(n), _) => self.meant(fault, ty, &n.to_string()),
                    _ => fault,
                });
            }
        };
        ty.parse(&text).map_err(|expected| {
            let fault = Diagnostic::error(
                Code::InvalidKeyValue,
                format!("{what} can't be `{}`", text.escape_debug()),
            )
            .label(self.span, format!("expected {expected}"));
            self.meant(fault, ty, &text)
        })
    }

    /// `fault` with what may have been meant by `text`, as a manifest writes it.
    fn meant(&self, fault: Diagnostic, ty: &Type, text: &str) -> Diagnostic {
        match hint::meant(ty, text) {
            Some(meant) if ty.name() == "bool" => fault.help(format!("did you mean `#{meant}`?")),
            Some(meant) if ty.is_integer() => fault.help(format!("did you mean `{meant}`?")),
            Some(meant) => fault.help(format!("did you mean `{}`?", quote(&meant))),
            None => fault,
        }
    }
}

impl Type {
    pub(crate) fn is_integer(&self) -> bool {
        !self.list && matches!(Kind::named(self.item), Some(Kind::Int { .. }))
    }
}
