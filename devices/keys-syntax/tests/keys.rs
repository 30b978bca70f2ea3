//! Keys out of manifests.

use proptest::prelude::*;
use uk_keys_syntax::{Key, Type, read, write};

#[test]
fn the_projection_holds_what_the_rust_type_depends_on() {
    let text = r#"
unikernel network

key hello type=string default="Hello World!" doc="How to say hello."
device x y { key inner type=u8 }
/- key gone type=u8
key kv_ro type=enum stage=build default=crunch doc="Which." {
    option crunch doc="Compiled in."
    option "fat 32"
    /- option gone
}
key peers type=list of=ipv4 required=#true
(note)key port type=u16 min=1 max=1024
"#;
    let named = |name: &str| Type::Named(name.to_string());
    let key = |name: &str, line, kind, required, has_default| Key {
        name: name.to_string(),
        line,
        kind,
        required,
        has_default,
    };
    assert_eq!(
        read(text).expect("it is a manifest"),
        [
            key("hello", 4, named("string"), false, true),
            key("kv_ro", 7, Type::Enum(vec!["crunch".to_string(), "fat 32".to_string()]), false, true),
            key("peers", 12, Type::List("ipv4".to_string()), true, false),
            key("port", 13, named("u16"), false, false),
        ]
    );
}

#[test]
fn faults_say_where_and_what() {
    for (text, wanted) in [
        ("\n\nkey", "line 3: a key needs a name"),
        ("key a", "line 1: key `a` needs a type"),
        ("key a type=enum", "line 1: key `a` needs options"),
        ("key a type=list", "line 1: key `a` needs `of`"),
        ("a\r\nb\r\nc \"x", "line 3: a text in quotes is never closed on its line: write `\"`"),
        ("a\n/* b\n c", "line 2: a comment is never closed"),
        ("a {\n b =\n", "line 1: a block is never closed"),
        ("a true", "line 1: `true` can be a keyword or a text: write `#true`"),
    ] {
        let message = read(text).expect_err(text).to_string();
        assert!(message.starts_with(wanted), "{text:?}: {message}");
    }
}

fn keys() -> impl Strategy<Value = Vec<Key>> {
    let kind = prop_oneof![
        any::<String>()
            .prop_filter("not those with more", |name| name != "enum" && name != "list")
            .prop_map(Type::Named),
        prop::collection::vec(any::<String>(), 1..4).prop_map(Type::Enum),
        any::<String>().prop_map(Type::List),
    ];
    let key = (any::<String>(), kind, any::<bool>(), any::<bool>())
        .prop_map(|(name, kind, required, has_default)| Key { name, line: 0, kind, required, has_default });
    prop::collection::vec(key, 0..4)
}

proptest! {
    #[test]
    fn writing_and_reading_is_identity(keys in keys()) {
        let mut read = read(&write(&keys)).expect("what was written is right");
        read.iter_mut().for_each(|key| key.line = 0);
        prop_assert_eq!(read, keys);
    }
}
