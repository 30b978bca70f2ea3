//! The reader against the `kdl` crate: both must accept the same documents and read the same values.

#[path = "../../../fuzz/soak.rs"]
mod harness;

use std::fs;
use std::ops::Range;
use std::path::Path;

use proptest::prelude::*;
use uk_kdl::{MAX_FAULTS, Scalar, in_quotes, parse, quote};

type Node<'t> = uk_kdl::Node<'t, Range<usize>>;
type Value<'t> = uk_kdl::Value<'t, Range<usize>>;
type Fault = uk_kdl::Fault<Range<usize>>;

/// A document in one notation that both readers can be brought to.
fn ours(nodes: &[Node<'_>]) -> String {
    nodes.iter().map(our_node).collect()
}

fn our_node(node: &Node<'_>) -> String {
    let mut out = format!("{:?}{:?}[", node.annotation.as_ref().map(|a| &a.text), node.name.text);
    let mut properties: Vec<(&str, String)> = Vec::new();
    for argument in &node.arguments {
        out += &our_value(argument);
    }
    for property in &node.properties {
        // A property that is written twice counts once for `kdl` as well: the last.
        properties.retain(|p| p.0 != property.name.text);
        properties.push((&property.name.text, our_value(&property.value)));
    }
    properties.sort();
    let children = node.children.as_deref().map_or(String::new(), |c| format!("{{{}}}", ours(c)));
    format!("{out}]{properties:?}{children};")
}

fn our_value(value: &Value<'_>) -> String {
    let annotation = value.annotation.as_ref().map(|a| &a.text);
    match &value.scalar {
        Scalar::String(text) => format!("{annotation:?}{text:?} "),
        Scalar::Integer(number) => format!("{annotation:?}{number} "),
        Scalar::Float(number) => format!("{annotation:?}{number:?} "),
        Scalar::Bool(on) => format!("{annotation:?}{on} "),
        Scalar::Null => format!("{annotation:?}null "),
    }
}

fn theirs(document: &kdl::KdlDocument) -> String {
    document.nodes().iter().map(their_node).collect()
}

fn their_node(node: &kdl::KdlNode) -> String {
    let mut out = format!("{:?}{:?}[", node.ty().map(kdl::KdlIdentifier::value), node.name().value());
    let mut properties: Vec<(&str, String)> = Vec::new();
    for entry in node.entries() {
        let value = their_value(entry);
        match entry.name() {
            None => out += &value,
            Some(name) => {
                properties.retain(|p| p.0 != name.value());
                properties.push((name.value(), value));
            }
        }
    }
    properties.sort();
    let children = node.children().map_or(String::new(), |c| format!("{{{}}}", theirs(c)));
    format!("{out}]{properties:?}{children};")
}

fn their_value(entry: &kdl::KdlEntry) -> String {
    let annotation = entry.ty().map(kdl::KdlIdentifier::value);
    match entry.value() {
        kdl::KdlValue::String(text) => format!("{annotation:?}{text:?} "),
        kdl::KdlValue::Integer(number) => format!("{annotation:?}{number} "),
        kdl::KdlValue::Float(number) => format!("{annotation:?}{number:?} "),
        kdl::KdlValue::Bool(on) => format!("{annotation:?}{on} "),
        kdl::KdlValue::Null => format!("{annotation:?}null "),
    }
}

fn read(text: &str) -> (String, Vec<Fault>) {
    let (nodes, faults) = parse(text, |range| range);
    for fault in &faults {
        assert!(text.get(fault.place.clone()).is_some(), "{text:?}: {fault:?} points outside of it");
    }
    (ours(&nodes), faults)
}

fn messages(text: &str) -> Vec<String> {
    read(text).1.into_iter().map(|d| d.message).collect()
}

#[track_caller]
fn same(text: &str) {
    let document =
        kdl::KdlDocument::parse_v2(text).unwrap_or_else(|e| panic!("{text:?}: `kdl` refuses: {e:?}"));
    let (nodes, faults) = read(text);
    assert_eq!(faults, [], "{text:?}");
    assert_eq!(nodes, theirs(&document), "{text:?}");
}

#[test]
fn reads_what_kdl_reads() {
    for text in [
        "",
        "\u{feff}a",
        "a",
        "a;b; c",
        "a b c=d \"e\"=f g=\"h\"",
        "a 1 -2 +3 0xf_f",
        "a 0xff -0x10 0b1010 0o17 1_000 1.5 -1.5e3 1e-2 1_0.0_1",
        "a #true #false #null #inf #-inf #nan",
        "a (u8)1 (\"x y\")b c=(key)d",
        "(ty)a b",
        "( ty ) a ( t ) 1",
        "a b = c d= e f =g",
        "a { b; c 1; d { e } }",
        "a {}",
        "a { }\nb",
        "a /* c /* nested */ */ b // end\nc",
        "a \\\n b \\ // comment\n c",
        "/- a b { c }\nd",
        "a /- b c /-d=e f",
        "a /- { b } { c } /- { d }",
        "a {\n/- b\nc }",
        "/- kdl-version 2\na",
        "a \"\\n\\t\\\\\\\"\\u{e9}\\s\\b\\f\\r\"",
        "a \"x \\   y\"",
        "a \"x \\\n   y\"",
        "a #\"raw \\n \"quoted\" \"#  ##\"a\"#b\"##",
        "a \"\"\"\n  one\n    two\n\n  three\n  \"\"\"",
        "a \"\"\"\n  \"\"\"",
        "a #\"\"\"\n  \\n \" x\n  \"\"\"#",
        "a \"\"\"\n  x \\\n    y\n  \"\"\"",
        "a - -- .a +a -a a-b _ é 漢字 a.b a:b @x 'q' <x>",
        "a \r\nb\rc\u{85}d\u{2028}e\u{c}f",
        "a\u{a0}b\u{3000}c",
        "\"quoted name\" b",
        "a dup=1 dup=2",
        "a,b <c> d|e f&g",
        "a 0x1F 0b1_0 1e3 1.5E-3",
        "a b=1 c=\"x\" \"d e\"=f d=#true",
        "a /-1 2 /-b=3 /- {\n x\n} {\n y /-{ z }\n}\n/- c 1 {\n d\n}\ne",
        "/-\na 1\nb /-\n 2 3",
        "a ( /* x */ u8 )1 (\"a b\")c",
        "b \\\n",
        "a #\"raw \\ \"x\" \"# #\"\"#",
        "a \"\"\"\n    first\n      second \\\"\"\" x\n\n    third\n    \"\"\"",
        "a #\"\"\"\n  raw \\n \"\"\" x\n  \"\"\"#",
        "a \"\"\"\n  one \\\n    joined\n  two\n  \"\"\"",
        "job main entry=\"hello::start\" {\n    keys\n    time default-time\n}",
    ] {
        same(text);
    }
}

/// By the language only a block that is taken out may follow a block; `kdl` takes such a value for a node on a line of its
/// own.
#[test]
fn a_value_that_is_taken_out_stands_before_the_block() {
    for text in ["a{}/-b", "a {} /-b", "a {} /-b=c", "a { b } /-1 {}"] {
        let (_, faults) = parse(text, |range| range);
        assert!(!faults.is_empty(), "{text}");
    }
    for text in ["a /-b {}", "a {} /-{}", "a {}; /-b"] {
        let (_, faults) = parse(text, |range| range);
        assert_eq!(faults, [], "{text}");
    }
}

#[test]
fn refuses_what_kdl_refuses() {
    for text in [
        "a \"open",
        "a \"\"\"\nopen",
        "a #\"open",
        "a {",
        "}",
        "a }",
        "a b=",
        "a =b",
        "a (",
        "a (x",
        "a (x)",
        "(x)",
        "a 1x",
        "a 1..2",
        "a .5",
        "a 0x",
        "a 0b2",
        "a 1e",
        "a true",
        "a b=null",
        "a #tru",
        "a \"\\q\"",
        "a \"\\u{110000}\"",
        "a \"\\u{}\"",
        "a /* open",
        "a \u{0}",
        "a \u{7}b",
        "a \u{202e}b",
        "a [b]",
        "a \\ b",
        "a {} b",
        "a{}/-0x1f",
        "a {} /-\"b\"=",
        "a {} {}",
        "a \"b\"c",
        "a \"b\"\"c\"",
        "a \"x\ny\"",
        "a \"\"\"x\"\"\"",
        "a \"\"\"\n x\n  \"\"\"",
        "a \"\"\"\nx\"\"\"",
        "{ a }",
        "1 a",
        "#true a",
        "a 1=2",
        "a (x)b=c",
        "a \u{feff}b",
        "a 1.",
        "a#true",
        "a b\"c\"",
        "a 1b=2",
        "/* open",
    ] {
        assert!(kdl::KdlDocument::parse_v2(text).is_err(), "{text:?}: `kdl` accepts it");
        assert_ne!(messages(text), Vec::<String>::new(), "{text:?}");
    }
}

/// Appends every text below `folder` that is KDL, or Markdown with blocks of it.
fn collect(folder: &Path, texts: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it is readable").path();
        let name = path.display().to_string();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, texts);
        } else if name.ends_with(".kdl") {
            let text = fs::read(&path).expect("it is readable");
            texts.push((name, String::from_utf8_lossy(&text).into_owned()));
        } else if name.ends_with(".md") {
            let page = fs::read_to_string(&path).expect("pages are UTF-8");
            for block in page.split("\n```kdl").skip(1) {
                let text = block.split_once('\n').and_then(|(_, rest)| rest.split("\n```").next());
                texts.push((name.clone(), text.unwrap_or_default().to_owned()));
            }
        }
    }
}

