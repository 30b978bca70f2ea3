//! Properties over generated, shuffled and damaged manifests.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use uk_backends::Target;
use uk_planner::generate::{key_table, main_rs};

use crate::support::{Desk, EXAMPLE};
use crate::{exercise, harness};

const SEEDS: &[&str] = &[
    include_str!("everything.kdl"),
    include_str!("../../../examples/hello-key/unikernel.kdl"),
    include_str!("example.kdl"),
    "workspace {\n    member \"examples/*\"\n}\n",
    "unikernel block-test\nhook disk-image {\n    image disk.img sectors=100000\n}\ndevice disk block-of-file \
     file=disk.img\njob main entry=\"block_test::start\" {\n    block disk\n}\n",
];

/// Words that mean something, to be dropped into a text at random.
const WORDS: &[&str] = &[
    " ",
    "\n",
    "{",
    "}",
    ";",
    "\"",
    "#true",
    "=",
    "(key)",
    "(param)",
    "/-",
    "//",
    "/*",
    "*/",
    "device ",
    "job ",
    "key ",
    "unikernel ",
    "implementation ",
    "interface ",
    "choose ",
    "target ",
    "use ",
    "requires ",
    "crate ",
    "type=",
    "default=",
    "entry=\"a::b\"",
    "provides=",
    "stage=build",
    "main",
    "disk",
    "net",
    "stack",
    "-",
    "_",
    "0",
    "99999999999999999999999999999999999999999",
    "\u{0}",
    "é",
    "\u{202e}",
    "\\",
    "as=",
    "language 2",
];

/// An edit: where (as a part of the whole), how much is taken out, and what is put in.
type Edit = (u16, u8, prop::sample::Index);

fn damage(text: &str, edits: &[Edit]) -> String {
    let mut text = text.to_owned();
    for (place, length, word) in edits {
        let at = text.floor_char_boundary(text.len() * usize::from(*place) / usize::from(u16::MAX));
        let end = text.floor_char_boundary((at + usize::from(length % 24)).min(text.len()));
        text.replace_range(at..end.max(at), WORDS[word.index(WORDS.len())]);
    }
    text
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec(any::<Edit>(), 1..6)
}

/// A manifest whose devices need each other in all directions but back, as its declarations.
fn declarations() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec((0_u8..6, any::<prop::sample::Index>(), 0_u8..3), 1..12).prop_map(|kinds| {
        let mut nets = vec!["relay-0".to_owned()];
        let mut lines = vec!["device relay-0 default-network".to_owned(), "key port type=u16 default=80".to_owned()];
        for (number, (kind, other, value)) in kinds.into_iter().enumerate() {
            lines.push(match kind {
                0 => format!("device d{number} ramdisk size=\"{value}MiB\""),
                1 => format!("device d{number} generic-kv-ro dir=t{value}"),
                2 => format!("device d{number} fat dir=t{value} {{ block d{number}-disk }}\ndevice d{number}-disk ramdisk"),
                3 => format!("device d{number} crunch dir=t{value}"),
                4 => format!("key k{number} type=u16 default={value}"),
                _ => {
                    let below = nets.swap_remove(other.index(nets.len()));
                    nets.push(format!("d{number}"));
                    format!("device d{number} relay {{ net {below} }}")
                }
            });
        }
        let jobs: String = lines.iter().flat_map(|l| l.lines()).filter_map(job_line).collect();
        let net = &nets[0];
        lines.push(format!("job main entry=\"a::b\" {{\n    keys\n    net {net}\n{jobs}}}"));
        lines
    })
}

fn job_line(declaration: &str) -> Option<String> {
    let mut words = declaration.split(' ');
    let (_, name, implementation) = (words.next()?, words.next()?, words.next()?);
    let interface = match implementation {
        "ramdisk" if !name.ends_with("-disk") => "block",
        "generic-kv-ro" | "fat" | "crunch" => "kv-ro",
        _ => return None,
    };
    Some(format!("    {name} {name} as={interface}\n"))
}

