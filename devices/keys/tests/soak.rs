//! Arbitrary and damaged command lines, values and lines of words: a second of each, or `UK_SOAK_SECONDS`.

#[path = "../../../fuzz/soak.rs"]
mod harness;

use harness::soak;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use uk_keys::words::{quote, split};
use uk_keys::{Filter, Key, Kind, Level, Outcome, RESERVED, Stage, WORDS, help, nearest, parse};

/// Texts that some kind takes.
const TEXTS: &[&str] = &[
    "",
    "true",
    "false",
    "0",
    "255",
    "-128",
    "18446744073709551615",
    "1h30m",
    "250ms",
    "64KiB",
    "2MB",
    "10.0.0.2",
    "fd00::2",
    "::ffff:1.2.3.4",
    "10.0.0.2/24",
    "fd00::2/64",
    "02:00:00:00:00:01",
    "02-00-00-00-00-fF",
    "crunch",
    "two words",
    "/srv/www",
    "80,443",
    r"a\,b\\,,",
    "*:debug,net:info",
    "quiet",
];

/// What is put into texts at random.
const PIECES: &[&str] = &[
    "-",
    "--",
    "=",
    ",",
    "\\",
    ":",
    "::",
    "/",
    ".",
    "'",
    "\"",
    " ",
    "\t",
    "\n",
    "\0",
    "_",
    "*",
    "+",
    "0",
    "9",
    "é",
    "\u{202e}",
    "\u{1d7d9}",
    "KiB",
    "TiB",
    "kB",
    "ms",
    "us",
    "d",
    "h",
    "%",
    "virtio_mmio.device=",
    "pci=off",
    "--help",
    "--logs=",
    "99999999999999999999999999999999999999999",
    "340282366920938463463374607431768211455",
    "args",
    "u8",
];

const OPTIONS: &[&str] = &["crunch", "two words", "a,b", "\\", ""];

/// A text that is given only where nobody may see it.
const SECRET: &str = "S3CRET";

/// A key of every kind, one of a list of every kind, and some that are special.
fn table() -> Vec<Key<'static>> {
    let mut table = vec![
        Key { stage: Stage::Build, default: Some("1"), doc: "Fixed.", ..Key::new("fixed", Kind::U8) },
        Key { secret: true, ..Key::new("token", Kind::U32) },
        Key { default: Some("-5"), ..Key::new("few", Kind::Int { min: -5, max: 5 }) },
        Key { stage: Stage::Run, ..Key::new(WORDS, Kind::List(&Kind::Str)) },
    ];
    for name in Kind::NAMES {
        let kind: &'static Kind = Box::leak(Box::new(match *name {
            "enum" => Kind::Enum(OPTIONS),
            "list" => Kind::List(&Kind::Str),
            name => Kind::named(name).expect("the other kinds have names"),
        }));
        table.push(Key::new(name, *kind));
        table.push(Key::new(format!("many_{name}").leak(), Kind::List(kind)));
    }
    table
}

/// An edit: where (as a part of the whole), how much is taken out, and what is put in.
type Edit = (u16, u8, Index);

fn damage(text: &str, edits: &[Edit]) -> String {
    let mut text = text.to_owned();
    for (place, length, piece) in edits {
        let at = text.floor_char_boundary(text.len() * usize::from(*place) / usize::from(u16::MAX));
        let end = text.floor_char_boundary((at + usize::from(length % 4)).min(text.len()));
        text.replace_range(at..end.max(at), PIECES[piece.index(PIECES.len())]);
    }
    text
}

fn text() -> impl Strategy<Value = String> {
    let edits = |most| prop::collection::vec(any::<Edit>(), 0..most);
    prop_oneof![
        3 => (select(TEXTS), edits(4)).prop_map(|(text, edits)| damage(text, &edits)),
        1 => any::<String>(),
        1 => edits(12).prop_map(|edits| damage("", &edits)),
    ]
}

/// A few words of a command line: mostly keys with values, which may or may not be theirs.
fn words() -> impl Strategy<Value = Vec<String>> {
    let names: Vec<&str> = table().iter().map(|key| key.name).chain(RESERVED.iter().copied()).collect();
    prop_oneof![
        6 => (select(names), select(TEXTS)).prop_map(|(name, text)| vec![format!("--{name}={text}")]),
        6 => (select(Kind::NAMES), text()).prop_map(|(name, text)| vec![format!("--{name}"), text]),
        3 => (select(Kind::NAMES), text()).prop_map(|(name, text)| vec![format!("--many-{name}={text}")]),
        3 => text().prop_map(|text| vec![text]),
        1 => text().prop_map(|text| vec!["-l".to_owned(), text]),
        1 => select(&["--", "-h", "--bool"][..]).prop_map(|word| vec![word.to_owned()]),
        1 => Just(vec![format!("--token={SECRET}")]),
    ]
}

fn command_line() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(words(), 0..5).prop_map(|words| words.concat())
}

/// What a command line comes to holds together.
fn check(table: &[Key], line: &[String]) {
    match parse("soak", table, line) {
        Outcome::Help(text) => assert_eq!(text, help("soak", table)),
        Outcome::Usage(usage) => {
            // Of a word whose key is spoilt nobody can know that it is secret.
            let kept = line.iter().all(|word| !word.contains(SECRET) || *word == format!("--token={SECRET}"));
            let text = usage.to_string();
            assert!(!usage.message.is_empty());
            assert!(!kept || !text.contains(SECRET), "{text}");
        }
        Outcome::Run(values) => {
            let mut again = Vec::new();
            for (key, (name, value)) in table.iter().zip(values.iter()) {
                assert_eq!(key.name, name);
                if let Some(value) = value.filter(|_| key.stage != Stage::Build) {
                    again.push(format!("--{name}={value}"));
                }
            }
            // What was read says the same when it is written and read again.
            let Outcome::Run(same) = parse("soak", table, &again) else { panic!("{again:?}") };
            assert!(values.iter().eq(same.iter()), "{values:?} and {same:?}, from {again:?}");
        }
    }
}

#[test]
fn soak_command_lines() {
    let table = table();
    let without_words: Vec<Key> = table.iter().filter(|key| key.name != WORDS).copied().collect();
    let needy: Vec<Key> = table.iter().map(|key| Key { required: true, ..*key }).collect();
    soak("command lines", command_line(), |line| {
        for table in [&table, &without_words, &needy] {
            check(table, line);
        }
    });
}

#[test]
fn soak_lines_of_words() {
    let table = table();
    let line = (command_line(), prop::collection::vec(any::<Edit>(), 0..4))
        .prop_map(|(line, edits)| damage(&quote(&line), &edits));
    soak("lines of words", prop_oneof![line, text()], |line| {
        if let Ok(words) = split(line) {
            assert_eq!(split(&quote(&words)).as_ref(), Ok(&words));
            check(&table, &words);
        }
    });
}

#[test]
fn soak_values() {
    let table = table();
    soak("values", text(), |text| {
        for key in &table {
            match key.kind.parse(text) {
                Ok(value) => assert_eq!(key.kind.parse(&value.to_string()), Ok(value), "{:?}", key.kind),
                Err(error) => {
                    let said = error.expected();
                    let too_large = key.kind == Kind::Size && said.starts_with("a size below ");
                    assert!(too_large || said == key.kind.expected(), "{text}: {said}");
                }
            }
        }
        if let Some(filter) = Filter::parse(text) {
            assert!(!filter.enabled("net", Level::Trace) || filter.highest() == Level::Trace);
        }
        let near = nearest(text, table.iter().map(|key| key.name));
        assert!(near.is_some() || table.iter().all(|key| key.name != text));
    });
}