#[test]
fn the_texts_of_the_repository_are_read_alike() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut texts = Vec::new();
    for folder in ["backends", "devices", "docs", "examples", "fuzz/corpus", "planner", "tests"] {
        collect(&root.join(folder), &mut texts);
    }
    let mut same = 0;
    for (name, text) in &texts {
        let (nodes, faults) = read(text);
        match kdl::KdlDocument::parse_v2(text) {
            Ok(document) => {
                assert_eq!(faults, [], "{name}:\n{text}");
                assert_eq!(nodes, theirs(&document), "{name}:\n{text}");
                same += 1;
            }
            Err(_) => assert_ne!(faults, [], "{name}: `kdl` refuses\n{text}"),
        }
    }
    assert!(same >= 100, "only {same} of {} texts are sound", texts.len());
}

#[test]
fn slips_in_keywords_are_near() {
    for (written, meant) in [
        ("#True", Some("true")),
        ("#ture", Some("true")),
        ("#tru", Some("true")),
        ("#fals3", Some("false")),
        ("#nulll", Some("null")),
        ("#yes", None),
        ("#", None),
    ] {
        let faults = read(&format!("a {written}")).1;
        let help = faults[0].help.as_deref().expect("a keyword's fault has help");
        match meant {
            Some(meant) => assert_eq!(help, format!("did you mean `#{meant}`?")),
            None => assert!(help.starts_with("keywords are"), "{written}: {help}"),
        }
    }
}

