//! Typed values, and the Rust types that they become.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use crate::text;

/// A value of a key. Its `Display` is a text that [`Kind::parse`](crate::Kind::parse) reads back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are those of `Kind`, which documents them")]
pub enum Value {
    Str(String),
    Bool(bool),
    Int(i128),
    Enum(String),
    Duration(Duration),
    Size(u64),
    Ipv4(Ipv4Addr),
    Ipv6(Ipv6Addr),
    Cidr4(Cidr4),
    Cidr6(Cidr6),
    Mac(Mac),
    Path(String),
    List(Vec<Value>),
}

/// An IPv4 address and the length of its network's prefix in bits, 0 to 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr4 {
    /// The whole address, the host's bits included.
    pub address: Ipv4Addr,
    /// The prefix in bits.
    pub prefix: u8,
}

/// An IPv6 address and the length of its network's prefix in bits, 0 to 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr6 {
    /// The whole address, the host's bits included.
    pub address: Ipv6Addr,
    /// The prefix in bits.
    pub prefix: u8,
}

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Display for Cidr4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Display for Cidr6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Str(text) | Value::Enum(text) | Value::Path(text) => f.write_str(text),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(number) => write!(f, "{number}"),
            Value::Duration(duration) => text::write_duration(*duration, f),
            Value::Size(size) => text::write_size(*size, f),
            Value::Ipv4(address) => write!(f, "{address}"),
            Value::Ipv6(address) => write!(f, "{address}"),
            Value::Cidr4(cidr) => write!(f, "{cidr}"),
            Value::Cidr6(cidr) => write!(f, "{cidr}"),
            Value::Mac(mac) => write!(f, "{mac}"),
            Value::List(items) => {
                let mut last_is_empty = false;
                for (i, item) in items.iter().enumerate() {
                    let item = item.to_string();
                    if i > 0 {
                        f.write_str(",")?;
                    }
                    text::write_item(&item, f)?;
                    last_is_empty = item.is_empty();
                }
                f.write_str(if last_is_empty { "," } else { "" })
            }
        }
    }
}

impl Value {
    /// The text of a string, an enum or a path.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) | Value::Enum(text) | Value::Path(text) => Some(text),
            _ => None,
        }
    }
}

/// A Rust type that a [`Value`] of the right kind becomes.
pub trait FromValue<'a>: Sized {
    /// The value as this type, or `None` if it is of another kind.
    fn from_value(value: &'a Value) -> Option<Self>;
}

impl<'a> FromValue<'a> for &'a str {
    fn from_value(value: &'a Value) -> Option<Self> {
        value.as_str()
    }
}

impl<'a, T: FromValue<'a>> FromValue<'a> for Vec<T> {
    fn from_value(value: &'a Value) -> Option<Self> {
        match value {
            Value::List(items) => items.iter().map(T::from_value).collect(),
            _ => None,
        }
    }
}

impl FromValue<'_> for u64 {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Int(number) => (*number).try_into().ok(),
            Value::Size(size) => Some(*size),
            _ => None,
        }
    }
}

macro_rules! integer {
    ($($type:ty),*) => { $(
        impl FromValue<'_> for $type {
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::Int(number) => (*number).try_into().ok(),
                    _ => None,
                }
            }
        }
    )* };
}

integer!(u8, u16, u32, i8, i16, i32, i64);

macro_rules! copy {
    ($($type:ty = $variant:ident),*) => { $(
        impl FromValue<'_> for $type {
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::$variant(inner) => Some(*inner),
                    _ => None,
                }
            }
        }
    )* };
}

copy!(
    bool = Bool,
    Duration = Duration,
    Ipv4Addr = Ipv4,
    Ipv6Addr = Ipv6,
    Cidr4 = Cidr4,
    Cidr6 = Cidr6,
    Mac = Mac
);
