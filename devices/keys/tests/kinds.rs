//! Values of every kind: what is read, what is refused, and printing as the inverse of reading.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use proptest::prelude::*;
use uk_keys::{Cidr4, Cidr6, Kind, Mac, Value};

const WORDS: &[&str] = &["crunch", "archive", "fat", "a,b", "\\"];

/// A kind with a value of it.
fn simple() -> impl Strategy<Value = (Kind<'static>, Value)> {
    prop_oneof![
        any::<String>().prop_map(|text| (Kind::Str, Value::Str(text))),
        any::<bool>().prop_map(|value| (Kind::Bool, Value::Bool(value))),
        any::<i64>().prop_map(|number| (Kind::I64, Value::Int(number.into()))),
        any::<u64>().prop_map(|number| (Kind::U64, Value::Int(number.into()))),
        (0..WORDS.len()).prop_map(|i| (Kind::Enum(WORDS), Value::Enum(WORDS[i].to_string()))),
        any::<u64>().prop_map(|ns| (Kind::Duration, Value::Duration(Duration::from_nanos(ns)))),
        (any::<u64>(), 0..64)
            .prop_map(|(size, shift)| (Kind::Size, Value::Size(size >> shift << (shift / 2)))),
        any::<u32>().prop_map(|bits| (Kind::Ipv4, Value::Ipv4(Ipv4Addr::from_bits(bits)))),
        any::<u128>().prop_map(|bits| (Kind::Ipv6, Value::Ipv6(Ipv6Addr::from_bits(bits)))),
        (any::<u32>(), 0..=32_u8).prop_map(|(bits, prefix)| {
            (Kind::Cidr4, Value::Cidr4(Cidr4 { address: Ipv4Addr::from_bits(bits), prefix }))
        }),
        (any::<u128>(), 0..=128_u8).prop_map(|(bits, prefix)| {
            (Kind::Cidr6, Value::Cidr6(Cidr6 { address: Ipv6Addr::from_bits(bits), prefix }))
        }),
        any::<[u8; 6]>().prop_map(|bytes| (Kind::Mac, Value::Mac(Mac(bytes)))),
        "[^\0]+".prop_map(|path| (Kind::Path, Value::Path(path))),
    ]
}

/// Lists of texts, the kind whose values can hold anything, also a list in a list.
fn lists() -> impl Strategy<Value = (Kind<'static>, Value)> {
    const STRINGS: Kind<'static> = Kind::List(&Kind::Str);
    let text = prop_oneof![any::<String>(), "[,\\\\a]{0,4}"].prop_map(Value::Str);
    let list = prop::collection::vec(text, 0..4).prop_map(Value::List);
    let lists = prop::collection::vec(list.clone(), 0..4).prop_map(Value::List);
    prop_oneof![list.prop_map(|list| (STRINGS, list)), lists.prop_map(|list| (Kind::List(&STRINGS), list))]
}

proptest! {
    #[test]
    fn printing_and_reading_is_identity((kind, value) in prop_oneof![simple(), lists()]) {
        let text = value.to_string();
        prop_assert_eq!(kind.parse(&text), Ok(value), "by way of {:?}", text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        for name in Kind::NAMES {
            if let Some(kind) = Kind::named(name)
                && let Ok(value) = kind.parse(&text)
            {
                prop_assert_eq!(kind.parse(&value.to_string()), Ok(value));
            }
        }
    }
}

#[test]
fn texts_are_read() {
    for (kind, text, wanted) in [
        (Kind::U8, "255", Value::Int(255)),
        (Kind::I8, "-128", Value::Int(-128)),
        (Kind::Int { min: -5, max: 5 }, "-5", Value::Int(-5)),
        (Kind::Duration, "1h30m", Value::Duration(Duration::from_secs(5400))),
        (Kind::Duration, "250ms", Value::Duration(Duration::from_millis(250))),
        (Kind::Duration, "0", Value::Duration(Duration::ZERO)),
        (Kind::Size, "64KiB", Value::Size(65_536)),
        (Kind::Size, "1500", Value::Size(1500)),
        (Kind::Size, "2MB", Value::Size(2_000_000)),
        (Kind::Mac, "02-00-00-00-00-fF", Value::Mac(Mac([2, 0, 0, 0, 0, 255]))),
        (Kind::List(&Kind::U16), "", Value::List(vec![])),
        (Kind::List(&Kind::U16), "80,443", Value::List(vec![Value::Int(80), Value::Int(443)])),
        (Kind::List(&Kind::Str), ",", Value::List(vec![Value::Str(String::new())])),
        (Kind::List(&Kind::Str), r"a\,b\\", Value::List(vec![Value::Str(r"a,b\".to_string())])),
    ] {
        assert_eq!(kind.parse(text), Ok(wanted), "{text}");
    }
}

#[test]
fn texts_are_refused_with_what_is_expected() {
    for (kind, text, wanted) in [
        (Kind::Bool, "yes", "expected `true` or `false`"),
        (Kind::U16, "65536", "expected a whole number from 0 to 65535"),
        (Kind::U16, "", "expected a whole number from 0 to 65535"),
        (Kind::U64, "340282366920938463463374607431768211456", "expected a whole number from 0 to"),
        (Kind::Int { min: 1, max: 5 }, "0", "expected a whole number from 1 to 5"),
        (Kind::Enum(&["crunch", "fat"]), "Fat", "expected one of `crunch`, `fat`"),
        (Kind::Duration, "5", "expected a duration such as"),
        (Kind::Duration, "5 s", "expected a duration such as"),
        (Kind::Duration, "-5s", "expected a duration such as"),
        (Kind::Duration, "999999999999d", "expected a duration such as"),
        (Kind::Size, "5Kib", "expected a size such as"),
        (Kind::Size, "TiB", "expected a size such as"),
        (Kind::Size, "16777216TiB", "expected a size below 16777216TiB, and this is too large"),
        (Kind::Size, "18446744073709551616", "expected a size below 16777216TiB, and this is too large"),
        (Kind::Ipv4, "10.0.0", "expected an IPv4 address"),
        (Kind::Ipv6, "10.0.0.1", "expected an IPv6 address"),
        (Kind::Cidr4, "10.0.0.1/33", "expected an IPv4 address and prefix"),
        (Kind::Cidr4, "10.0.0.1/+8", "expected an IPv4 address and prefix"),
        (Kind::Cidr4, "10.0.0.1", "expected an IPv4 address and prefix"),
        (Kind::Cidr6, "fd00::1/129", "expected an IPv6 address and prefix"),
        (Kind::Mac, "02:00:00:00:00:0g", "expected an Ethernet address"),
        (Kind::Mac, "02:00-00:00:00:00", "expected an Ethernet address"),
        (Kind::Mac, "02:00:00:00:00:0\u{e9}", "expected an Ethernet address"),
        (Kind::Path, "", "expected a path"),
        (Kind::List(&Kind::U8), "1,256", "expected values separated by commas, each a whole number"),
        (Kind::List(&Kind::Str), r"a\b", "expected values separated by commas"),
    ] {
        let message = kind.parse(text).expect_err(text).to_string();
        assert!(message.starts_with(wanted), "{text}: {message}");
    }
}

#[test]
fn every_name_is_a_kind() {
    for name in Kind::NAMES {
        assert_eq!(Kind::named(name).is_some(), !matches!(*name, "enum" | "list"), "{name}");
    }
    assert_eq!(Kind::named("u128"), None);
}