#[test]
fn several_faults_are_several_diagnostics() {
    let text = "unikernel 12abc\nkey hello default=\ndevice disk file=\"disk.img\n}\njob main true\n";
    assert_eq!(
        messages(text),
        [
            "`12abc` isn't a number",
            "a value is missing",
            "a text in quotes is never closed on its line",
            "`}` closes nothing",
            "`true` can be a keyword or a text",
        ]
    );
}

#[test]
fn what_follows_a_fault_is_still_read() {
    let (nodes, faults) = read("a 12abc b=1 {\n c =\n d\n}\ne");
    assert_eq!(faults.len(), 2);
    assert_eq!(nodes, "None\"a\"[][(\"b\", \"None1 \")]{None\"c\"[][];None\"d\"[][];};None\"e\"[][];");
}

#[test]
fn nesting_and_the_number_of_faults_are_bounded() {
    let deep = "a {".repeat(100_000);
    assert_eq!(messages(&deep).len(), 33, "one too deep, and those around it never closed");
    let many = "a =\n".repeat(10_000);
    assert_eq!(messages(&many).len(), MAX_FAULTS);
}

#[test]
fn spans_are_bytes_of_the_text() {
    let text = "é \"ü\" x=(key)名";
    let (nodes, _) = parse(text, |range| range);
    let node = &nodes[0];
    assert_eq!(&text[node.name.span.clone()], "é");
    assert_eq!(&text[node.arguments[0].span.clone()], "\"ü\"");
    assert_eq!(&text[node.properties[0].name.span.clone()], "x");
    assert_eq!(&text[node.properties[0].value.span.clone()], "(key)名");
    assert_eq!(&text[node.span.clone()], text);
}

