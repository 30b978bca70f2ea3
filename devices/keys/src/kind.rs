//! The types of keys, and reading a text as one of them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::text;
use crate::value::{Cidr4, Cidr6, Mac, Value};

/// The type of a key: which values it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// Any text.
    Str,
    /// `true` or `false`.
    Bool,
    /// A whole number in a range, both ends included.
    Int {
        /// The least value.
        min: i128,
        /// The greatest value.
        max: i128,
    },
    /// One of these words.
    Enum(&'a [&'a str]),
    /// A length of time such as `1h30m` or `250ms`; the units are d, h, m, s, ms, us and ns.
    Duration,
    /// A number of bytes such as `64KiB` or `1500`; the units are B, kB, MB, GB, TB, KiB, MiB, GiB and TiB.
    Size,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// An IPv4 address with the length of its network's prefix, such as `10.0.0.2/24`.
    Cidr4,
    /// An IPv6 address with the length of its network's prefix, such as `fd00::2/64`.
    Cidr6,
    /// An Ethernet address such as `02:00:00:00:00:01`.
    Mac,
    /// A path: a text that isn't empty and holds no NUL.
    Path,
    /// Any number of values, separated by commas; `\,` is a comma within a value, and a comma at the very end closes
    /// the last value (which matters only where that value is empty).
    List(&'a Kind<'a>),
}

/// Why a text isn't a value of a [`Kind`]: what was expected, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(String);

impl Invalid {
    /// What was expected: `a whole number from 0 to 255`.
    pub fn expected(self) -> String {
        self.0
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected ")?;
        f.write_str(&self.0)
    }
}

impl core::error::Error for Invalid {}

macro_rules! integers {
    ($($constant:ident $type:ident),*) => {
        impl<'a> Kind<'a> {
            $(
                #[doc = concat!("The whole numbers that a `", stringify!($type), "` holds.")]
                pub const $constant: Kind<'a> = Kind::Int { min: $type::MIN as i128, max: $type::MAX as i128 };
            )*

            /// The type that is written as `name` in a manifest; `enum` and `list` aren't here, since they need more
            /// than a name.
            pub fn named(name: &str) -> Option<Kind<'static>> {
                Some(match name {
                    $(stringify!($type) => Kind::$constant,)*
                    "string" => Kind::Str,
                    "bool" => Kind::Bool,
                    "duration" => Kind::Duration,
                    "size" => Kind::Size,
                    "ipv4" => Kind::Ipv4,
                    "ipv6" => Kind::Ipv6,
                    "ipv4-cidr" => Kind::Cidr4,
                    "ipv6-cidr" => Kind::Cidr6,
                    "mac" => Kind::Mac,
                    "path" => Kind::Path,
                    _ => return None,
                })
            }

            /// The names of all types that a manifest may write, for messages.
            pub const NAMES: &'static [&'static str] = &[
                "string", "bool", $(stringify!($type),)* "enum", "duration", "size", "ipv4", "ipv6", "ipv4-cidr",
                "ipv6-cidr", "mac", "path", "list",
            ];
        }
    };
}

integers!(U8 u8, U16 u16, U32 u32, U64 u64, I8 i8, I16 i16, I32 i32, I64 i64);

impl Kind<'_> {
    /// Reads `text` as a value of this type.
    pub fn parse(&self, text: &str) -> Result<Value, Invalid> {
        self.read(text).ok_or_else(|| match self {
            Kind::Size if text::is_number_with_unit(text) => {
                // 2^64 bytes.
                Invalid("a size below 16777216TiB, and this is too large".to_string())
            }
            _ => Invalid(self.expected()),
        })
    }

    /// What values are allowed, in words: `a whole number from 0 to 255`.
    pub fn expected(&self) -> String {
        let mut out = String::new();
        // Writing to a `String` can't fail.
        let _ = self.describe(&mut out);
        out
    }

    fn describe(&self, out: &mut String) -> fmt::Result {
        let words = match self {
            Kind::Str => "any text",
            Kind::Bool => "`true` or `false`",
            Kind::Int { min, max } => return write!(out, "a whole number from {min} to {max}"),
            Kind::Enum(options) => {
                out.write_str("one of ")?;
                for (i, option) in options.iter().enumerate() {
                    out.write_str(if i == 0 { "`" } else { "`, `" })?;
                    out.write_str(option)?;
                }
                "`"
            }
            Kind::Duration => "a duration such as `1h30m` or `250ms` (units d, h, m, s, ms, us, ns)",
            Kind::Size => {
                "a size such as `1500`, `64KiB` or `2MB` (units B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)"
            }
            Kind::Ipv4 => "an IPv4 address such as `10.0.0.2`",
            Kind::Ipv6 => "an IPv6 address such as `fd00::2`",
            Kind::Cidr4 => "an IPv4 address and prefix such as `10.0.0.2/24`",
            Kind::Cidr6 => "an IPv6 address and prefix such as `fd00::2/64`",
            Kind::Mac => "an Ethernet address such as `02:00:00:00:00:01`",
            Kind::Path => "a path such as `data/disk.img`",
            Kind::List(of) => {
                out.write_str("values separated by commas, each ")?;
                return of.describe(out);
            }
        };
        out.write_str(words)
    }

    fn read(&self, text: &str) -> Option<Value> {
        Some(match self {
            Kind::Str => Value::Str(text.to_string()),
            Kind::Bool => Value::Bool(match text {
                "true" => true,
                "false" => false,
                _ => return None,
            }),
            Kind::Int { min, max } => {
                Value::Int(text.parse().ok().filter(|number| (min..=max).contains(&number))?)
            }
            Kind::Enum(options) => Value::Enum(options.iter().find(|option| **option == text)?.to_string()),
            Kind::Duration => Value::Duration(text::duration(text)?),
            Kind::Size => Value::Size(text::size(text)?),
            Kind::Ipv4 => Value::Ipv4(text.parse().ok()?),
            Kind::Ipv6 => Value::Ipv6(text.parse().ok()?),
            Kind::Cidr4 => {
                let (address, prefix) = cidr(text, 32)?;
                Value::Cidr4(Cidr4 { address: address.parse().ok()?, prefix })
            }
            Kind::Cidr6 => {
                let (address, prefix) = cidr(text, 128)?;
                Value::Cidr6(Cidr6 { address: address.parse().ok()?, prefix })
            }
            Kind::Mac => Value::Mac(Mac(text::mac(text)?)),
            Kind::Path => {
                Value::Path(Some(text).filter(|path| !path.is_empty() && !path.contains('\0'))?.to_string())
            }
            Kind::List(of) => {
                let items: Option<Vec<Value>> = text::items(text)?.iter().map(|item| of.read(item)).collect();
                Value::List(items?)
            }
        })
    }
}

/// Splits at the slash; the prefix must be written plainly, without sign or leading zero.
fn cidr(text: &str, longest: u8) -> Option<(&str, u8)> {
    let (address, prefix) = text.split_once('/')?;
    if prefix.starts_with('+') || prefix.len() > 1 && prefix.starts_with('0') {
        return None;
    }
    Some((address, prefix.parse().ok().filter(|prefix| *prefix <= longest)?))
}
