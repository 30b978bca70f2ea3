//! Values as Rust expressions, in the types that a crate's function takes.

use uk_keys::Value;

use crate::value::Type;

/// A string literal.
pub(super) fn text(text: &str) -> String {
    format!("{text:?}")
}

/// A value of type `ty`. A list is a `Vec`, a size a `u64`, an enum or path a `&'static str`.
pub(super) fn value(value: &Value, ty: &Type) -> String {
    match value {
        Value::Str(s) | Value::Enum(s) | Value::Path(s) => text(s),
        Value::Bool(on) => on.to_string(),
        Value::Int(number) => format!("{number}{}", ty.item().unwrap_or(ty.name())),
        Value::Size(bytes) => format!("{bytes}u64"),
        Value::Duration(duration) => {
            format!("uk_device::Duration::new({}, {})", duration.as_secs(), duration.subsec_nanos())
        }
        Value::Ipv4(address) => ipv4(*address),
        Value::Ipv6(address) => ipv6(*address),
        Value::Cidr4(cidr) => {
            format!("uk_device::keys::Cidr4 {{ address: {}, prefix: {} }}", ipv4(cidr.address), cidr.prefix)
        }
        Value::Cidr6(cidr) => {
            format!("uk_device::keys::Cidr6 {{ address: {}, prefix: {} }}", ipv6(cidr.address), cidr.prefix)
        }
        Value::Mac(mac) => format!("uk_device::keys::Mac({:?})", mac.0),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| self::value(item, ty)).collect();
            format!("uk_device::alloc::vec![{}]", items.join(", "))
        }
    }
}

fn ipv4(address: std::net::Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("core::net::Ipv4Addr::new({a}, {b}, {c}, {d})")
}

fn ipv6(address: std::net::Ipv6Addr) -> String {
    let segments: Vec<String> = address.segments().iter().map(|s| format!("{s:#x}")).collect();
    format!("core::net::Ipv6Addr::new({})", segments.join(", "))
}