/// Pieces that make up most of KDL, put together at random: mostly faulty documents, some sound ones.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        " ", " ", " ", "\n", "\n", ";", "a", "b", "name", "x=", "=", "{", "}", "{\n", "\n}\n", "\"q\"", "\"",
        "\"\"\"", "\"\"\"\n", "\n\"\"\"", "#\"r\"#", "#", "#true", "#null", "1", "-1.5", "0x1f", "1e3",
        "(t)", "(", ")", "//c\n", "/*c*/", "/*", "*/", "/-", "\\", "\\\n", "\\n", "\\u{41}", "é", "\u{a0}",
        "\r\n", "\u{2028}", "true", "inf", "-", "+", ".", ",",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Both readers take `text` for the same, but for where `kdl` isn't right.
fn agree(text: &str) -> Result<(), TestCaseError> {
    let (nodes, faults) = read(text);
    match kdl::KdlDocument::parse_v2(text) {
        Ok(document) if faults.is_empty() => prop_assert_eq!(nodes, theirs(&document), "{:?}", text),
        // `kdl` doesn't look at what follows a node that is commented out.
        Ok(_) if text.contains("/-") => {}
        // The language says that a raw text of one line can't start with two quotes; `kdl` takes it.
        Ok(_) if text.contains("#\"\"\"") => {}
        // The language says that a bare `-inf` is no text; `kdl` takes it.
        Ok(_) => prop_assert!(faults.iter().all(|f| f.message.starts_with("`-inf`")), "{text:?}: {faults:?}"),
        // `kdl` can't end a node that is commented out with a `;`.
        Err(_) if text.contains("/-") && text.contains(';') => {}
        Err(_) => prop_assert!(!faults.is_empty(), "`kdl` refuses {text:?}"),
    }
    Ok(())
}

#[test]
fn soak_against_kdl() {
    harness::soak("nodes against `kdl`", pieces(), |text| agree(text).unwrap_or_else(|e| panic!("{e}")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_kdl(text in pieces()) {
        agree(&text)?;
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in any::<String>()) {
        read(&text);
    }

    #[test]
    fn printed_text_reads_back(text in any::<String>()) {
        let line = format!("node {} x={}", quote(&text), in_quotes(&text));
        let (nodes, faults) = parse(&line, |range| range);
        prop_assert_eq!(faults, Vec::new());
        prop_assert_eq!(&nodes[0].arguments[0].scalar, &Scalar::String(text.as_str().into()));
        prop_assert_eq!(&nodes[0].properties[0].value.scalar, &Scalar::String(text.as_str().into()));
    }
}