fn generated(lines: &[String]) -> String {
    let mut desk = Desk::default();
    let text = format!("unikernel shuffled\n{}\n", lines.join("\n"));
    match desk.check(&text, EXAMPLE, Target::Unix) {
        Ok(graph) => main_rs(&graph).text,
        Err(faults) => panic!("{text}\n{}", desk.draw(&faults)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_without_a_panic(text in any::<String>()) {
        exercise::manifest(&text);
        exercise::device_file(&text);
    }

    #[test]
    fn damaged_manifests_are_read_without_a_panic(seed in 0..SEEDS.len(), edits in edits()) {
        exercise::manifest(&damage(SEEDS[seed], &edits));
    }

    #[test]
    fn damaged_catalogues_are_read_without_a_panic(edits in edits()) {
        exercise::device_file(&damage(include_str!("example.kdl"), &edits));
    }

    #[test]
    fn the_order_of_declarations_does_not_show(
        (lines, shuffled) in declarations().prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle()))
    ) {
        prop_assert_eq!(generated(&lines), generated(&shuffled));
    }
}

#[test]
fn another_value_changes_the_keys_alone() {
    let text = include_str!("everything.kdl");
    let graph = |set: &[&str]| {
        let mut desk = Desk::default();
        for pair in set {
            desk.set(pair).expect("each key is set once");
        }
        desk.check(text, EXAMPLE, Target::Unix).unwrap_or_else(|faults| panic!("{}", desk.draw(&faults)))
    };
    let (plain, set) = (graph(&[]), graph(&["port=80", "greeting=hi"]));
    assert_eq!(main_rs(&plain).text, main_rs(&set).text);
    assert_ne!(key_table(&plain), key_table(&set));
    let chosen = graph(&["other.kv_ro=crunch"]);
    assert_ne!(main_rs(&plain).text, main_rs(&chosen).text);
}

#[test]
fn long_chains_and_circles_need_no_stack() {
    const LENGTH: usize = 20_000;
    let line = |i: usize, below: &str| format!("device d{i} relay {{ net {below} }}\n");
    let chain: String = (1..LENGTH).map(|i| line(i, &format!("d{}", i - 1))).collect();
    let job = format!("job main entry=\"a::b\" {{ net d{} }}\n", LENGTH - 1);
    let mut desk = Desk::default();
    let text = format!("unikernel long\n{}{chain}{job}", line(0, "default-network"));
    let graph =
        desk.check(&text, EXAMPLE, Target::Unix).unwrap_or_else(|faults| panic!("{}", desk.draw(&faults)));
    assert_eq!(graph.devices().len(), LENGTH + 1);
    let text = format!("unikernel round\n{}{chain}{job}", line(0, &format!("d{}", LENGTH - 1)));
    let faults = desk.check(&text, EXAMPLE, Target::Unix).expect_err("a circle");
    assert_eq!(faults.len(), 1);
}

/// Damages texts for as long as a soak goes.
fn soak(name: &str, seeds: &[&str], run: impl Fn(&str)) {
    let edits = prop::collection::vec(any::<Edit>(), 1..40);
    let texts = (0..seeds.len(), edits).prop_map(|(seed, edits)| damage(seeds[seed], &edits));
    harness::soak(name, texts, |text| run(text));
}

#[test]
fn soak_manifests() {
    soak("manifests", SEEDS, exercise::manifest);
}

#[test]
fn soak_device_files() {
    let seeds = [include_str!("example.kdl"), include_str!("time.kdl")];
    soak("device files", &seeds, exercise::device_file);
}

#[test]
fn texts_that_were_found_once_stay_harmless() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (folder, run) in
        [("manifest", exercise::manifest as fn(&str)), ("device_file", exercise::device_file)]
    {
        let entries = fs::read_dir(corpus.join(folder)).expect("the corpus is kept");
        for entry in entries {
            let bytes = fs::read(entry.expect("an entry").path()).expect("a file");
            run(&String::from_utf8_lossy(&bytes));
        }
    }
}
